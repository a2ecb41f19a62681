// Attempts to get out of the sandbox, or to turn the runtime's own JavaScript against itself. Each returns what it got hold of:
// "nothing", or words that say what is open. `tests/sandbox.test.mjs` runs them all in every kind of function.
/* eslint-disable */

const global = globalThis as any;

/** Names a value that must not be there. */
const found = (what: string, value: unknown) => (value === undefined ? undefined : `${what}: ${typeof value}`);

function report(...findings: (string | undefined)[]): string {
  const open = findings.filter((finding) => finding !== undefined);
  return open.length === 0 ? "nothing" : open.join("; ");
}

/** The text of what `attempt` throws, or what it returned. */
function outcome(attempt: () => unknown): string {
  try {
    return `returned ${typeof attempt()}`;
  } catch (error: any) {
    return `${error?.name}: ${error?.message}`;
  }
}

const hostNames = [
  "__hull", "hull", "host", "process.binding", "process.mainModule", "process.dlopen", "process.versions", "process.exit",
  "require", "module", "exports", "Buffer", "global", "Deno", "Bun", "window", "document", "navigator", "Worker", "WebSocket",
  "XMLHttpRequest", "importScripts", "setImmediate", "internalBinding", "v8", "gc", "d8", "print", "load", "readFile", "primordials",
];

export const probes: Record<string, () => unknown> = {
  hostNames: () =>
    report(
      ...hostNames.map((name) => found(name, name.split(".").reduce((at, part) => (at === undefined || at === null ? undefined : at[part]), global))),
    ),

  unknownGlobals: () => {
    const standard = new Set(
      `Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Promise RegExp Error
      AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError globalThis JSON Math Intl
      ArrayBuffer Atomics Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array BigUint64Array BigInt64Array Uint8ClampedArray
      Float16Array Float32Array Float64Array DataView Map BigInt Set Iterator WeakMap WeakSet WeakRef Proxy Reflect FinalizationRegistry
      decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape eval isFinite isNaN SharedArrayBuffer WebAssembly
      DisposableStack AsyncDisposableStack Convex self console process structuredClone setTimeout setInterval clearTimeout
      clearInterval queueMicrotask atob btoa DOMException Event EventTarget CustomEvent AbortController AbortSignal TextEncoder
      TextDecoder TextEncoderStream TextDecoderStream ReadableStream ReadableStreamBYOBReader ReadableStreamDefaultReader
      ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableByteStreamController TransformStream
      TransformStreamDefaultController WritableStream WritableStreamDefaultWriter WritableStreamDefaultController
      ByteLengthQueuingStrategy CountQueuingStrategy URL URLSearchParams Blob File FormData Headers Request Response fetch crypto Crypto
      CryptoKey SubtleCrypto performance Performance PerformanceEntry PerformanceMark PerformanceMeasure AsyncLocalStorage AsyncResource`
        .trim()
        .split(/\s+/),
    );
    return report(...Reflect.ownKeys(global).map((key) => (standard.has(String(key)) ? undefined : String(key))));
  },

  evaluate: () => outcome(() => (0, eval)("1 + 1")),
  functionConstructor: () => outcome(() => (() => {}).constructor("return globalThis")()),
  asyncFunctionConstructor: () => outcome(() => ((async () => {}) as any).constructor("return globalThis")()),
  generatorConstructor: () => outcome(() => ((function* () {}) as any).constructor("yield globalThis")()),
  asyncGeneratorConstructor: () => outcome(() => ((async function* () {}) as any).constructor("yield globalThis")()),
  constructorOfHostFunction: () => outcome(() => global.Convex.syscall.constructor("return 1")()),
  timerWithText: () => {
    // Uncatchable where it is allowed at all; here only that the text is never run.
    return report(found("ran", global.ranText));
  },

  importNodeModules: async () => {
    const findings: (string | undefined)[] = [];
    for (const name of ["node:fs", "fs", "node:process", "file:///etc/passwd", "data:text/javascript,export default 1", "convex:/../../etc/passwd"]) {
      try {
        const loaded = await import(/* @vite-ignore */ name);
        findings.push(`${name}: ${typeof loaded}`);
      } catch {
        // Refused, as it must be.
      }
    }
    return report(...findings);
  },

  stackTraceObjects: () => {
    // Structured call sites would hand out functions and receivers of the runtime.
    let leaked: unknown;
    (Error as any).prepareStackTrace = (_error: unknown, sites: any[]) => {
      leaked = sites.map((site) => [site.getThis?.(), site.getFunction?.()]).flat().find((value) => typeof value === "object" || typeof value === "function");
      return "mine";
    };
    void new Error("x").stack;
    delete (Error as any).prepareStackTrace;
    return report(found("from call sites", leaked));
  },

  callerAndArguments: () => {
    function sloppy(this: unknown) {
      return [outcome(() => (sloppy as any).caller), outcome(() => (sloppy as any).arguments)].join(" ");
    }
    return sloppy.call(undefined);
  },

  convexObject: () => {
    const names = Reflect.ownKeys(global.Convex).map(String).sort();
    return names.filter((name) => !["syscall", "asyncSyscall", "jsSyscall", "op", "asyncOp"].includes(name)).join(" ") || "nothing";
  },

  // The private operations of the runtime are not for user code to forge.
  privateOps: async () => {
    const findings: string[] = [];
    for (const op of ["http/response", "response/write", "stream/read", "stream/cancel", "signal/wait", "fetch/abort", "sleep", "fetch", "request/write"]) {
      for (const args of ["{}", '{"streamId":"1","done":true}', '{"id":0,"ms":0}', '{"url":"http://127.0.0.1:1/","method":"GET","headers":[],"fetchId":"1"}', "null"]) {
        try {
          await global.Convex.asyncSyscall(op, args);
          findings.push(`${op} answered`);
        } catch (error: any) {
          if (!/^Unknown async operation /.test(error.message)) findings.push(`${op}: ${error.message}`);
        }
      }
    }
    return findings.length === 0 ? "nothing" : findings.join("; ");
  },

  privateSyncOps: () => {
    const findings: string[] = [];
    for (const op of ["http/response", "sourceMap", "response/write", "sleep", "env", "1.0/actions/query"]) {
      try {
        global.Convex.syscall(op, "{}");
        findings.push(`${op} answered`);
      } catch (error: any) {
        if (!/^Unknown operation /.test(error.message)) findings.push(`${op}: ${error.message}`);
      }
    }
    return findings.length === 0 ? "nothing" : findings.join("; ");
  },

  // Prototype tricks: whatever user code puts on the built-ins, the runtime's own values must not pass through it.
  interceptArrays: async () => {
    const { keep, all } = collector();
    const push = Array.prototype.push;
    const iterator = Array.prototype[Symbol.iterator];
    Array.prototype.push = function (this: unknown[], ...items: unknown[]) {
      keep(this);
      return Reflect.apply(push, this, items);
    };
    (Array.prototype as any)[Symbol.iterator] = function (this: unknown[]) {
      keep(this);
      return Reflect.apply(iterator, this, []);
    };
    for (const index of ["0", "1"]) {
      Object.defineProperty(Array.prototype, index, {
        configurable: true,
        set(this: unknown[], value: unknown) {
          keep(value);
          Object.defineProperty(this, index, { value, writable: true, configurable: true, enumerable: true });
        },
        get: () => undefined,
      });
    }
    await touchRuntime();
    Array.prototype.push = push;
    Array.prototype[Symbol.iterator] = iterator as any;
    delete (Array.prototype as any)[0];
    delete (Array.prototype as any)[1];
    return report(...all().map(internal));
  },

  interceptFunctions: async () => {
    const { keep, all } = collector();
    const { call, apply, bind } = Function.prototype;
    Function.prototype.call = function (this: any, ...args: any[]) {
      keep(this);
      return Reflect.apply(this, args[0], args.slice(1));
    } as any;
    Function.prototype.apply = function (this: any, self: any, args: any) {
      keep(this);
      return Reflect.apply(this, self, args ?? []);
    } as any;
    await touchRuntime();
    Function.prototype.call = call;
    Function.prototype.apply = apply;
    Function.prototype.bind = bind;
    return report(...all().map(internal));
  },

  interceptPromises: async () => {
    const { keep, all } = collector();
    const then = Promise.prototype.then;
    Promise.prototype.then = function (this: any, ...handlers: any[]) {
      keep(handlers[0]);
      return Reflect.apply(then, this, handlers);
    } as any;
    await touchRuntime();
    Promise.prototype.then = then;
    return report(...all().map(internal));
  },

  interceptProperties: async () => {
    const { keep, all } = collector();
    const names = ["developerError", "pending", "hooks", "kind", "streamId", "done", "signal", "env", "data", "code"];
    for (const name of names) {
      const descriptor = Object.assign(Object.create(null), { configurable: true });
      descriptor.get = () => undefined;
      descriptor.set = function (this: unknown, value: unknown) {
        keep(this);
        const own = Object.assign(Object.create(null), { writable: true, configurable: true, enumerable: true });
        own.value = value;
        Object.defineProperty(this as object, name, own);
      };
      Object.defineProperty(Object.prototype, name, descriptor);
    }
    await touchRuntime();
    for (const name of names) delete (Object.prototype as any)[name];
    return report(...all().map(internal));
  },

  interceptMaps: async () => {
    const { keep, all } = collector();
    const { get, set, has } = Map.prototype;
    const weakGet = WeakMap.prototype.get;
    Map.prototype.set = function (this: any, key: unknown, value: unknown) {
      keep(value);
      return Reflect.apply(set, this, [key, value]);
    } as any;
    Map.prototype.get = function (this: any, key: unknown) {
      keep(this);
      return Reflect.apply(get, this, [key]);
    } as any;
    WeakMap.prototype.get = function (this: any, key: unknown) {
      keep(this);
      return Reflect.apply(weakGet, this, [key]);
    } as any;
    await touchRuntime();
    Map.prototype.get = get;
    Map.prototype.set = set;
    Map.prototype.has = has;
    WeakMap.prototype.get = weakGet;
    return report(...all().map(internal));
  },

  errorsAreMine: () => {
    // Errors made by the host belong to this realm: no way to another global object.
    try {
      global.Convex.syscall("no such operation", "{}");
    } catch (error: any) {
      return report(error instanceof Error ? undefined : "a foreign Error", found("function", error.constructor === Error ? undefined : error.constructor));
    }
    return "no error";
  },

  frozenGlobal: () => {
    // Whoever runs next gets an untouched realm; the test calls "fresh" after this one.
    (Object.prototype as any).poisoned = true;
    global.Convex.asyncSyscall = () => "forged";
    global.leftBehind = 1;
    Object.freeze(globalThis);
    return "nothing";
  },
  fresh: () => report(found("poisoned", (Object.prototype as any).poisoned), found("leftBehind", global.leftBehind)),

  environment: () => {
    const { env } = process;
    return report(
      Object.keys(env).length > 0 ? Object.keys(env).join() : undefined,
      ...["PATH", "HOME", "CONVEX_INSTANCE_SECRET", "INSTANCE_SECRET", "TZ", "HULL_NODE_EXECUTABLE"].map((name) => found(name, env[name])),
    );
  },

  sharedMemory: () => {
    // Blocking waits would hold the worker's thread.
    return outcome(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10));
  },

  wasmGrowth: () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    try {
      for (;;) memory.grow(64);
    } catch {
      // As above.
    }
    return memory.buffer.byteLength > 2 ** 26 ? `${memory.buffer.byteLength / 2 ** 20} MiB of WebAssembly memory` : "nothing";
  },
  resizableBuffers: () => {
    const buffers: ArrayBuffer[] = [];
    try {
      for (let i = 0; i < 64; i++) {
        const buffer = new (ArrayBuffer as any)(1, { maxByteLength: 32 << 20 });
        buffer.resize(32 << 20);
        buffers.push(buffer);
      }
    } catch {
      // As above.
    }
    const bytes = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
    return bytes > 2 ** 26 ? `${bytes / 2 ** 20} MiB of buffers` : "nothing";
  },
};

/** Keeps what it is given in an array that no patched prototype is asked about. */
function collector() {
  const seen: unknown[] = [];
  Object.setPrototypeOf(seen, null);
  const keep = (value: unknown) => {
    seen[seen.length] = value;
  };
  return { keep, all: () => Array.from({ length: seen.length }, (_unused, index) => seen[index]) };
}

/** Makes the runtime work: operations, errors, console, web classes. */
async function touchRuntime() {
  await global.Convex.asyncSyscall("1.0/getUserIdentity", '{"requestId":""}').catch(() => undefined);
  await global.Convex.asyncSyscall("1.0/nothing", "{}").catch(() => undefined);
  console.log("touch", { a: [1, 2], b: new Map([[1, 2]]) });
  void new Error("stack").stack;
  const response = new Response(new Blob(["x"]), { headers: { a: "b" } });
  await response.text();
  new URL("http://a/?b=c").searchParams.get("b");
  structuredClone({ a: 1 });
  await crypto.subtle.digest("SHA-256", new Uint8Array(3));
  const events = new EventTarget();
  events.addEventListener("x", () => {});
  events.dispatchEvent(new Event("x"));
  new TextDecoder().decode(new TextEncoder().encode("é"));
  new AsyncLocalStorage().run(1, () => Promise.resolve());
}
declare const AsyncLocalStorage: any;

/** Says what is wrong with a value that came into user hands, if it belongs to the worker's native side. */
function internal(value: any): string | undefined {
  const suspicious = (candidate: any) =>
    candidate !== null &&
    (typeof candidate === "object" || typeof candidate === "function") &&
    ["asyncOp", "syncOp", "secureRandom", "setHooks", "uncatchable", "startCall", "describeError"].some((name) => {
      try {
        return typeof candidate[name] === "function" && candidate !== global.Convex;
      } catch {
        return false;
      }
    });
  if (suspicious(value)) return "the host object";
  if (typeof value === "function" && ["asyncOp", "syncOp", "setHooks", "secureRandom"].includes(value.name)) return `host function ${value.name}`;
  return undefined;
}
