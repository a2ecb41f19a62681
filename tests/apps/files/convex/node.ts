"use node";
// ctx.storage in Node.js actions.
import { createHash } from "node:crypto";
import { v } from "convex/values";
import { action } from "./_generated/server";

export const roundTrip = action({
  args: { size: v.number(), type: v.string() },
  handler: async (ctx, { size, type }) => {
    const bytes = Buffer.alloc(size, "hull");
    const sha256 = createHash("sha256").update(bytes).digest("base64");
    const id = await ctx.storage.store(new Blob([bytes], { type }), { sha256 });
    const blob = (await ctx.storage.get(id))!;
    const back = Buffer.from(await blob.arrayBuffer());
    const url = await ctx.storage.getUrl(id);
    const served = (await (await fetch(url!)).arrayBuffer()).byteLength;
    const metadata = await ctx.storage.getMetadata(id);
    const uploadUrl = await ctx.storage.generateUploadUrl();
    await ctx.storage.delete(id);
    return { same: back.equals(bytes), size: blob.size, type: blob.type, served, url, metadata, uploadUrl, gone: await ctx.storage.get(id) };
  },
});
export const mismatch = action({
  args: {},
  handler: async (ctx) => ctx.storage.store(new Blob(["x"]), { sha256: createHash("sha256").update("y").digest("base64") }),
});
