import { v } from "convex/values";
import { api } from "./_generated/api";
import { action, mutation, query } from "./_generated/server";

let calls = 0;

/** Fresh state per call: always 1. */
export const fresh = query({ args: {}, handler: async () => ++calls });
export const clock = query({
  args: {},
  handler: async () => {
    const first = Date.now();
    for (let i = 0; i < 1e5; i++) Math.sqrt(i);
    return { frozen: Date.now() === first, now: first };
  },
});
export const random = query({ args: { salt: v.number() }, handler: async () => [Math.random(), Math.random()] });
export const env = query({ args: {}, handler: async () => process.env.FLAVOUR ?? null });
export const whoami = query({ args: {}, handler: async (ctx) => ctx.auth.getUserIdentity() });
export const echo = query({ args: { value: v.any() }, handler: async (_ctx, { value }) => value });
export const gets = query({
  args: { id: v.id("notes"), times: v.number(), salt: v.number() },
  handler: async (ctx, { id, times }) => {
    for (let i = 0; i < times; i++) await ctx.db.get(id);
    return null;
  },
});
export const badReturn = query({ args: {}, returns: v.string(), handler: async () => 5 as unknown as string });
export const logs = query({
  args: {},
  handler: async () => {
    console.debug("d", 1, { a: [1, 2n] });
    console.warn("w");
    console.error("e");
    return null;
  },
});
export const noFetch = query({ args: {}, handler: async () => (await fetch("http://127.0.0.1:1/")).status });
export const viaQuery = mutation({
  args: {},
  handler: async (ctx): Promise<number> => {
    await ctx.db.insert("notes", { text: "inside", rank: 1 });
    return (await ctx.runQuery(api.notes.list, {})).length;
  },
});
export const rollback = mutation({
  args: {},
  handler: async (ctx): Promise<string> => {
    await ctx.db.insert("notes", { text: "kept", rank: 1 });
    try {
      await ctx.runMutation(api.notes.fail, {});
      return "no error";
    } catch (error) {
      return String((error as Error).message);
    }
  },
});
export const later = action({ args: {}, handler: async () => crypto.randomUUID() });
