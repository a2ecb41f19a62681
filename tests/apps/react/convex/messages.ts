import { ConvexError, v } from "convex/values";
import { action, mutation, query } from "./_generated/server";

const room = v.string();

export const list = query({
  args: { room },
  handler: async (ctx, { room }) => {
    if (room === "locked") throw new ConvexError({ code: "locked", room });
    const rows = await ctx.db
      .query("messages")
      .withIndex("by_room", (q) => q.eq("room", room))
      .collect();
    return rows.map(({ key }) => key);
  },
});

export const count = query({
  args: { room },
  handler: async (ctx, { room }) =>
    (
      await ctx.db
        .query("messages")
        .withIndex("by_room", (q) => q.eq("room", room))
        .collect()
    ).length,
});

export const send = mutation({
  args: { room, key: v.string() },
  handler: async (ctx, message) => {
    await ctx.db.insert("messages", message);
    return message.key;
  },
});

export const refuse = mutation({
  args: { room, key: v.string() },
  handler: async (ctx, message) => {
    await ctx.db.insert("messages", message);
    throw new ConvexError({ refused: message.key });
  },
});

export const shout = action({ args: { text: v.string() }, handler: async (_ctx, { text }) => text.toUpperCase() });

export const whoAmI = query({ args: {}, handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? "nobody" });

export const signed = mutation({
  args: { room },
  handler: async (ctx, { room }) => {
    const key = (await ctx.auth.getUserIdentity())?.subject ?? "nobody";
    await ctx.db.insert("messages", { room, key });
    return key;
  },
});
