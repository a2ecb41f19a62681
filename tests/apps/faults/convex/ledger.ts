import { v } from "convex/values";
import { mutation, type QueryCtx, query } from "./_generated/server";

const writer = v.string();
const counterOf = (ctx: QueryCtx, writer: string) =>
  ctx.db
    .query("counters")
    .withIndex("by_writer", (q) => q.eq("writer", writer))
    .unique();

/** Appends to the writer's list and counts: list and count are in step on every snapshot. */
export const append = mutation({
  args: { writer, n: v.number() },
  handler: async (ctx, { writer, n }) => {
    await ctx.db.insert("entries", { writer, n });
    const counter = await counterOf(ctx, writer);
    if (counter === null) await ctx.db.insert("counters", { writer, count: 1 });
    else await ctx.db.patch(counter._id, { count: counter.count + 1 });
    return (counter?.count ?? 0) + 1;
  },
});

/** In the order of their commits. */
export const list = query({
  args: { writer },
  handler: async (ctx, { writer }) =>
    (
      await ctx.db
        .query("entries")
        .withIndex("by_writer", (q) => q.eq("writer", writer))
        .collect()
    ).map(({ n }) => n),
});

export const count = query({ args: { writer }, handler: async (ctx, { writer }) => (await counterOf(ctx, writer))?.count ?? 0 });

const BLOCK = 1 << 16; // more than deflate looks back

/** A text of `bytes` characters that does not compress, another one for each count. */
export const bulk = query({
  args: { writer, bytes: v.number() },
  handler: async (ctx, { writer, bytes }) => {
    const count = (await counterOf(ctx, writer))?.count ?? 0;
    let state = count + 1;
    const words = [];
    for (let length = 0; length < Math.min(BLOCK, bytes); length += 6) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      words.push(state.toString(36).padStart(6, "0").slice(-6));
    }
    return { count, text: words.join("").repeat(Math.ceil(bytes / BLOCK)).slice(0, bytes) };
  },
});
