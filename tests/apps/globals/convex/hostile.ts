// Code that changes the built-ins under the runtime's feet, and code that looks for its inside.
import { v } from "convex/values";
import { query } from "./_generated/server";

const host = globalThis as any;
const refuse = (): never => {
  throw new Error("patched");
};
const spoil = (target: any) => {
  for (const key of Reflect.ownKeys(target)) {
    const descriptor = Reflect.getOwnPropertyDescriptor(target, key)!;
    if (key !== "constructor" && typeof descriptor.value === "function" && descriptor.writable) target[key] = refuse;
  }
};
const trap = (...names: string[]) => {
  for (const name of names) Object.defineProperty(Object.prototype, name, { get: refuse, set: refuse, configurable: true });
};

const patches: Record<string, () => void> = {
  "Array.prototype": () => spoil(Array.prototype),
  "Promise.prototype": () => spoil(Promise.prototype),
  "Map and Set": () => [Map, Set, WeakMap, WeakSet].forEach((type) => spoil(type.prototype)),
  "Function.prototype": () => ["call", "apply", "bind", "toString"].forEach((name) => ((Function.prototype as any)[name] = refuse)),
  "String and RegExp": () => [String, RegExp].forEach((type) => spoil(type.prototype)),
  "Object": () => spoil(Object),
  "Reflect": () => ["apply", "construct", "defineProperty", "ownKeys", "get"].forEach((name) => (host.Reflect[name] = refuse)),
  "JSON and Math": () => [JSON, Math].forEach(spoil),
  "getters on Object.prototype": () => trap("then", "name", "message", "code", "toJSON", "inspect", "length", "type", "signal", "storage"),
  "getters of descriptors": () => trap("get", "set", "value"),
  "indexes of arrays": () => ["0", "1", "2"].forEach((name) => Object.defineProperty(Array.prototype, name, { get: refuse, set: refuse })),
  "globals": () => "Map Set WeakMap Array Object Function String RegExp Reflect JSON Math Uint8Array Error TypeError Proxy Promise".split(" ").forEach((name) => (host[name] = undefined)),
  "Promise": () => (host.Promise = class {}),
  "stack traces": () => Object.assign(Error, { prepareStackTrace: refuse, captureStackTrace: refuse, stackTraceLimit: -1 }),
};
export const names = query({ args: {}, handler: async () => Object.keys(patches) });

const text = v.string();
export const logs = query({
  args: { patch: text },
  handler: async (_ctx, { patch }) => {
    patches[patch]!();
    console.log("before", 1, true, null);
    console.time("t");
    const storage = new host.AsyncLocalStorage();
    return storage.run(5, () => storage.getStore());
  },
});
export const fails = query({
  args: { patch: text },
  handler: async (_ctx, { patch }) => {
    const error = new Error("on purpose");
    patches[patch]!();
    throw error;
  },
});

// What only the runtime's inside has.
const inside = (value: any) => (typeof value === "object" || typeof value === "function") && value !== null && value !== host &&
  ["hull", "asyncOp", "setHooks", "uncatchable", "secureRandom", "requestParts", "track"].some((name) => name in value);

// Getters on Object.prototype see the objects that lack the property as `this`.
export const getters = query({
  args: {},
  handler: async () => {
    const found: string[] = [];
    const look = (where: string, value: any) => {
      if (inside(value)) found[found.length] = where;
    };
    const features = [() => structuredClone({}), () => console.log({}), () => new URL("http://a"), () => new Request("http://a"), () => new Response("x").text(), () => new FormData(), () => new EventTarget(), () => AbortSignal.abort(), () => new TextDecoder("gbk").decode(new Uint8Array(2)), () => performance.mark("x"), () => new ReadableStream(), () => crypto.subtle.digest("SHA-256", new Uint8Array(1)), () => new host.AsyncLocalStorage().run(1, () => 1), () => fetch("http://h").catch(() => 1), () => console.trace(), () => setTimeout];
    for (const feature of features) {
      for (const name of ["get", "value", "set", "then", "toJSON"]) {
        const get = function (this: any) {
          delete (Object.prototype as any)[name];
          look(`${name} ${feature}`, this);
          const own = Object.getOwnPropertyDescriptors(this) as any;
          look(`${name}: value ${feature}`, own.value?.value);
          if (typeof own.get?.value === "function") look(`${name}: get ${feature}`, own.get.value());
          return undefined;
        };
        const descriptor = Object.assign(Object.create(null), { get, configurable: true });
        Object.defineProperty(Object.prototype, name, descriptor);
        try {
          await feature();
        } catch {}
        delete (Object.prototype as any)[name];
      }
    }
    return JSON.stringify(found);
  },
});

// Everything that passes through the built-ins while the runtime works is looked at.
export const spy = query({
  args: {},
  handler: async () => {
    const found = new Set<string>();
    const ownKeys = Reflect.ownKeys;
    const apply = Reflect.apply;
    const construct = Reflect.construct;
    const valueOf = Reflect.getOwnPropertyDescriptor;
    let looking = false; // looking also goes through the spies
    const look = (where: string, value: any) => {
      if (looking) return;
      looking = true;
      if (inside(value)) found.add(where);
      const getter = typeof value === "object" && value !== null && where.includes("defineProperty 2") && valueOf(value, "get")?.value;
      try {
        if (typeof getter === "function" && inside(getter())) found.add(`${where} get`);
      } catch {} // it needs a receiver
      looking = false;
    };
    for (const [name, target] of Object.entries({ Array: Array.prototype, Map: Map.prototype, Set: Set.prototype, WeakMap: WeakMap.prototype, Promise: Promise.prototype, Function: Function.prototype, String: String.prototype, RegExp: RegExp.prototype, Reflect, Object, JSON, PromiseStatics: Promise })) {
      for (const key of ownKeys(target)) {
        const original: any = valueOf(target, key)?.value;
        if (key === "constructor" || typeof original !== "function" || ["prototype", "hasInstance"].includes(String(key))) continue;
        try {
          (target as any)[key] = function (this: unknown, ...args: unknown[]) {
            look(`${name}.${String(key)} this`, this);
            for (let i = 0; i < args.length; i++) look(`${name}.${String(key)} ${i}`, args[i]);
            const result = new.target ? construct(original, args) : apply(original, this, args);
            look(`${name}.${String(key)} result`, result);
            return result;
          };
        } catch {}
      }
    }
    const sites = new Set<string>();
    Error.prepareStackTrace = (_error, callSites) => {
      for (const site of callSites) {
        look("site this", site.getThis());
        if (typeof site.getFunction() === "function") sites.add(String(site.getFunctionName()));
      }
      return "";
    };
    const touch = () => void new Error().stack;
    const curious = { toString: () => (touch(), "a"), get x() { touch(); return 1; }, inspect: () => (touch(), "i"), handleEvent: touch, [Symbol.iterator]: () => (touch(), [][Symbol.iterator]()), toJSON: () => (touch(), 1) };
    structuredClone({ ...Object.getOwnPropertyDescriptors({}), curious: { get x() { touch(); return 1; } } });
    console.log(curious, { curious }, new Map([[curious, 1]]));
    console.error(new Error("e"));
    atob(btoa(curious as any) as any);
    new URL(curious as any, "http://h").searchParams.append(curious as any, curious as any);
    const target = new EventTarget();
    target.addEventListener("e", curious as any);
    target.dispatchEvent(new Event("e"));
    const controller = new AbortController();
    controller.signal.onabort = touch;
    AbortSignal.any([controller.signal]).addEventListener("abort", touch);
    controller.abort();
    queueMicrotask(touch);
    new Headers(curious as any);
    new Headers({ a: curious as any });
    const form = new FormData();
    form.append(curious as any, curious as any);
    form.append("f", new Blob([curious as any]), curious as any);
    await new Response(form).formData();
    await new Request("http://h", { method: "POST", body: curious as any }).text();
    Response.json(curious);
    const reader = new ReadableStream({ pull(c) { touch(); c.enqueue(new Uint8Array(1)); } }).pipeThrough(new TransformStream({ transform(x, c) { touch(); c.enqueue(x); } })).getReader();
    await reader.read();
    new TextDecoder(curious as any === 1 ? "x" : "utf-16").decode(new TextEncoder().encode(curious as any));
    new host.AsyncLocalStorage().run(1, touch);
    performance.mark(curious as any, { detail: { get x() { touch(); return 1; } } });
    new DOMException(curious as any);
    crypto.getRandomValues(new Uint8Array(4));
    await crypto.subtle.digest("SHA-256", new Uint8Array(1));
    await fetch("http://h").catch(touch);
    void process.env.GREETING;
    return JSON.stringify([[...found], [...sites]]);
  },
});
