import { v } from "convex/values";
import { api, internal } from "./_generated/api";
import { action } from "./_generated/server";

export const relay = action({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    console.info("relaying", { text });
    const before = await ctx.runQuery(api.notes.list, {});
    await ctx.runMutation(internal.notes.secretAdd, { text });
    const after = await ctx.runQuery(api.notes.list, {});
    return { before: before.length, after: after.length };
  },
});

export const get = action({
  args: { url: v.string() },
  handler: async (_ctx, { url }) => {
    const response = await fetch(url, { headers: { "x-from": "hull" } });
    return { status: response.status, type: response.headers.get("content-type"), body: await response.text() };
  },
});

export const post = action({
  args: { url: v.string(), body: v.string() },
  handler: async (_ctx, { url, body }) => {
    const response = await fetch(url, { method: "POST", body });
    return await response.json();
  },
});

export const nested = action({
  args: {},
  handler: async (ctx): Promise<string> => `outer ${await ctx.runAction(api.actions.inner, {})}`,
});
export const inner = action({ args: {}, handler: async () => "inner" });

export const nap = action({
  args: { ms: v.number(), counter: v.optional(v.string()) },
  handler: async (ctx, { ms, counter }) => {
    if (counter !== undefined) await ctx.runMutation(api.counters.bump, { name: counter }); // tells that it runs
    const start = Date.now();
    await new Promise((done) => setTimeout(done, ms));
    return Date.now() - start;
  },
});
export const explode = action({
  args: {},
  handler: async () => {
    throw new Error("action boom");
  },
});
