import { getAuthUserId } from "@convex-dev/auth/server";
import { ConvexError, v } from "convex/values";
import { mutation, query } from "./_generated/server";

/** The caller's own entries, newest first. */
export const list = query({
  args: {},
  handler: async (ctx) => {
    const author = await getAuthUserId(ctx);
    if (author === null) return [];
    return await ctx.db
      .query("entries")
      .withIndex("by_author", (q) => q.eq("author", author))
      .order("desc")
      .take(100);
  },
});

export const add = mutation({
  args: { text: v.string() },
  returns: v.id("entries"),
  handler: async (ctx, { text }) => {
    const author = await getAuthUserId(ctx);
    if (author === null) throw new ConvexError("Sign in first.");
    if (text.trim() === "") throw new ConvexError("Write something first.");
    return await ctx.db.insert("entries", { author, text: text.trim() });
  },
});
