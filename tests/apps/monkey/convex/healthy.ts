import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const ping = query({ args: { n: v.optional(v.number()) }, handler: async (ctx, { n }) => [n ?? 0, (await ctx.db.query("pings").take(5)).length] });
export const pong = mutation({ args: { n: v.number() }, handler: async (ctx, { n }) => { await ctx.db.insert("pings", { n }); } });
