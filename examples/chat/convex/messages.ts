import { paginationOptsValidator } from "convex/server";
import { ConvexError, v } from "convex/values";
import { internalMutation, internalQuery, mutation, query } from "./_generated/server";

/** History of a channel, newest first, a page at a time; the first page is live. */
export const list = query({
  args: { channel: v.id("channels"), paginationOpts: paginationOptsValidator },
  handler: async (ctx, { channel, paginationOpts }) =>
    ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .order("desc")
      .paginate(paginationOpts),
});

export const send = mutation({
  args: { channel: v.id("channels"), author: v.string(), body: v.string() },
  returns: v.id("messages"),
  handler: async (ctx, { channel, author, body }) => {
    const text = body.trim();
    if (text === "") throw new ConvexError("Write something first.");
    if (text.length > 2000) throw new ConvexError("That is too long for one message.");
    const note = await ctx.db
      .query("typing")
      .withIndex("by_channel", (q) => q.eq("channel", channel).eq("author", author))
      .unique();
    if (note !== null) await ctx.db.delete(note._id);
    return await ctx.db.insert("messages", { channel, author, body: text, kind: "person" });
  },
});

export const recent = internalQuery({
  args: { channel: v.id("channels"), count: v.number() },
  handler: async (ctx, { channel, count }) =>
    ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .order("desc")
      .take(count),
});

export const post = internalMutation({
  args: { channel: v.id("channels"), author: v.string(), body: v.string() },
  handler: async (ctx, message) => {
    await ctx.db.insert("messages", { ...message, kind: "bot" });
  },
});
