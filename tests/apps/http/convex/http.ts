// HTTP actions for tests/http_actions.test.mjs.
import { ConvexError } from "convex/values";
import { Hono, type HonoWithConvex, HttpRouterWithHono } from "convex-helpers/server/hono";
import { api, internal } from "./_generated/api";
import { type ActionCtx, httpAction } from "./_generated/server";

const app: HonoWithConvex<ActionCtx> = new Hono();
app.get("/hono/hello/:name", (c) => c.json({ hello: c.req.param("name"), method: c.req.method }));
app.post("/hono/mark/:name", async (c) => {
  await c.env.runMutation(internal.marks.add, { name: c.req.param("name") });
  return c.text(`marked ${await c.req.text()}`, 201, { "x-hono": "yes" });
});

const http = new HttpRouterWithHono(app);
const encoder = new TextEncoder();
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
type Handler = (ctx: ActionCtx, request: Request, url: URL) => Promise<Response>;
const on = (method: (typeof methods)[number], path: string, handler: Handler) =>
  http.route({ path, method, handler: httpAction((ctx, request) => handler(ctx, request, new URL(request.url))) });

for (const method of methods) {
  on(method, "/echo", async (_ctx, request) =>
    Response.json({
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      hasBody: request.body !== null,
      body: await request.text(),
    }),
  );
}
http.route({
  pathPrefix: "/files/",
  method: "GET",
  handler: httpAction(async (_ctx, request) => new Response(`file ${new URL(request.url).pathname}`)),
});
on("GET", "/files/exact", async () => new Response("exact"));

on("GET", "/status", async (_ctx, _request, url) => {
  const status = Number(url.searchParams.get("code"));
  return new Response(url.searchParams.get("body"), { status });
});
on("GET", "/cookies", async () => {
  const headers = new Headers({ "x-latin": "caf\u00e9" });
  headers.append("set-cookie", "a=1; Path=/");
  headers.append("set-cookie", "b=2");
  return new Response("ok", { headers });
});
on("GET", "/identity", async (ctx) => {
  try {
    return Response.json({ identity: await ctx.auth.getUserIdentity() });
  } catch (error) {
    return Response.json({ error: (error as Error).message });
  }
});
on("GET", "/identity/query", async (ctx) => Response.json(await ctx.runQuery(api.marks.whoami, {})));

on("GET", "/throw", async () => {
  throw new Error("boom");
});
on("GET", "/throw/data", async () => {
  throw new ConvexError({ reason: "told", n: 1n });
});
on("GET", "/throw/late", async () => {
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(encoder.encode("begun "));
      await sleep(50);
      controller.error(new Error("late boom"));
    },
  });
  return new Response(body);
});
on("GET", "/not-a-response", (async () => "text") as unknown as Handler);
on("GET", "/log", async () => {
  console.log("first");
  await sleep(300);
  console.error("second");
  return new Response("logged");
});
on("GET", "/left-behind", async (ctx) => {
  void ctx.runMutation(internal.marks.add, { name: "left behind" });
  return new Response("ok");
});

on("POST", "/count", async (_ctx, request, url) => {
  const pause = Number(url.searchParams.get("pause") ?? 0);
  let bytes = 0;
  let chunks = 0;
  const reader = request.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    chunks++;
    if (chunks === 1 && pause > 0) await sleep(pause);
  }
  return Response.json({ bytes, several: chunks > 1 });
});
on("POST", "/early", async () => new Response("no thanks", { status: 403 }));
on("POST", "/upper", async (_ctx, request) => {
  const upper = new TransformStream<string, string>({ transform: (text, c) => c.enqueue(text.toUpperCase()) });
  return new Response(request.body!.pipeThrough(new TextDecoderStream()).pipeThrough(upper).pipeThrough(new TextEncoderStream()));
});
on("POST", "/form", async (_ctx, request) => {
  const form = await request.formData();
  const file = form.get("file") as File | null;
  return Response.json({ text: form.get("text"), name: file?.name, size: file?.size, start: (await file?.text())?.slice(0, 5) });
});
on("POST", "/watch", async (ctx, request, url) => {
  const name = url.searchParams.get("name")!;
  await new Promise((done) => request.signal.addEventListener("abort", done));
  await ctx.runMutation(internal.marks.add, { name: `aborted ${name} ${request.signal.aborted}` });
  return new Response("nobody hears");
});

on("GET", "/big", async (_ctx, _request, url) => {
  let left = Number(url.searchParams.get("bytes"));
  const body = new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      const chunk = new Uint8Array(Math.min(left, 100_000)).fill(120);
      left -= chunk.length;
      controller.enqueue(chunk);
    },
  });
  const headers: Record<string, string> = {};
  if (url.searchParams.has("length")) headers["content-length"] = url.searchParams.get("length")!;
  return new Response(body, { headers });
});
on("GET", "/text", async (_ctx, _request, url) => new Response("x".repeat(Number(url.searchParams.get("bytes") ?? 5))));
on("GET", "/transform", async (ctx, request, url) => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const parts = Number(url.searchParams.get("parts") ?? 3);
  const { signal } = request; // watched from the first look on
  const run = async () => {
    const writer = writable.getWriter();
    for (let i = 0; i < parts; i++) {
      await writer.write(encoder.encode(`part ${i}\n`));
      await sleep(100);
    }
    await writer.close();
    await ctx.runMutation(internal.marks.add, { name: `transformed ${url.searchParams.get("name")} ${signal.aborted}` });
  };
  const running = run();
  const body = readable.pipeThrough(
    new TransformStream({
      async flush() {
        await running;
      },
    }),
  );
  return new Response(body, { headers: { "content-type": "text/plain" } });
});
on("GET", "/events", async (_ctx, request) => {
  let n = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (request.signal.aborted || n === 50) return controller.close();
      controller.enqueue(encoder.encode(`data: ${n++}\n\n`));
      await sleep(40);
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
});
on("GET", "/self", async () => {
  const response = await fetch(`${process.env.CONVEX_SITE_URL}/echo`, { method: "PUT", body: "inner", headers: { authorization: "Bearer nope.nope.nope" } });
  return Response.json({ status: response.status, inner: await response.json() });
});
on("GET", "/self/stream", async () => fetch(`${process.env.CONVEX_SITE_URL}/transform?name=inner`));
on("GET", "/self/api", async () => {
  const response = await fetch(`${process.env.CONVEX_CLOUD_URL}/api/query`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ path: "marks:list", args: {}, format: "json" }),
  });
  return Response.json((await response.json()).status);
});

export default http;
