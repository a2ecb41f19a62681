import { httpRouter } from "convex/server";
import { internal } from "./_generated/api";
import { httpAction } from "./_generated/server";

const http = httpRouter();
http.route({
  path: "/schedule",
  method: "POST",
  handler: httpAction(async (ctx, request) => {
    const id = await ctx.scheduler.runAfter(0, internal.jobs.note, { tag: await request.text() });
    return new Response(id);
  }),
});
export default http;
