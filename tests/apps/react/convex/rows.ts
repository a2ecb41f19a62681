import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const page = query({
  args: { room: v.string(), paginationOpts: paginationOptsValidator },
  handler: async (ctx, { room, paginationOpts }) => {
    const result = await ctx.db
      .query("rows")
      .withIndex("by_rank", (q) => q.eq("room", room))
      .paginate(paginationOpts);
    return { ...result, page: result.page.map(({ rank }) => rank) };
  },
});

export const add = mutation({
  args: { room: v.string(), ranks: v.array(v.number()) },
  handler: async (ctx, { room, ranks }) => {
    for (const rank of ranks) await ctx.db.insert("rows", { room, rank });
  },
});

export const remove = mutation({
  args: { room: v.string(), rank: v.number() },
  handler: async (ctx, { room, rank }) => {
    const row = await ctx.db
      .query("rows")
      .withIndex("by_rank", (q) => q.eq("room", room).eq("rank", rank))
      .unique();
    if (row !== null) await ctx.db.delete(row._id);
  },
});
