// What is scheduled.
import { v } from "convex/values";
import { internal } from "./_generated/api";
import { internalAction, internalMutation, internalQuery, mutation, query } from "./_generated/server";

export const note = internalMutation({
  args: { tag: v.string(), data: v.optional(v.any()) },
  handler: async (ctx, { tag, data }) => {
    await ctx.db.insert("runs", { tag, data });
  },
});

export const publicNote = mutation({
  args: { tag: v.string() },
  handler: async (ctx, { tag }) => {
    await ctx.db.insert("runs", { tag });
  },
});

export const fail = internalMutation({
  args: { tag: v.string() },
  handler: async (ctx, { tag }) => {
    await ctx.db.insert("runs", { tag });
    throw new Error("job failed on purpose");
  },
});

export const increment = internalMutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const counter = await ctx.db.query("counters").withIndex("by_name", (q) => q.eq("name", name)).unique();
    if (counter) await ctx.db.patch(counter._id, { value: counter.value + 1 });
    else await ctx.db.insert("counters", { name, value: 1 });
  },
});

export const aQuery = internalQuery({ args: {}, handler: async () => 1 });

export const sleep = internalAction({
  args: { tag: v.string(), ms: v.number() },
  handler: async (ctx, { tag, ms }) => {
    await ctx.runMutation(internal.jobs.note, { tag: `${tag}:begun` });
    await new Promise((done) => setTimeout(done, ms));
    await ctx.runMutation(internal.jobs.note, { tag });
  },
});

export const failAction = internalAction({
  args: {},
  handler: async () => {
    throw new Error("action failed on purpose");
  },
});

/** After a while, schedules a child and lets a mutation schedule another. */
export const parent = internalAction({
  args: { tag: v.string(), ms: v.number() },
  handler: async (ctx, { tag, ms }) => {
    await ctx.runMutation(internal.jobs.note, { tag: `${tag}:begun` });
    await new Promise((done) => setTimeout(done, ms));
    const own = await ctx.scheduler.runAfter(0, internal.jobs.note, { tag: `${tag}:child` });
    const nested = await ctx.runMutation(internal.schedule.childNote, { tag: `${tag}:child` });
    await ctx.runMutation(internal.jobs.note, { tag: `${tag}:children`, data: [own, nested] });
  },
});

/** Who am I, and as what do I see myself? */
export const inspect = internalMutation({
  args: { tag: v.string() },
  handler: async (ctx, { tag }) => {
    const identity = await ctx.auth.getUserIdentity();
    const jobs = await ctx.db.system.query("_scheduled_functions").collect();
    const running = jobs.filter((job) => job.state.kind === "inProgress").map((job) => job._id);
    await ctx.db.insert("runs", { tag, data: { identity, running } });
  },
});

export const cancelSelf = internalMutation({
  args: { tag: v.string() },
  handler: async (ctx, { tag }) => {
    const jobs = await ctx.db.system.query("_scheduled_functions").collect();
    const self = jobs.find((job) => job.state.kind === "inProgress" && job.args[0].tag === tag)!;
    await ctx.scheduler.cancel(self._id);
    await ctx.db.insert("runs", { tag });
  },
});

export const runs = query({
  args: { tag: v.string() },
  handler: async (ctx, { tag }) => await ctx.db.query("runs").withIndex("by_tag", (q) => q.eq("tag", tag)).collect(),
});

export const counter = query({
  args: { name: v.string() },
  handler: async (ctx, { name }) =>
    (await ctx.db.query("counters").withIndex("by_name", (q) => q.eq("name", name)).unique())?.value ?? 0,
});
