// runtime.md §7: what an exception looks like to the caller.
import { ConvexError, v } from "convex/values";
import { action, mutation, query } from "./_generated/server";

class Quota extends Error {}
class Named extends Error {
  override name = "Named";
}
class Point {
  constructor(readonly x: number) {}
  check(): never {
    throw new Error("from a method");
  }
}
class Strict {
  constructor() {
    throw new Error("from a constructor");
  }
}
const loop = (): never => {
  for (;;);
};
// Not the library's symbol: the library would make valid data of it.
const symbol = Symbol("mine");
const marked = (data: unknown) => Object.assign(new Error("m"), { ConvexErrorSymbol: symbol, [symbol]: true, data });

const kinds: Record<string, () => unknown> = {
  error: () => new Error("boom"),
  empty: () => new Error(),
  subclass: () => new Quota("over"),
  named: () => new Named("n"),
  typeError: () => new TypeError("t"),
  noName: () => Object.assign(new Error("only message"), { name: "" }),
  nothing: () => Object.assign(new Error(), { name: "" }),
  dom: () => new DOMException("d", "AbortError"),
  aggregate: () => new AggregateError([new Error("1"), new Error("2")], "both"),
  cause: () => new Error("outer", { cause: new Error("inner") }),
  frozen: () => Object.freeze(new Error("cold")),
  throwingGetter: () =>
    Object.defineProperty(new Error("hidden"), "message", {
      get() {
        throw new Error("no");
      },
    }),
  loopingGetter: () => Object.defineProperty(new Error("hidden"), "message", { get: loop }),
  proxy: () => new Proxy(new Error("behind"), {}),
  hostileProxy: () => new Proxy(new Error("behind"), { get: () => { throw new Error("no"); }, getPrototypeOf: () => { throw new Error("no"); } }),
  string: () => "text",
  emptyString: () => "",
  number: () => 7,
  null: () => null,
  undefined: () => undefined,
  symbol: () => Symbol("s"),
  bigint: () => 7n,
  object: () => ({ a: 1 }),
  instance: () => new Point(1),
  array: () => [1, 2],
  fn: () => function named() {},
  bare: () => Object.create(null),
  long: () => new Error("ü".repeat(50_000)),
  convexString: () => new ConvexError("plain"),
  convexObject: () => new ConvexError({ code: 7, list: [1n] }),
  invalidData: () => marked("{nope"),
  invalidValue: () => marked('{"$bad":1}'),
  dataNotText: () => marked(5),
};
export const thrown = mutation({
  args: { kind: v.string() },
  handler: (_ctx, { kind }) => {
    throw kinds[kind]!();
  },
});
export const inQuery = query({
  handler: () => {
    throw new Error("from a query");
  },
});
export const inAction = action({
  handler: async () => {
    throw new ConvexError({ code: 8 });
  },
});
export const rejected = query({ handler: () => Promise.reject(new Error("rejected")) });
const outer = () => inner();
const inner = () => {
  throw new Error("deep");
};
export const frames = query({ handler: () => outer() });
export const asyncFrames = query({
  handler: async (ctx) => {
    const later = async () => {
      await ctx.db.query("rows").first();
      inner();
    };
    await later();
  },
});
export const constructorFrame = query({ handler: () => void new Strict() });
export const methodFrame = query({ handler: () => new Point(1).check() });
export const all = query({
  handler: async (ctx) => {
    const later = async () => {
      await ctx.db.query("rows").first();
      throw new Error("one of many");
    };
    await Promise.all([later()]);
  },
});
const recurse = (n: number): number => (n === 0 ? inner() : recurse(n - 1) + 1);
export const manyFrames = query({ handler: () => recurse(30) });
export const library = query({ handler: (ctx) => ctx.db.get(5 as any) });
export const stackText = query({
  handler: () => {
    const lines = new Error("mine").stack!.split("\n");
    return [lines[0], lines[1]!.trim().replace(/:\d+:\d+\)$/, ")")];
  },
});
export const overflow = query({
  handler: () => {
    const down = (): number => down() + 1;
    return down();
  },
});
export const catchesOverflow = query({
  handler: () => {
    const down = (): number => down() + 1;
    try {
      return down();
    } catch (error) {
      return String(error);
    }
  },
});
export const codeFromText = query({
  handler: () => {
    const seen: string[] = [];
    for (const run of [() => (0, eval)("1"), () => new Function("return 1")()]) {
      try {
        seen.push(String(run()));
      } catch (error) {
        seen.push(String(error));
      }
    }
    return seen;
  },
});
