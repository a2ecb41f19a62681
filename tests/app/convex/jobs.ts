import { v } from "convex/values";
import { internal } from "./_generated/api";
import { internalMutation, mutation, query } from "./_generated/server";

/** How late a job ran, milliseconds, as the rank of a note. */
export const noteLateness = internalMutation({
  args: { due: v.number(), tag: v.string() },
  handler: async (ctx, { due, tag }) => {
    await ctx.db.insert("notes", { text: "late", rank: Date.now() - due, tag });
  },
});

/** Schedules `count` jobs, the first at `due`, the others `apart` milliseconds after the one before. */
export const plan = mutation({
  args: { count: v.number(), due: v.number(), apart: v.number(), tag: v.string() },
  handler: async (ctx, { count, due, apart, tag }) => {
    for (let i = 0; i < count; ++i) {
      const at = due + i * apart;
      await ctx.scheduler.runAt(at, internal.jobs.noteLateness, { due: at, tag });
    }
  },
});

export const lateness = query({
  args: { tag: v.string() },
  handler: async (ctx, { tag }) => {
    const notes = await ctx.db.query("notes").withIndex("by_tag", (q) => q.eq("tag", tag)).collect();
    return notes.map((note) => note.rank);
  },
});

