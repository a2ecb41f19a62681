// runtime.md §3: when a function ends, and what is left behind.
import { api } from "./_generated/api";
import { action, mutation, query } from "./_generated/server";

export const names = query({ handler: async (ctx) => (await ctx.db.query("rows").collect()).map((row) => row.text ?? "") });
export const unawaited = mutation({
  handler: (ctx) => {
    void ctx.db.insert("rows", { n: 1, text: "unawaited" });
    void ctx.db.insert("rows", { n: 1, text: "unawaited too" });
    return "done";
  },
});
export const unawaitedChain = mutation({
  handler: (ctx) => {
    void (async () => {
      await ctx.db.insert("rows", { n: 2, text: "chain 1" });
      await ctx.db.insert("rows", { n: 2, text: "chain 2" });
    })();
    return "done";
  },
});
export const unawaitedFailure = mutation({
  handler: async (ctx) => {
    await ctx.db.insert("rows", { n: 3, text: "never" });
    void ctx.db.insert("rows", { n: "x" } as any);
    return "done";
  },
});
export const rejectedWhilePending = mutation({
  handler: async (ctx) => {
    void ctx.db.insert("rows", { n: 4, text: "never" });
    throw new Error("early");
  },
});
export const never = query({ handler: () => new Promise(() => {}) });
export const neverAction = action({ handler: () => new Promise(() => {}) });
export const unhandled = query({
  handler: async () => {
    void Promise.reject(new Error("nobody cares"));
    return 1;
  },
});
export const handledLate = query({
  handler: async (ctx) => {
    const late = Promise.reject(new Error("too late"));
    await ctx.db.query("rows").first();
    await late.catch(() => {});
    return "unreachable";
  },
});
export const handledInTime = query({
  handler: async () => {
    const soon = Promise.reject(new Error("in time"));
    await Promise.resolve();
    return soon.catch((error) => error.message);
  },
});
export const unhandledAction = action({
  handler: async () => {
    void Promise.reject(new Error("nobody cares"));
    await new Promise((done) => setTimeout(done, 5));
    return 1;
  },
});
export const dangling = action({
  handler: async (ctx) => {
    void ctx.runQuery(api.ending.names, {});
    return "done";
  },
});
export const danglingTwo = action({
  handler: async (ctx) => {
    setTimeout(() => {}, 100_000);
    void ctx.runQuery(api.ending.names, {});
    void ctx.runMutation(api.ending.unawaited, {});
    return "done";
  },
});
export const order = mutation({
  handler: async (ctx) => {
    const seen: string[] = [];
    const note = (name: string) => () => void seen.push(name);
    const id = await ctx.db.insert("rows", { n: 9 });
    await Promise.all([
      ctx.runQuery(api.ending.names, {}).then(note("runQuery")),
      ctx.db.get(id).then(note("get")),
      ctx.db.query("rows").withIndex("by_n", (q) => q.eq("n", 9)).first().then(note("first")),
      ctx.db.patch(id, { n: 10 }).then(note("patch")),
      ctx.db.delete(id).then(note("delete")),
    ]);
    return seen;
  },
});
export const timerOrder = action({
  handler: async () => {
    const seen: number[] = [];
    await Promise.all([30, 10, 20, 0].map((ms) => new Promise<void>((done) => setTimeout(() => (seen.push(ms), done()), ms))));
    return seen;
  },
});
const naps = (name: string) => async () => {
  try {
    const id = (globalThis as any)[name](() => {}, 1);
    return typeof id;
  } catch (error: any) {
    return `thrown: ${error.message}`;
  }
};
export const timerQuery = query({ handler: naps("setTimeout") });
export const intervalMutation = mutation({ handler: naps("setInterval") });
export const clearQuery = query({ handler: () => [typeof clearTimeout(5), typeof clearInterval(undefined)] });
export const fetchQuery = query({
  handler: async () => {
    try {
      await fetch("http://127.0.0.1:1/");
      return "fetched";
    } catch (error: any) {
      return error.message;
    }
  },
});
export const fetchMutation = mutation({ handler: async () => String(await fetch("http://127.0.0.1:1/")) });
export const importQuery = query({
  handler: async () => {
    try {
      return Object.keys(await import("./part")).sort();
    } catch (error: any) {
      return String(error);
    }
  },
});
export const importAction = action({
  handler: async () => {
    const [first, second] = [await import("./part"), await import("./part")];
    return [first === second, first.answer, Object.keys(first).sort()];
  },
});
