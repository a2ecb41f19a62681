import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";
import { showAll } from "./run";

const http = httpRouter();
http.route({
  path: "/run",
  method: "POST",
  handler: httpAction(async (_ctx, request) => Response.json(await showAll(await request.json()))),
});
export default http;
