import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";

const http = httpRouter();
// Stores what it is sent and answers with the id.
http.route({
  path: "/store",
  method: "POST",
  handler: httpAction(async (ctx, request) => new Response(await ctx.storage.store(await request.blob()))),
});
// A stored file as the response.
http.route({
  path: "/file",
  method: "GET",
  handler: httpAction(async (ctx, request) => {
    const blob = await ctx.storage.get(new URL(request.url).searchParams.get("id")! as any);
    return blob === null ? new Response(null, { status: 404 }) : new Response(blob);
  }),
});
// Says what a request brought.
http.route({
  path: "/echo",
  method: "POST",
  handler: httpAction(async (_ctx, request) => {
    const type = request.headers.get("content-type") ?? "";
    const length = request.headers.get("content-length");
    if (!type.startsWith("multipart/")) return Response.json({ type, length, size: (await request.blob()).size });
    const file: any = (await request.formData()).get("file");
    return Response.json({ type: file.type, name: file.name, size: file.size, text: (await file.text()).slice(0, 8) });
  }),
});
export default http;
