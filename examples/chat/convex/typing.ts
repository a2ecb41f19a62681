import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

const STALE_AFTER_MS = 4000;

/** Who was typing lately; the client drops rows whose `until` has passed. */
export const list = query({
  args: { channel: v.id("channels") },
  handler: async (ctx, { channel }) => {
    const rows = await ctx.db
      .query("typing")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .collect();
    return rows.map(({ author, until }) => ({ author, until }));
  },
});

export const set = mutation({
  args: { channel: v.id("channels"), author: v.string(), typing: v.boolean() },
  handler: async (ctx, { channel, author, typing }) => {
    const note = await ctx.db
      .query("typing")
      .withIndex("by_channel", (q) => q.eq("channel", channel).eq("author", author))
      .unique();
    if (!typing) {
      if (note !== null) await ctx.db.delete(note._id);
      return;
    }
    const until = Date.now() + STALE_AFTER_MS;
    if (note === null) await ctx.db.insert("typing", { channel, author, until });
    else await ctx.db.patch(note._id, { until });
  },
});
