import { paginationOptsValidator } from "convex/server";
import { ConvexError, v } from "convex/values";
import { internalMutation, internalQuery, mutation, query } from "./_generated/server";

export const add = mutation({
  args: { text: v.string(), rank: v.number(), tag: v.optional(v.string()) },
  returns: v.id("notes"),
  handler: async (ctx, note) => {
    console.log("adding", note.text);
    return await ctx.db.insert("notes", note);
  },
});

export const list = query({
  args: {},
  handler: async (ctx) => ctx.db.query("notes").collect(),
});

export const byTag = query({
  args: { tag: v.string(), least: v.optional(v.number()) },
  handler: async (ctx, { tag, least }) =>
    ctx.db
      .query("notes")
      .withIndex("by_tag", (q) => q.eq("tag", tag).gte("rank", least ?? 0))
      .order("desc")
      .collect(),
});

export const page = query({
  args: { paginationOpts: paginationOptsValidator },
  handler: async (ctx, { paginationOpts }) => ctx.db.query("notes").withIndex("by_rank").paginate(paginationOpts),
});

export const filtered = query({
  args: { least: v.number() },
  handler: async (ctx, { least }) =>
    ctx.db
      .query("notes")
      .filter((q) => q.and(q.gte(q.field("rank"), least), q.neq(q.field("text"), "hidden")))
      .first(),
});

export const edit = mutation({
  args: { id: v.id("notes"), text: v.optional(v.string()), tag: v.optional(v.union(v.string(), v.null())) },
  handler: async (ctx, { id, text, tag }) => {
    if (text !== undefined) await ctx.db.patch(id, { text });
    if (tag !== undefined) await ctx.db.patch(id, { tag: tag ?? undefined });
    return await ctx.db.get(id);
  },
});

export const replace = mutation({
  args: { id: v.id("notes"), text: v.string() },
  handler: async (ctx, { id, text }) => ctx.db.replace(id, { text, rank: -1 }),
});

export const remove = mutation({
  args: { id: v.id("notes") },
  handler: async (ctx, { id }) => ctx.db.delete(id),
});

export const normalize = query({
  args: { text: v.string() },
  handler: async (ctx, { text }) => ctx.db.normalizeId("notes", text),
});

export const get = query({
  args: { id: v.id("notes") },
  handler: async (ctx, { id }) => ctx.db.get(id),
});

export const breakSchema = mutation({
  args: {},
  handler: async (ctx) => ctx.db.insert("notes", { text: 5, rank: 1 } as never),
});

export const fail = mutation({
  args: { data: v.optional(v.any()) },
  handler: async (ctx, { data }) => {
    await ctx.db.insert("notes", { text: "never", rank: 0 });
    if (data !== undefined) throw new ConvexError(data);
    throw new Error("boom");
  },
});

export const secret = internalQuery({ args: {}, handler: async () => "internal" });
export const secretAdd = internalMutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => ctx.db.insert("notes", { text, rank: 0 }),
});
