// Code that replaces every built-in it can reach before crypto.subtle is used for the first time, and looks for a secret in
// whatever passes through them.
import { v } from "convex/values";
import { query } from "./_generated/server";

const secret = Uint8Array.from({ length: 32 }, (_, index) => index + 101);
const secretText = "ZWZnaGlqa2xtbm9wcXJzdHV2d3h5ent8fX5_gIGCg4Q";
const { apply, construct, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const isView = ArrayBuffer.isView;
const Bytes = Uint8Array;
const Buffers = ArrayBuffer;
const byteLength = getOwnPropertyDescriptor(getPrototypeOf(Bytes.prototype), "byteLength")!.get!;
const includes = String.prototype.includes;

const sightings: string[] = [];
const made: unknown[] = [];
let looking = false;

function holds(value: any, depth = 0): boolean {
  if (typeof value === "string") return apply(includes, value, [secretText]);
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof Buffers) value = new Bytes(value);
  if (isView(value)) {
    if (apply(byteLength, value, []) < 32) return false;
    for (let i = 0; i < 32; i++) if ((value as any)[i] !== secret[i]) return false;
    return true;
  }
  if (depth > 3) return false;
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const descriptor = getOwnPropertyDescriptor(value, keys[i]!);
    if (descriptor && "value" in descriptor && holds(descriptor.value, depth + 1)) return true;
  }
  return false;
}

function look(where: string, values: any[]): void {
  if (looking) return;
  looking = true;
  for (let i = 0; i < values.length; i++) if (holds(values[i])) sightings[sightings.length] = where;
  looking = false;
}

// Uses nothing itself that it replaces.
function spy(original: Function, where: string): Function {
  const spying = function (this: unknown, ...args: unknown[]) {
    look(where, args);
    look(where, [this]);
    const target = new.target === spying ? original : new.target;
    const result = target ? construct(original, args, target) : apply(original, this, args);
    if (!looking) made[made.length] = result;
    look(`result of ${where}`, [result]);
    return result;
  };
  return spying;
}

function replaceAll(target: any, name: string): void {
  for (const key of ownKeys(target)) {
    const descriptor = getOwnPropertyDescriptor(target, key)!;
    if (!descriptor.configurable || key === "constructor") continue;
    const where = `${name}.${String(key)}`;
    if (typeof descriptor.value === "function") defineProperty(target, key, { ...descriptor, value: spy(descriptor.value, where) });
    if (descriptor.get) defineProperty(target, key, { ...descriptor, get: spy(descriptor.get, where) as () => unknown });
  }
}

function tap(): void {
  for (const name of ["bytes", "jwk", "material", "k", "d", "oth", "alg", "ext", "key_ops", "use", "then", "name", "format"]) {
    defineProperty(Object.prototype, name, {
      configurable: true,
      get() {
        look(`Object.prototype.${name}`, [this]);
      },
      set(value) {
        look(`Object.prototype.${name}`, [this, value]);
        defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true });
      },
    });
  }
  const arrayIterator = getPrototypeOf([][Symbol.iterator]());
  const prototypes = { Array, String, Map, Set, WeakMap, ArrayBuffer, Promise, RegExp, Number, Symbol } as Record<string, any>;
  replaceAll(getPrototypeOf(Bytes.prototype), "TypedArray.prototype");
  replaceAll(getPrototypeOf(Bytes), "TypedArray");
  replaceAll(arrayIterator!, "ArrayIterator.prototype");
  for (const [name, constructor] of Object.entries(prototypes)) replaceAll(constructor.prototype, `${name}.prototype`);
  for (const [name, namespace] of Object.entries({ Object, Reflect, JSON, Math, Array, String, Number })) replaceAll(namespace, name);
  for (const name of ["Uint8Array", "String", "Boolean", "Number", "Array", "Map", "Set"] as const) {
    const original = globalThis[name] as any;
    const replacement: any = spy(original, name);
    defineProperty(replacement, "prototype", { value: original.prototype });
    for (const key of ownKeys(original)) {
      if (key !== "prototype" && key !== "length" && key !== "name") defineProperty(replacement, key, getOwnPropertyDescriptor(original, key)!);
    }
    (globalThis as any)[name] = replacement;
  }
}

export const steal = query({
  args: { wrapped: v.record(v.string(), v.bytes()), extractable: v.boolean() },
  handler: async (_ctx, { wrapped, extractable }) => {
    const iv = new Uint8Array(12);
    tap();
    const { subtle } = crypto;
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const unwrapping = await subtle.importKey("raw", new Bytes(16), "AES-GCM", false, ["unwrapKey"]);
    const signatures: ArrayBuffer[] = [];
    for (const format of ["raw", "jwk"] as const) {
      const key = await subtle.unwrapKey(format, wrapped[format]!, unwrapping, { name: "AES-GCM", iv }, algorithm, extractable, ["sign", "verify"]);
      signatures[signatures.length] = await subtle.sign("HMAC", key, new Bytes(3));
      await subtle.verify("HMAC", key, new Bytes(32), new Bytes(3));
      if (extractable) await subtle.exportKey(format, key);
      else await subtle.exportKey(format, key).catch(() => undefined);
      look("the key", [key, { ...key }, key.algorithm]);
    }
    look("everything made", made);
    const found = sightings;
    return { found: [...new Set(found)], signatures };
  },
});
