"use node";
import { v } from "convex/values";
import { internal } from "./_generated/api";
import { action } from "./_generated/server";

export const scheduleNote = action({
  args: { tag: v.string(), delay: v.number() },
  handler: async (ctx, { tag, delay }): Promise<string> => await ctx.scheduler.runAfter(delay, internal.jobs.note, { tag }),
});
export const cancel = action({
  args: { id: v.string() },
  handler: async (ctx, { id }) => await ctx.scheduler.cancel(id as any),
});
