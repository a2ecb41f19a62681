import { ConvexError, v } from "convex/values";
import { mutation, query } from "./_generated/server";

const maxBytes = 20_000_000;

export const list = query({
  args: {},
  handler: async (ctx) => {
    const pictures = await ctx.db.query("pictures").order("desc").take(100);
    return Promise.all(
      pictures.map(async ({ _id, file, name }) => ({
        _id,
        name,
        url: await ctx.storage.getUrl(file),
        size: (await ctx.db.system.get(file))?.size ?? 0,
      })),
    );
  },
});

export const uploadUrl = mutation({ args: {}, handler: (ctx) => ctx.storage.generateUploadUrl() });

/** Adds an upload to the album, or deletes it and says what is wrong with it. */
export const add = mutation({
  args: { file: v.id("_storage"), name: v.string() },
  handler: async (ctx, { file, name }) => {
    const uploaded = await ctx.db.system.get(file);
    if (!uploaded) throw new ConvexError("There is no such upload.");
    const problem = !uploaded.contentType?.startsWith("image/") ? "is not a picture" : uploaded.size > maxBytes ? "is too large" : null;
    if (problem) {
      await ctx.storage.delete(file);
      return problem;
    }
    await ctx.db.insert("pictures", { file, name });
    return null;
  },
});

export const remove = mutation({
  args: { picture: v.id("pictures") },
  handler: async (ctx, { picture }) => {
    const row = await ctx.db.get(picture);
    if (!row) return;
    await ctx.db.delete(picture);
    await ctx.storage.delete(row.file);
  },
});
