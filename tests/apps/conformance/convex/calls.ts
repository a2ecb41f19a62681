// syscalls.md §8: functions that call functions.
import { createFunctionHandle, FunctionHandle, getFunctionName } from "convex/server";
import { ConvexError, v } from "convex/values";
import { api, internal } from "./_generated/api";
import { action, internalMutation, internalQuery, mutation, query } from "./_generated/server";
import { caught, op, syncOp } from "./raw";

export const add = mutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    console.log("adding", text);
    return await ctx.db.insert("rows", { n: 0, text });
  },
});
export const count = query({ handler: async (ctx) => (await ctx.db.query("rows").collect()).length });
export const hidden = internalQuery({ handler: () => "hidden" });
export const hiddenMutation = internalMutation({ handler: async (ctx) => void (await ctx.db.insert("rows", { n: 0 })) });
export const fail = mutation({
  handler: async (ctx) => {
    await ctx.db.insert("rows", { n: 0 });
    throw new Error("boom");
  },
});
export const failWithData = mutation({
  handler: async () => {
    throw new ConvexError({ code: 7 });
  },
});
export const numbers = query({ args: { n: v.number() }, returns: v.string(), handler: async (_ctx, { n }) => n as unknown as string });

export const callsInternal = query({ handler: async (ctx): Promise<string> => ctx.runQuery(internal.calls.hidden, {}) });
export const rollsBack = mutation({
  handler: async (ctx): Promise<unknown> => {
    const before = await ctx.runQuery(api.calls.count, {});
    const message = await caught(() => ctx.runMutation(api.calls.fail, {}));
    return [message, (await ctx.runQuery(api.calls.count, {})) - before];
  },
});
export const failsThrough = mutation({ handler: async (ctx): Promise<unknown> => await ctx.runMutation(api.calls.fail, {}) });
export const failsThroughAction = action({ handler: async (ctx): Promise<unknown> => await ctx.runMutation(api.calls.fail, {}) });
const data = async (ctx: any) => {
  try {
    await ctx.runMutation(api.calls.failWithData, {});
  } catch (error: any) {
    return [error instanceof ConvexError, error.data, error.message.split("\n")[0]];
  }
};
export const keepsData = mutation({ handler: data });
export const keepsDataInAction = action({ handler: data });
export const dataThrough = mutation({ handler: async (ctx): Promise<unknown> => ctx.runMutation(api.calls.failWithData, {}) });
export const badArgs = query({ handler: (ctx) => caught(() => ctx.runQuery(api.calls.numbers, { n: "x" } as any)) });
export const badReturn = query({ handler: (ctx) => caught(() => ctx.runQuery(api.calls.numbers, { n: 1 })) });
export const badReturnInAction = action({ handler: (ctx) => caught(() => ctx.runQuery(api.calls.numbers, { n: 1 })) });
export const missing = query({ handler: (ctx) => caught(() => ctx.runQuery((api as any).calls.nothing, {})) });
export const missingInAction = action({ handler: (ctx) => caught(() => ctx.runQuery((api as any).calls.nothing, {})) });
export const wrongKind = query({ handler: (ctx) => caught(() => ctx.runQuery(api.calls.add as any, { text: "x" })) });
export const mutationInQuery = query({ handler: () => caught(() => op("1.0/runUdf", { udfType: "mutation", name: "calls:add", args: {} })) });
export const sink = query({
  args: { depth: v.number() },
  handler: async (ctx, { depth }): Promise<number> => (depth === 0 ? 0 : 1 + (await ctx.runQuery(api.calls.sink, { depth: depth - 1 }))),
});
export const tooDeep = query({ handler: (ctx) => caught(() => ctx.runQuery(api.calls.sink, { depth: 8 })) });
export const together = mutation({
  handler: async (ctx): Promise<unknown> =>
    Promise.all([ctx.runMutation(api.calls.add, { text: "1" }), ctx.runQuery(api.calls.count, {}), ctx.runMutation(api.calls.add, { text: "2" }), ctx.runQuery(api.calls.count, {})]).then(
      ([, first, , second]) => second - first,
    ),
});
export const speaks = mutation({
  handler: async (ctx): Promise<void> => {
    console.log("before");
    await ctx.runMutation(api.calls.add, { text: "inner" });
    console.log("after");
  },
});
export const address = query({ args: { address: v.any(), args: v.optional(v.any()) }, handler: (_ctx, { address, args = {} }) => caught(() => op("1.0/runUdf", { udfType: "query", ...address, args })) });
export const addressInAction = action({ args: { address: v.any() }, handler: (_ctx, { address }) => caught(() => op("1.0/actions/query", { ...address, args: {} })) });
export const handle = mutation({ args: { name: v.string() }, handler: (_ctx, { name }) => caught(() => op("1.0/createFunctionHandle", { name })) });
export const handleInQuery = query({ handler: async () => createFunctionHandle(api.calls.count) });
export const handleInAction = action({ handler: async () => createFunctionHandle(api.calls.count) });
export const viaHandle = query({
  args: { suffix: v.string() },
  handler: async (ctx, { suffix }): Promise<unknown> => {
    const handle = await createFunctionHandle(internal.calls.hidden);
    return ctx.runQuery(`${handle}${suffix}` as FunctionHandle<"query">, {});
  },
});
export const viaHandleInAction = action({
  handler: async (ctx): Promise<unknown> => ctx.runQuery((await createFunctionHandle(internal.calls.hidden)) as FunctionHandle<"query">, {}),
});
export const handleOfHandle = query({ args: { handle: v.string() }, handler: (_ctx, { handle }) => caught(() => op("1.0/createFunctionHandle", { functionHandle: handle })) });
export const argument = query({ handler: () => caught(() => syncOp("1.0/componentArgument", { name: "x" })) });
export const name = query({ handler: () => getFunctionName(api.calls.name as any) });

const me = async (ctx: any) => (await ctx.auth.getUserIdentity())?.subject ?? null;
export const whoami = query({ handler: me });
export const whoamiNested = query({ handler: async (ctx): Promise<unknown> => [await me(ctx), await ctx.runQuery(api.calls.whoami, {})] });
export const whoamiInAction = action({ handler: async (ctx): Promise<unknown> => [await me(ctx), await ctx.runQuery(api.calls.whoami, {})] });

export const spin = query({
  args: { ms: v.number() },
  handler: (_ctx, { ms }) => {
    spinFor(ms);
    return ms;
  },
});
/** Busy for about that long on a machine like this one; the clock of a query stands still. */
function spinFor(ms: number) {
  for (let i = 0, x = 1; i < ms * 200_000; i++) x = (x * 16807) % 2147483647;
}
/** Uses up the time of the whole transaction together with its callees. */
export const sharedTime = query({
  handler: async (ctx): Promise<string> => {
    for (let i = 0; i < 100; i++) await caught(() => ctx.runQuery(api.calls.spin, { ms: 100 }));
    return "unreachable";
  },
});
export const catchesTimeout = query({
  handler: async (ctx): Promise<string> => {
    await caught(() => ctx.runQuery(api.calls.forever, {}));
    return "unreachable";
  },
});
export const forever = query({
  handler: () => {
    for (;;);
  },
});
export const catchesUncatchable = query({ handler: (ctx) => caught(() => ctx.runQuery(api.ops.unknownJs, {})) });
export const manyLines = query({
  args: { lines: v.number() },
  handler: (_ctx, { lines }) => {
    for (let i = 0; i < lines; i++) console.log(i);
  },
});
export const sharedLines = query({
  handler: async (ctx): Promise<void> => {
    for (let i = 0; i < 100; i++) console.log("outer");
    await ctx.runQuery(api.calls.manyLines, { lines: 100 });
    await ctx.runQuery(api.calls.manyLines, { lines: 100 });
    console.log("dropped");
  },
});
