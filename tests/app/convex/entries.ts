// A table that tests write to while they kill the server or fill its disk, and compare index by index.
import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
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

/** The whole table, by a scan and by an index, at one moment; one line of JSON per document since arrays are short. */
export const scanned = query({
  args: { index: v.string() },
  handler: async (ctx, { index }) => {
    const lines = (entries: Doc<"entries">[]) => entries.map(({ padding, ...entry }) => JSON.stringify(entry)).join("\n");
    return {
      scan: lines(await ctx.db.query("entries").collect()),
      index: lines(
        await ctx.db
          .query("entries")
          .withIndex(index as "by_rank")
          .collect(),
      ),
    };
  },
});
