// Functions for cron jobs. Every run leaves rows that say when it was.
import { internalActionGeneric, internalMutationGeneric, makeFunctionReference, queryGeneric } from "convex/server";
import { v } from "convex/values";

const noteReference = makeFunctionReference<"mutation", { name: string; what: string }>("jobs:note");

export const tick = internalMutationGeneric({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const user = await ctx.auth.getUserIdentity();
    await ctx.db.insert("runs", { name, what: "run", at: Date.now(), user });
    return name;
  },
});

export const note = internalMutationGeneric({
  args: { name: v.string(), what: v.string() },
  handler: async (ctx, { name, what }) => {
    await ctx.db.insert("runs", { name, what, at: Date.now(), user: null });
  },
});

export const act = internalActionGeneric({
  args: { name: v.string(), ms: v.number() },
  handler: async (ctx, { name, ms }) => {
    await ctx.runMutation(noteReference, { name, what: "begin" });
    await new Promise((done) => setTimeout(done, ms));
    await ctx.runMutation(noteReference, { name, what: "end" });
    return { user: await ctx.auth.getUserIdentity() };
  },
});

export const boom = internalMutationGeneric(async (ctx) => {
  await ctx.db.insert("runs", { name: "boom", what: "run", at: Date.now(), user: null });
  throw new Error("boom");
});

export const big = internalMutationGeneric(async () => {
  for (let i = 0; i < 20; i++) console.log(`line ${i} ${"x".repeat(90)}`);
  return "y".repeat(3000);
});

export const list = queryGeneric({
  args: { name: v.string() },
  handler: (ctx, { name }) =>
    ctx.db
      .query("runs")
      .withIndex("by_name", (q) => q.eq("name", name))
      .collect(),
});
