// runtime.md §3, §4: clocks, randomness, fresh state.
import { api } from "./_generated/api";
import { action, mutation, query } from "./_generated/server";

const imported = {
  now: Date.now(),
  date: new Date().getTime(),
  random: Math.random(),
  uuid: crypto.randomUUID(),
  performance: performance.now(),
  origin: performance.timeOrigin,
  env: process.env.CONFORMANCE ?? null,
};
let calls = 0;
const store = globalThis as any;

export const atImport = query({ handler: () => imported });
export const atImportInAction = action({ handler: async () => imported });
const frozen = () => {
  const first = Date.now();
  for (let i = 0; i < 3e6; i++);
  return { same: Date.now() === first && new Date().getTime() === first, now: first };
};
export const frozenQuery = query({ handler: frozen });
export const frozenMutation = mutation({ handler: frozen });
export const runningAction = action({
  handler: async () => {
    const first = Date.now();
    const before = performance.now();
    await new Promise((done) => setTimeout(done, 30));
    return { ms: Date.now() - first, performance: performance.now() - before, integer: Number.isInteger(first) };
  },
});
const performanceNow = () => {
  const first = performance.now();
  const sinceOrigin = Math.abs(first - (Date.now() - performance.timeOrigin)) < 50;
  for (let i = 0; i < 6e6; i++);
  const second = performance.now();
  return { sinceOrigin, grew: second > first, tenths: Math.abs(first * 10 - Math.round(first * 10)) < 0.001 };
};
export const performanceQuery = query({ handler: performanceNow });
export const performanceMutation = mutation({ handler: performanceNow });
export const performanceAction = action({ handler: async () => performanceNow() });
export const state = query({ handler: () => [++calls, (store.leak = (store.leak ?? 0) + 1)] });
export const stateTwice = mutation({
  handler: async (ctx): Promise<unknown> => {
    calls = 10;
    store.leak = 10;
    return [await ctx.runQuery(api.determinism.state, {}), await ctx.runQuery(api.determinism.state, {}), calls];
  },
});
export const now = query({ handler: () => Date.now() });
export const draw = query({ handler: () => Math.random() });
export const nestedTime = query({
  handler: async (ctx): Promise<boolean> => (await ctx.runQuery(api.determinism.now, {})) === Date.now(),
});
export const nestedRandom = query({
  handler: async (ctx): Promise<number> =>
    new Set([Math.random(), await ctx.runQuery(api.determinism.draw, {}), await ctx.runQuery(api.determinism.draw, {}), Math.random()]).size,
});
export const utc = query({
  handler: () => [new Date(0).getTimezoneOffset(), Intl.DateTimeFormat().resolvedOptions().timeZone, typeof Date(), new Date(0).toString()],
});
export const environment = query({ handler: () => [process.env.CONFORMANCE ?? null, Object.keys(process.env), "PATH" in process.env] });
