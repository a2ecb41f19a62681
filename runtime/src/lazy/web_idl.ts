// Web IDL: conversions of arguments and the shape of interfaces, shared by the web classes.

import { hull } from "../host.ts";
import { apply, defineHidden, defineProperty } from "../primordials.ts";
import { registerPlatform } from "./cloneable.ts";

const toWellFormed = String.prototype.toWellFormed;

export function toUSVString(value: unknown): string {
  return apply(toWellFormed, toText(value), []) as string;
}

// ToString, which refuses symbols where `String` does not.
export function toText(value: unknown): string {
  return typeof value === "string" ? value : `${value as string}`;
}

// [Clamp] and [EnforceRange] integers of 64 bits.
export function clampInteger(value: unknown): number {
  const number = Number(value);
  if (!(number === number)) return 0;
  const bounded = Math.min(Math.max(number, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  const floor = Math.floor(bounded);
  if (bounded - floor !== 0.5) return Math.round(bounded);
  return floor % 2 === 0 ? floor : floor + 1;
}

export function enforceUnsigned(value: unknown, context: string): number {
  const number = Math.trunc(Number(value));
  if (!Number.isFinite(number) || number < 0 || number > Number.MAX_SAFE_INTEGER) {
    throw new TypeError(`${context}: the value is not an unsigned integer in range.`);
  }
  return number + 0;
}

// A dictionary argument: undefined and null stand for an empty one.
export function toDictionary(value: unknown, context: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" && typeof value !== "function") throw new TypeError(`${context}: the options are not an object.`);
  return value as Record<string, unknown>;
}

export function requireArguments(given: number, needed: number, context: string): void {
  if (given < needed) {
    throw new TypeError(`${context}: ${needed} argument${needed === 1 ? "" : "s"} required, but only ${given} present.`);
  }
}

// The bytes of an ArrayBuffer or a view, not copied; undefined for anything else.
export function viewBytes(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (isBuffer(value)) return new Uint8Array(value);
  return undefined;
}

const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")!.get!;

// Works for buffers of other realms too, and not for objects that only look like one.
function isBuffer(value: unknown): value is ArrayBuffer {
  if (typeof value !== "object" || value === null) return false;
  if (typeof SharedArrayBuffer !== "undefined" && value instanceof SharedArrayBuffer) return true;
  try {
    apply(bufferLength, value, []);
    return true;
  } catch {
    return false;
  }
}

export function utf8(text: string): Uint8Array {
  return hull.utf8Encode(apply(toWellFormed, text, []) as string);
}

export function decodeUtf8(bytes: Uint8Array): string {
  return hull.utf8Decode(bytes, false, false);
}

export function concatBytes(chunks: Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  let length = 0;
  for (let i = 0; i < chunks.length; i++) length += chunks[i]!.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < chunks.length; i++) {
    out.set(chunks[i]!, at);
    at += chunks[i]!.length;
  }
  return out;
}

// A copy whose buffer holds nothing else.
export function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

// Gives a class what Web IDL asks for: its name (the bundler renames classes), enumerable members and the tag; structuredClone
// knows its objects.
export function defineInterface(target: Function, name: string, length?: number): void {
  defineProperty(target, "name", { value: name, configurable: true });
  if (length !== undefined) defineProperty(target, "length", { value: length, configurable: true });
  const { prototype } = target;
  registerPlatform(prototype);
  makeEnumerable(prototype, "constructor");
  makeEnumerable(target, "prototype");
  defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

function makeEnumerable(target: any, except: string): void {
  const keys = Reflect.ownKeys(target);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (typeof key !== "string" || key === except || key === "name" && typeof target === "function" || key === "length") continue;
    defineProperty(target, key, { enumerable: true });
  }
}

// The methods of an iterable of pairs. `list` gives the pairs as they are now, so that an iteration sees changes.
export function definePairIteration(target: any, name: string, list: (self: any) => Array<[string, unknown]>): void {
  const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const states = new WeakMap<object, { self: unknown; kind: "entries" | "keys" | "values"; at: number }>();
  const iteratorPrototype = Object.create(IteratorPrototype);
  const next = {
    next(this: object) {
      const state = states.get(this);
      if (!state) throw new TypeError(`next called on an object that is not a ${name} Iterator.`);
      const pairs = list(state.self);
      if (state.at >= pairs.length) return { value: undefined, done: true };
      const [key, value] = pairs[state.at++]!;
      return { value: state.kind === "entries" ? [key, value] : state.kind === "keys" ? key : value, done: false };
    },
  }.next;
  defineProperty(iteratorPrototype, "next", { value: next, writable: true, configurable: true, enumerable: true });
  defineProperty(iteratorPrototype, Symbol.toStringTag, { value: `${name} Iterator`, configurable: true });
  const iterate = (self: unknown, kind: "entries" | "keys" | "values") => {
    list(self); // refuses a foreign `this`
    const iterator = Object.create(iteratorPrototype);
    states.set(iterator, { self, kind, at: 0 });
    return iterator;
  };
  const methods: Record<string, Function> = {
    entries(this: unknown) {
      return iterate(this, "entries");
    },
    keys(this: unknown) {
      return iterate(this, "keys");
    },
    values(this: unknown) {
      return iterate(this, "values");
    },
    forEach(this: unknown, callback: Function, self?: unknown) {
      list(this);
      if (typeof callback !== "function") throw new TypeError(`Failed to execute 'forEach' on '${name}': the callback is not a function.`);
      for (let i = 0, pairs = list(this); i < pairs.length; i++, pairs = list(this)) {
        apply(callback, self, [pairs[i]![1], pairs[i]![0], this]);
      }
    },
  };
  for (const key of ["entries", "keys", "values", "forEach"]) {
    defineProperty(target, key, { value: methods[key], writable: true, configurable: true, enumerable: true });
  }
  defineProperty(methods.forEach!, "length", { value: 1, configurable: true });
  defineHidden(target, Symbol.iterator, methods.entries);
}
