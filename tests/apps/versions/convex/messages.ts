import { v } from "convex/values";
import { api, internal } from "./_generated/api";
import { action, internalMutation, mutation, query } from "./_generated/server";

export const list = query({
  args: { author: v.optional(v.string()) },
  returns: v.array(v.string()),
  handler: async (ctx, { author }) => {
    const messages = await ctx.db
      .query("messages")
      .withIndex("by_author", (q) => q.eq("author", author))
      .collect();
    return messages.map(({ body }) => body);
  },
});
export const send = mutation({
  args: { body: v.string(), author: v.optional(v.string()) },
  handler: async (ctx, message) => {
    console.log("sending", message.body);
    await ctx.db.insert("messages", message);
  },
});
export const clear = internalMutation({
  args: {},
  handler: async (ctx) => {
    for (const { _id } of await ctx.db.query("messages").collect()) await ctx.db.delete(_id);
  },
});
export const relay = action({
  args: { body: v.string() },
  handler: async (ctx, { body }): Promise<string[]> => {
    await ctx.runMutation(internal.messages.clear, {});
    await ctx.runMutation(api.messages.send, { body });
    return await ctx.runQuery(api.messages.list, {});
  },
});
export const setting = query({ args: {}, handler: async () => process.env.SETTING ?? null });
