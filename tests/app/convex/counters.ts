import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const bump = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const row = await ctx.db
      .query("counters")
      .withIndex("by_name", (q) => q.eq("name", name))
      .unique();
    if (row === null) await ctx.db.insert("counters", { name, value: 1 });
    else await ctx.db.patch(row._id, { value: row.value + 1 });
    return (row?.value ?? 0) + 1;
  },
});

export const get = query({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const row = await ctx.db
      .query("counters")
      .withIndex("by_name", (q) => q.eq("name", name))
      .unique();
    return row?.value ?? 0;
  },
});

/** Joins a queue of at most 50: reads the whole table, inserts the next place and deletes the first. Concurrent calls conflict. */
export const join = mutation({
  args: { writer: v.string() },
  handler: async (ctx, { writer }) => {
    const rows = await ctx.db.query("queue").collect();
    const place = (rows.at(-1)?.place ?? -1) + 1;
    await ctx.db.insert("queue", { writer, place });
    if (rows.length === 50) await ctx.db.delete(rows[0]._id);
    return place;
  },
});

export const queue = query({ args: {}, handler: async (ctx) => (await ctx.db.query("queue").collect()).map(({ place }) => place) });
