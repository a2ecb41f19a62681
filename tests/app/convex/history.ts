// Transactions of the serializability test (tests/history.test.mjs): lists of unique numbers that are only ever appended to.
import { ConvexError, v } from "convex/values";
import { api } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { type MutationCtx, type QueryCtx, mutation, query } from "./_generated/server";

/** Keys per epoch, and appends per tier; known to tests/lib/history/workload.mjs as well. */
const EPOCH = 16;
const TIER = 5;

const step = v.union(
  v.object({ op: v.literal("get"), key: v.number(), id: v.id("lists") }),
  v.object({ op: v.literal("key"), key: v.number() }),
  v.object({ op: v.literal("range"), from: v.number(), to: v.number() }),
  v.object({ op: v.literal("tier"), epoch: v.number(), least: v.number() }),
  v.object({ op: v.literal("scan"), from: v.number(), to: v.number() }),
  v.object({ op: v.literal("append"), key: v.number(), value: v.number() }),
  v.object({ op: v.literal("recreate"), key: v.number(), value: v.number() }),
  v.object({ op: v.literal("undone"), key: v.number(), value: v.number() }),
);
type Step = typeof step.type;
type Row = { id: string; key: number; length: number; last: number; values?: number[] };

const whole = ({ _id, key, values }: Doc<"lists">): Row => ({ id: _id, key, length: values.length, last: values.at(-1)!, values });
const brief = ({ _id, key, values }: Doc<"lists">): Row => ({ id: _id, key, length: values.length, last: values.at(-1)! });
const byKey = (ctx: QueryCtx, key: number) =>
  ctx.db
    .query("lists")
    .withIndex("by_key", (q) => q.eq("key", key))
    .collect();

async function read(ctx: QueryCtx, step: Step): Promise<Row[]> {
  switch (step.op) {
    case "get": {
      const row = await ctx.db.get(step.id);
      return row === null ? [] : [whole(row)];
    }
    case "range":
      return (
        await ctx.db
          .query("lists")
          .withIndex("by_key", (q) => q.gte("key", step.from).lt("key", step.to))
          .collect()
      ).map(brief);
    case "tier":
      return (
        await ctx.db
          .query("lists")
          .withIndex("by_tier", (q) => q.eq("epoch", step.epoch).gte("tier", step.least))
          .collect()
      ).map(brief);
    case "scan":
      return (
        await ctx.db
          .query("lists")
          .filter((q) => q.and(q.gte(q.field("key"), step.from), q.lt(q.field("key"), step.to)))
          .collect()
      ).map(brief);
    default:
      return (await byKey(ctx, step.key)).map(whole);
  }
}

async function append(ctx: MutationCtx, step: Extract<Step, { value: number }>) {
  const [row] = await byKey(ctx, step.key);
  const values = [...(row?.values ?? []), step.value];
  const fields = { epoch: Math.floor(step.key / EPOCH), key: step.key, tier: Math.floor(values.length / TIER), values };
  if (row !== undefined && step.op === "append") {
    await ctx.db.patch(row._id, { tier: fields.tier, values });
  } else {
    if (row !== undefined) await ctx.db.delete(row._id);
    await ctx.db.insert("lists", fields);
  }
}

/** Runs the steps in order and returns the rows each of them saw; an append sees its list as it was before. */
export const run = mutation({
  args: { tag: v.string(), steps: v.array(step), fail: v.optional(v.boolean()) },
  handler: async (ctx, { tag, steps, fail }): Promise<Row[][]> => {
    const seen: Row[][] = [];
    for (const each of steps) {
      seen.push(await read(ctx, each));
      if (each.op === "append" || each.op === "recreate") await append(ctx, each);
      if (each.op === "undone") {
        const inner = { tag, steps: [{ ...each, op: "append" as const }], fail: true };
        await ctx.runMutation(api.history.run, inner).catch(() => {});
      }
    }
    if (fail) throw new ConvexError("undone");
    return seen;
  },
});

export const look = query({
  args: { steps: v.array(step) },
  handler: async (ctx, { steps }) => await Promise.all(steps.map((each) => read(ctx, each))),
});

/** The lists of some epochs with all values. */
export const lists = query({
  args: { from: v.number(), to: v.number() },
  handler: async (ctx, { from, to }) =>
    (
      await ctx.db
        .query("lists")
        .withIndex("by_key", (q) => q.gte("key", from).lt("key", to))
        .collect()
    ).map(whole),
});
