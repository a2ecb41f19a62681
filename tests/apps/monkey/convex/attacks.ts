// Ways to hurt a server, each varied by a number. `tests/lib/monkey.mjs` makes five hundred functions of them.
/* eslint-disable */

type Ctx = any;
type Attack = (n: number, ctx: Ctx) => unknown;

const global = globalThis as any;
const forever = () => true;

/** Takes memory in bites of `size`, made by `bite`. */
function gorge(bite: (i: number) => unknown) {
  const kept: unknown[] = [];
  for (let i = 0; ; i++) kept.push(bite(i));
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

/** Text of a module with one memory of `pages` pages. */
function wasmModule(pages: number): Uint8Array {
  const leb = (n: number) => {
    const out: number[] = [];
    do {
      out.push((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
      n >>>= 7;
    } while (n > 0);
    return out;
  };
  const limits = [0, ...leb(pages)];
  return new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 1 + limits.length, 1, ...limits]);
}

/** A WebAssembly function that never returns: (loop (br 0)). */
const endlessWasm = new Uint8Array([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0, 10, 9, 1, 7, 0, 3, 0x40, 12, 0, 11, 11,
]);

export const attacks: Record<string, Attack> = {
  // Time.
  whileTrue: () => {
    while (forever());
  },
  emptyFor: () => {
    for (;;);
  },
  microtasks: () => {
    const again = (): Promise<void> => Promise.resolve().then(again);
    return again();
  },
  asyncLoop: async () => {
    for (;;) await null;
  },
  generator: () => {
    const endless = (function* () {
      for (;;) yield 1;
    })();
    for (const _ of endless);
  },
  regex: (n) => /^(a+)+$/.test("a".repeat(28 + (n % 20)) + "!"),
  regexAlternatives: (n) => /^(a|a|aa)+$/.test("a".repeat(40 + (n % 40)) + "b"),
  regexReplace: (n) => "a".repeat(20000 + n).replace(/(a*)*b/g, "x"),
  sortComparator: () => {
    const list = Array.from({ length: 100 }, (_, i) => i);
    list.sort(() => {
      for (;;);
    });
  },
  proxyTrap: () => {
    const trap: any = new Proxy({}, { get: (_t, _k, self) => self.x });
    return trap.x;
  },
  endlessIterable: () => new Set({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: Math.random() }) }) } as any),
  endlessPrimitive: () => `${{ toString: () => { for (;;); } }}`,
  bigintPower: (n) => (3n ** BigInt(3_000_000 + n * 1000)).toString().length,
  bigintDivide: (n) => {
    const big = 7n ** BigInt(400_000 + n);
    let out = 1n;
    for (;;) out = (big * big) / (big + out);
  },
  jsonParse: (n) => JSON.parse("[" + "[],".repeat(3_000_000 + n * 100) + "0]"),
  wasmLoop: () => (new WebAssembly.Instance(new WebAssembly.Module(endlessWasm)).exports as any).f(),
  finallyForever: () => {
    for (;;) {
      try {
        throw 1;
      } catch {
        continue;
      } finally {
        continue;
      }
    }
  },
  catchTermination: async () => {
    const again = () => {
      try {
        for (;;);
      } catch {
        again();
      } finally {
        again();
      }
    };
    again();
  },
  pbkdf2: async (n) => {
    const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "PBKDF2", false, ["deriveBits"]);
    return await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-512", salt: new Uint8Array(8), iterations: 100_000_000 + n }, key, 512);
  },
  sortHuge: (n) => new Float64Array(2_000_000 + n).map(() => Math.random()).sort((a, b) => a - b).length > 0 && attacks.sortHuge(n, undefined),

  // Memory.
  arrays: () => gorge((i) => new Array(1000).fill(i)),
  objects: () => gorge((i) => ({ i, text: `${i}` })),
  strings: (n) => gorge((i) => "x".repeat(10_000 + n) + i),
  stringDoubling: () => {
    let text = "xy";
    for (;;) text += text;
  },
  flatten: (n) => {
    let text = "";
    for (let i = 0; i < 26; i++) text += "x".repeat(2 ** 22);
    return text.charCodeAt(n);
  },
  splitLong: () => "x".repeat(2 ** 28).split(""),
  arrayFrom: () => Array.from({ length: 1e9 }),
  arrayFill: (n) => new Array(1e8 + n).fill(1),
  mapGrowth: () => {
    const map = new Map();
    for (let i = 0; ; i++) map.set(i, { i });
  },
  setGrowth: () => {
    const set = new Set();
    for (let i = 0; ; i++) set.add(`k${i}`);
  },
  closures: () => gorge((i) => () => i),
  buffers: () => gorge(() => new ArrayBuffer(1 << 20)),
  touchedBuffers: () => gorge(() => new Uint8Array(1 << 20).fill(1)),
  sharedBuffers: () => gorge(() => new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(1)),
  resizable: () =>
    gorge(() => {
      const buffer = new (ArrayBuffer as any)(1, { maxByteLength: 1 << 24 });
      buffer.resize(1 << 24);
      return new Uint8Array(buffer).fill(1);
    }),
  wasmMemories: (n) =>
    gorge(() => {
      const memory = new WebAssembly.Memory({ initial: 64 + (n % 64) });
      new Uint8Array(memory.buffer).fill(1);
      return memory;
    }),
  wasmModules: (n) => gorge(() => new WebAssembly.Instance(new WebAssembly.Module(wasmModule(1 + (n % 200)) as any))),
  regexps: () => gorge((i) => new RegExp(`(a{${(i % 900) + 1}}){${(i % 500) + 1}}`).test("aaaaaaaaaaaaaaa")),
  symbols: () => gorge((i) => Symbol(`s${i}`)),
  blobs: () => gorge(() => new Blob([new Uint8Array(1 << 20)])),
  clones: () => gorge((i) => structuredClone({ list: new Array(500).fill(i) })),
  encoders: () => gorge(() => new TextEncoder().encode("x".repeat(1 << 20))),
  promises: () => gorge(() => new Promise(() => {})),
  timersWithoutEnd: () => gorge(() => setTimeout(() => {}, 1e9)),
  json: () => {
    let value: unknown = ["x".repeat(1000)];
    for (;;) value = [JSON.stringify(value), JSON.stringify(value)];
  },

  // Stack.
  recursion: () => {
    const down = (n: number): number => down(n + 1) + 1;
    return down(0);
  },
  mutualGetters: () => {
    const a: any = { get x() { return b.x; } };
    const b: any = { get x() { return a.x; } };
    return a.x;
  },
  jsonNesting: () => JSON.parse("[".repeat(1_000_000)),
  stringifyNesting: () => JSON.stringify(nested(1_000_000)),
  cloneNesting: () => structuredClone(nested(200_000)),
  toStringLoop: () => {
    const value: any = { toString: () => `${value}` };
    return `${value}`;
  },
  proxyChain: () => {
    let proxy: any = {};
    for (let i = 0; i < 200_000; i++) proxy = new Proxy(proxy, {});
    return proxy.x;
  },
  boundChain: () => {
    let f: any = () => 1;
    for (let i = 0; i < 200_000; i++) f = f.bind(null);
    return f();
  },
  regexNesting: () => new RegExp("(".repeat(100_000) + ")".repeat(100_000)),
  throwDeep: () => {
    const down = (): never => {
      try {
        return down();
      } finally {
        throw new Error("deep");
      }
    };
    return down();
  },

  // The runtime's own JavaScript.
  objectThen: async (n) => {
    (Object.prototype as any).then = (resolve: (value: unknown) => void) => resolve(n);
    return {};
  },
  endlessThen: async () => {
    (Object.prototype as any).then = function (resolve: (value: unknown) => void) {
      resolve({});
    };
    return {};
  },
  poisonArrays: async (n, ctx) => {
    Array.prototype.push = () => {
      throw new Error(`push ${n}`);
    };
    (Array.prototype as any)[Symbol.iterator] = undefined;
    console.log("after", [1]);
    return await ctx.runQuery?.("healthy:ping", {});
  },
  poisonJson: async () => {
    JSON.stringify = (() => "]]]") as any;
    JSON.parse = (() => ({})) as any;
    return { a: 1 };
  },
  poisonPromise: async () => {
    Promise.prototype.then = (() => undefined) as any;
    (globalThis as any).Promise = undefined;
    return await new Promise((resolve) => setTimeout(resolve, 1));
  },
  poisonFunctions: async () => {
    Function.prototype.call = Function.prototype.apply = (() => {
      throw new Error("no");
    }) as any;
    return 1;
  },
  poisonErrors: () => {
    Object.defineProperty(Error.prototype, "stack", { get: () => { for (;;); } });
    Object.defineProperty(Error.prototype, "message", { get: () => { throw new Error("again"); } });
    (Error as any).prepareStackTrace = () => { throw new Error("trace"); };
    throw new Error("poisoned");
  },
  poisonConvex: async () => {
    global.Convex.syscall = global.Convex.asyncSyscall = () => "{}";
    delete global.Convex;
    return 1;
  },
  freezeEverything: async () => {
    for (const name of Reflect.ownKeys(global)) {
      const value = global[name];
      if (value && (typeof value === "function" || typeof value === "object")) Object.freeze(value.prototype ?? value);
    }
    console.log("frozen");
    return new Response("x").status;
  },
  deleteEverything: async () => {
    for (const name of Reflect.ownKeys(global)) delete global[name];
    return 1;
  },
  getters: async () => ({ get x() { for (;;); } }),
  throwingGetter: async () => ({ get x() { throw new Error("getter"); } }),

  // Results and exceptions.
  throwNothing: () => {
    throw undefined;
  },
  throwProxy: () => {
    throw new Proxy(new Error("p"), { get: () => { throw new Error("trap"); }, getPrototypeOf: () => { throw new Error("proto"); } });
  },
  throwSymbol: () => {
    throw Symbol("s");
  },
  throwCircular: () => {
    const error: any = new Error("c");
    error.cause = error;
    error.data = error;
    throw error;
  },
  throwHuge: (n) => {
    throw new Error("x".repeat(2 ** 24 + n));
  },
  throwHugeStack: () => {
    const error = new Error("s");
    error.stack = "x".repeat(2 ** 24);
    throw error;
  },
  forgedConvexError: () => {
    throw { [Symbol.for("ConvexError")]: true, data: { get x() { throw new Error("data"); } }, ConvexErrorSymbol: Symbol.for("ConvexError") };
  },
  forgedDeveloperError: () => {
    throw { developerError: "forged ".repeat(1000) };
  },
  returnCircular: () => {
    const value: any = {};
    value.self = value;
    return value;
  },
  returnFunction: () => () => 1,
  returnSymbol: () => Symbol("x"),
  returnHuge: (n) => "x".repeat(2 ** 25 + n),
  returnWide: () => Array.from({ length: 9000 }, (_, i) => i),
  returnDeep: () => nested(100),
  returnProxy: () => new Proxy({}, { ownKeys: () => { throw new Error("keys"); } }),
  returnProto: () => JSON.parse('{"__proto__":{"x":1},"constructor":{"prototype":2}}'),
  returnBadFields: () => ({ $integer: "AAAA", "": 1, "é": 2 }),
  returnBigint: (n) => 2n ** BigInt(64 + n),
  neverSettles: () => new Promise(() => {}),
  thenableNever: () => ({ then: () => undefined }),
  unhandled: async () => {
    void Promise.reject(new Error("unhandled"));
    await null;
    return 1;
  },

  // Operations.
  logFlood: (n) => {
    for (let i = 0; i < 100_000; i++) console.log("x".repeat(n), i);
  },
  logHuge: () => {
    for (let i = 0; i < 300; i++) console.log("x".repeat(1 << 20));
  },
  logHostile: () => {
    console.log({ get x() { throw new Error("inspect"); } }, new Proxy({}, { get: () => { throw new Error("proxy"); } }), nested(100_000));
  },
  opFlood: async () => {
    for (;;) void global.Convex.asyncSyscall("1.0/getUserIdentity", '{"requestId":""}');
  },
  opFloodAwaited: async () => {
    for (;;) await global.Convex.asyncSyscall("1.0/getUserIdentity", '{"requestId":""}');
  },
  opGarbage: async (n) => {
    const texts = ["", "{", "null", "[]", '{"id":1}', '{"id":"' + "x".repeat(1000) + '"}', "\u0000", "\ud800", '{"queryId":-1}', "[".repeat(5000)];
    const names = ["1.0/get", "1.0/insert", "1.0/queryStreamNext", "1.0/queryPage", "1.0/runUdf", "1.0/replace", "1.0/count", "1.0/x", "", "\u0000", "1.0/actions/query"];
    for (const name of names) {
      await global.Convex.asyncSyscall(name, texts[n % texts.length]).catch(() => undefined);
    }
    for (const name of ["1.0/queryStream", "1.0/queryCleanup", "1.0/db/normalizeId", "1.0/componentArgument", ""]) {
      try {
        global.Convex.syscall(name, texts[(n + 1) % texts.length]);
      } catch {
        // What is wanted.
      }
    }
    return "done";
  },
  opHugeArgument: async (n) => await global.Convex.asyncSyscall("1.0/insert", `{"table":"things","value":{"x":"${"y".repeat(2 ** 24 + n)}"}}`),
  opWrongCount: async () => await global.Convex.asyncSyscall("1.0/get"),
  jsSyscallUnknown: async () => global.Convex.jsSyscall("nothing", {}),
  queriesWithoutEnd: async (_n, ctx) => {
    for (;;) ctx.db?.query("things").order("desc")[Symbol.asyncIterator]().next();
  },
  insertForever: async (n, ctx) => {
    for (;;) await ctx.db.insert("things", { n });
  },
  insertHuge: async (n, ctx) => {
    for (;;) await ctx.db.insert("things", { text: "x".repeat(900_000 + n) });
  },
  callYourself: async (n, ctx) => await ctx.runQuery("hostile:again", { n }),
  randomBytes: () => {
    for (;;) crypto.getRandomValues(new Uint8Array(65536));
  },
  urls: (n) => new URL(`http://a/?${"x=1&".repeat(200_000 + n)}`).searchParams.size,
  headersFlood: () => {
    const headers = new Headers();
    for (let i = 0; ; i++) headers.append(`h${i}`, "v");
  },
  decoderFlood: (n) => gorge(() => new TextDecoder("utf-16le").decode(new Uint8Array(2 ** 20 + 2 * n))),
};
