// syscalls.md §1, §9, §11: raw operations.
import { v } from "convex/values";
import { action, mutation, query } from "./_generated/server";
import { caught, host, op, syncOp } from "./raw";

const spec = { op: v.string(), args: v.optional(v.any()), sync: v.optional(v.boolean()) };
const run = async (_ctx: unknown, { op: name, args, sync }: { op: string; args?: any; sync?: boolean }) =>
  caught(() => (sync ? syncOp(name, args) : op(name, args)));
export const inQuery = query({ args: spec, handler: run });
export const inMutation = mutation({ args: spec, handler: run });
export const inAction = action({ args: spec, handler: run });

export const invalidJson = query({ handler: () => caught(() => host.asyncSyscall("1.0/get", "{nope")) });
export const invalidSyncJson = query({ handler: () => caught(() => host.syscall("1.0/db/normalizeId", "{nope")) });
export const oneArgument = query({ handler: () => caught(() => host.asyncSyscall("1.0/get")) });
export const unknownJs = query({ handler: () => caught(() => host.jsSyscall("nope", {})) });
export const unknownJsInAction = action({ handler: () => caught(() => host.jsSyscall("nope", {})) });

export const metrics = mutation({
  handler: async (ctx) => {
    await ctx.db.insert("rows", { n: 1 });
    const { meta } = ctx as any;
    const metrics = await meta.getTransactionMetrics();
    return Object.fromEntries(Object.entries<any>(metrics).map(([name, { used, remaining }]) => [name, used + remaining]));
  },
});
export const metricsInAction = action({ handler: (ctx) => caught(() => op("1.0/getTransactionMetrics", {})) });
export const metadata = query({ handler: async (ctx) => (ctx as any).meta.getFunctionMetadata() });
export const metadataInAction = action({ handler: async (ctx) => (ctx as any).meta.getFunctionMetadata() });
export const deployment = mutation({ handler: async (ctx) => (ctx as any).meta.getDeploymentMetadata() });
export const request = mutation({ handler: async (ctx) => (ctx as any).meta.getRequestMetadata() });
export const requestInAction = action({ handler: async (ctx) => (ctx as any).meta.getRequestMetadata() });
export const requestInQuery = query({ handler: () => caught(() => op("1.0/getRequestMetadata", {})) });
export const snapshotTs = query({ handler: async (ctx) => (ctx as any).meta.getSnapshotTs() });
export const badIndex = query({
  handler: async (ctx) => {
    const events: string[] = [];
    const bad = ctx.db.query("rows").withIndex("nope" as any);
    const other = ctx.db.query("rows").withIndex("by_n", (q: any) => q.eq("nope", 1));
    events.push(await caught(() => bad.collect()), await caught(() => other.first()));
    return events;
  },
});
