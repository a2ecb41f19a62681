import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const list = query({ args: {}, handler: async (ctx) => ctx.db.query("messages").collect() });
export const send = mutation({
  args: { body: v.any() },
  handler: async (ctx, { body }) => ctx.db.insert("messages", { body }),
});
export const mend = mutation({
  args: { id: v.id("messages"), body: v.any() },
  handler: async (ctx, { id, body }) => ctx.db.patch(id, { body }),
});
