// Traces that requests leave, so that tests see what went on after a client had gone.
import { v } from "convex/values";
import { internalMutation, query } from "./_generated/server";

export const add = internalMutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    await ctx.db.insert("marks", { name });
  },
});
export const list = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("marks").collect()).map((mark) => mark.name),
});
export const whoami = query({ args: {}, handler: async (ctx) => await ctx.auth.getUserIdentity() });
