// ctx.storage in every kind of function that has it, as apps use it.
import { ConvexError, v } from "convex/values";
import { paginationOptsValidator } from "convex/server";
import { api } from "./_generated/api";
import { action, mutation, query } from "./_generated/server";

const id = { id: v.string() };
const asFile = (text: string) => text as any; // ids travel as text, so that wrong ones can be tried

// --- queries ---
export const url = query({ args: id, handler: (ctx, { id }) => ctx.storage.getUrl(asFile(id)) });
export const urls = query({
  args: { ids: v.array(v.string()) },
  handler: (ctx, { ids }) => Promise.all(ids.map((each) => ctx.storage.getUrl(asFile(each)))),
});
export const metadata = query({ args: id, handler: (ctx, { id }) => ctx.storage.getMetadata(asFile(id)) });
export const document = query({ args: id, handler: (ctx, { id }) => ctx.db.system.get(asFile(id)) });
export const list = query({ args: {}, handler: (ctx) => ctx.db.system.query("_storage").collect() });
export const pictures = query({
  args: { opts: paginationOptsValidator },
  handler: (ctx, { opts }) =>
    ctx.db.system
      .query("_storage")
      .filter((q) => q.eq(q.field("contentType"), "image/png"))
      .order("desc")
      .paginate(opts),
});
export const ofUserTable = query({ args: id, handler: (ctx, { id }) => ctx.db.get(asFile(id)) });
// What the library does not offer in queries.
export const opInQuery = query({
  args: { ...id, op: v.string() },
  handler: async (_ctx, { id, op }) => JSON.parse(await (globalThis as any).Convex.asyncSyscall(op, JSON.stringify({ storageId: id }))),
});

// --- mutations ---
export const uploadUrl = mutation({ args: {}, handler: (ctx) => ctx.storage.generateUploadUrl() });
export const remove = mutation({ args: id, handler: (ctx, { id }) => ctx.storage.delete(asFile(id)) });
export const removeAndFail = mutation({
  args: id,
  handler: async (ctx, { id }) => {
    await ctx.storage.delete(asFile(id));
    throw new ConvexError({ urlInside: await ctx.storage.getUrl(asFile(id)) });
  },
});
export const keep = mutation({
  args: { text: v.string(), type: v.optional(v.string()), sha256: v.optional(v.string()) },
  handler: async (ctx, { text, type, sha256 }) => {
    const stored = await (ctx.storage as any).store(new Blob([text], type === undefined ? {} : { type }), { sha256 });
    const blob = await (ctx.storage as any).get(stored);
    const metrics: any = await (ctx as any).meta?.getTransactionMetrics?.();
    return { id: stored, text: await blob.text(), type: blob.type, filesWritten: metrics?.filesWritten?.used, fileReadBytes: metrics?.fileReadBytes?.used };
  },
});
export const keepAndFail = mutation({
  args: {},
  handler: async (ctx) => {
    throw new ConvexError(await (ctx.storage as any).store(new Blob(["lost"])));
  },
});
export const insertRow = mutation({ args: {}, handler: (ctx) => ctx.db.insert("rows" as any, {} as any) });
export const insertFile = mutation({ args: {}, handler: (ctx) => ctx.db.insert("_storage" as any, {} as any) });

// --- actions ---
export const make = action({
  args: { size: v.number(), type: v.string(), sha256: v.optional(v.string()) },
  handler: async (ctx, { size, type, sha256 }) => {
    const bytes = new Uint8Array(size).map((_, at) => at % 251);
    return ctx.storage.store(new Blob([bytes], { type }), sha256 === undefined ? undefined : { sha256 });
  },
});
export const storeWrong = action({ args: {}, handler: (ctx) => ctx.storage.store("text" as any) });
export const everything = action({
  args: id,
  handler: async (ctx, { id }) => {
    const blob = await ctx.storage.get(asFile(id));
    const facts = {
      url: await ctx.storage.getUrl(asFile(id)),
      metadata: await ctx.storage.getMetadata(asFile(id)),
      upload: await ctx.storage.generateUploadUrl(),
    };
    if (!blob) return { ...facts, blob: null };
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const again = await blob.slice(1, 4).text();
    let streamed = 0;
    for await (const chunk of blob.stream() as any) streamed += chunk.length;
    return {
      ...facts,
      blob: { size: blob.size, type: blob.type, read: bytes.length, sum: bytes.reduce((sum, byte) => (sum + byte) % 65521, 0), again, streamed },
    };
  },
});
// A stored file as a part of other bodies: of a Blob, a form and a request.
export const passOn = action({
  args: { id: v.string(), to: v.string() },
  handler: async (ctx, { id, to }) => {
    const blob = (await ctx.storage.get(asFile(id)))!;
    const joined = new Blob(["<", blob, blob.slice(0, 2), ">"], { type: "text/joined" });
    const form = new FormData();
    form.append("file", blob, "name.bin");
    const copy = await ctx.storage.store(joined);
    const echo = async (body: BodyInit) => (await fetch(to, { method: "POST", body })).json();
    return { copy, asBody: await echo(blob), asForm: await echo(form), joined: joined.size };
  },
});
export const uploadByFetch = action({
  args: { text: v.string() },
  handler: async (ctx, { text }): Promise<any> => {
    const to = await ctx.runMutation(api.files.uploadUrl, {});
    const answer = await fetch(to, { method: "POST", headers: { "Content-Type": "text/x-own" }, body: text });
    const { storageId } = await answer.json();
    const back = await fetch((await ctx.storage.getUrl(storageId))!);
    return { storageId, back: await back.text(), type: back.headers.get("content-type") };
  },
});
// Gives up an upload in the middle.
export const abortedUpload = action({
  args: {},
  handler: async (ctx) => {
    const to = await ctx.storage.generateUploadUrl();
    const stop = new AbortController();
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(100_000));
        setTimeout(() => stop.abort(), 500);
      },
    });
    const init = { method: "POST", body, duplex: "half", signal: stop.signal };
    return fetch(to, init).then(
      (answer) => answer.status,
      (error) => error.name,
    );
  },
});
export const discard = action({ args: id, handler: (ctx, { id }) => ctx.storage.delete(asFile(id)) });
