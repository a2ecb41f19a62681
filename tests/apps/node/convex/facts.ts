import { v } from "convex/values";
import { internalMutation, internalQuery, action } from "./_generated/server";
import { internal } from "./_generated/api";

export const add = internalMutation({ args: { text: v.string() }, handler: (ctx, { text }) => ctx.db.insert("facts", { text }) });
export const all = internalQuery({ args: {}, handler: async (ctx) => (await ctx.db.query("facts").collect()).map((fact) => fact.text) });
export const refuse = internalMutation({
  args: {},
  handler: async () => {
    throw new Error("refused");
  },
});
/** From the default runtime into a Node.js action. */
export const viaNode = action({ args: {}, handler: (ctx): Promise<string> => ctx.runAction(internal.node.nested, {}) });
