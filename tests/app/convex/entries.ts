// A table that tests write to while they kill the server or fill its disk, and compare index by index.
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const add = mutation({
  args: { writer: v.string(), n: v.number(), rank: v.number(), padding: v.optional(v.string()) },
  handler: async (ctx, entry) => {
    await ctx.db.insert("entries", entry);
    return entry.n;
  },
});

export const fill = mutation({
  args: { writer: v.string(), count: v.number(), padding: v.string() },
  handler: async (ctx, { writer, count, padding }) => {
    for (let n = 0; n < count; n++) await ctx.db.insert("entries", { writer, n, rank: Math.floor(Math.random() * 1000), padding });
  },
});

/** Moves the writer's newest entry within the indexes. */
export const rerank = mutation({
  args: { writer: v.string(), rank: v.number() },
  handler: async (ctx, { writer, rank }) => {
    const entry = await ctx.db
      .query("entries")
      .withIndex("by_writer", (q) => q.eq("writer", writer))
      .order("desc")
      .first();
    if (entry !== null) await ctx.db.patch(entry._id, { rank });
  },
});

export const newest = query({
  args: { writer: v.string() },
  handler: async (ctx, { writer }) => {
    const entry = await ctx.db
      .query("entries")
      .withIndex("by_writer", (q) => q.eq("writer", writer))
      .order("desc")
      .first();
    return entry?.n ?? null;
  },
});

export const ofWriter = query({
  args: { writer: v.string() },
  handler: async (ctx, { writer }) =>
    (
      await ctx.db
        .query("entries")
        .withIndex("by_writer", (q) => q.eq("writer", writer))
        .collect()
    ).map(({ n }) => n),
});

/** A page of the table, in the order of an index or of a scan; one line of JSON per document. */
export const page = query({
  args: { index: v.union(v.string(), v.null()), cursor: v.union(v.string(), v.null()) },
  handler: async (ctx, { index, cursor }) => {
    const table = ctx.db.query("entries");
    const rows = await (index === null ? table : table.withIndex(index as "by_rank")).paginate({ numItems: 2000, cursor });
    const lines = rows.page.map(({ padding, ...entry }) => JSON.stringify(entry)).join("\n");
    return { lines, cursor: rows.isDone ? null : rows.continueCursor };
  },
});
