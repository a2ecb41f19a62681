import { ConvexError, v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const list = query({
  args: {},
  handler: async (ctx) => ctx.db.query("channels").withIndex("by_name").collect(),
});

export const create = mutation({
  args: { name: v.string() },
  returns: v.id("channels"),
  handler: async (ctx, { name }) => {
    const clean = name.trim().toLowerCase().replace(/\s+/g, "-");
    if (!/^[a-z0-9-]{1,32}$/.test(clean)) {
      throw new ConvexError("A channel name has 1 to 32 letters, digits and dashes.");
    }
    const existing = await ctx.db
      .query("channels")
      .withIndex("by_name", (q) => q.eq("name", clean))
      .unique();
    return existing?._id ?? (await ctx.db.insert("channels", { name: clean }));
  },
});
