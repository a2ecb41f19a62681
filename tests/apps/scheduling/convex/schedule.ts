// Who schedules and cancels.
import { makeFunctionReference } from "convex/server";
import { v } from "convex/values";
import { internal } from "./_generated/api";
import { action, internalMutation, mutation, query } from "./_generated/server";

const byName = (name: string) => makeFunctionReference<"mutation">(name);
const call = { name: v.string(), args: v.any(), delay: v.optional(v.number()), at: v.optional(v.number()) };
type Call = { name: string; args: any; delay?: number; at?: number };
type Scheduler = { runAfter: any; runAt: any };
const schedule = async (ctx: { scheduler: Scheduler }, { name, args, delay, at }: Call): Promise<string> =>
  at === undefined
    ? await ctx.scheduler.runAfter(delay ?? 0, byName(name), args)
    : await ctx.scheduler.runAt(at, byName(name), args);

export const one = mutation({ args: call, handler: schedule });
export const oneFromAction = action({ args: call, handler: schedule });

export const childNote = internalMutation({
  args: { tag: v.string() },
  handler: async (ctx, args) => await ctx.scheduler.runAfter(0, internal.jobs.note, args),
});

export const many = mutation({
  args: { count: v.number(), ...call },
  handler: async (ctx, { count, ...rest }) => {
    for (let i = 0; i < count; ++i) await schedule(ctx, rest);
  },
});

export const cancel = mutation({
  args: { id: v.string() },
  handler: async (ctx, { id }) => await ctx.scheduler.cancel(id as any),
});
export const cancelFromAction = action({
  args: { id: v.string() },
  handler: async (ctx, { id }) => await ctx.scheduler.cancel(id as any),
});

export const thenThrow = mutation({
  args: call,
  handler: async (ctx, args) => {
    await schedule(ctx, args);
    throw new Error("after scheduling");
  },
});

/** The nested mutation fails and is caught: only its job is gone. */
export const nestedRollback = mutation({
  args: { tag: v.string() },
  handler: async (ctx, { tag }) => {
    await ctx.scheduler.runAfter(0, internal.jobs.note, { tag: `${tag}:outer` });
    try {
      await ctx.runMutation(internal.schedule.failingChild, { tag: `${tag}:inner` });
    } catch (error) {
      await ctx.db.insert("errors", { tag, message: String(error) });
    }
  },
});
export const failingChild = internalMutation({
  args: { tag: v.string() },
  handler: async (ctx, args) => {
    await ctx.scheduler.runAfter(0, internal.jobs.note, args);
    throw new Error("child fails");
  },
});

export const tableId = mutation({ args: {}, handler: async (ctx) => await ctx.db.insert("runs", { tag: "other" }) });

export const get = query({
  args: { id: v.id("_scheduled_functions") },
  handler: async (ctx, { id }) => await ctx.db.system.get(id),
});
export const list = query({
  args: { name: v.string() },
  handler: async (ctx, { name }) =>
    await ctx.db.system.query("_scheduled_functions").filter((q) => q.eq(q.field("name"), name)).collect(),
});
export const page = query({
  args: { cursor: v.union(v.string(), v.null()) },
  handler: async (ctx, { cursor }) =>
    await ctx.db.system.query("_scheduled_functions").order("desc").paginate({ cursor, numItems: 2 }),
});
