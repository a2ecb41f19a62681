// Small Web IDL conversions shared by the web classes.

import { hull } from "../host.ts";

export function toUSVString(value: unknown): string {
  return String(value).toWellFormed();
}

// The bytes of an ArrayBuffer or a view, not copied; undefined for anything else.
export function viewBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (typeof SharedArrayBuffer !== "undefined" && value instanceof SharedArrayBuffer) return new Uint8Array(value);
  return undefined;
}

export function utf8(text: string): Uint8Array {
  return hull.utf8Encode(text.toWellFormed());
}

export function decodeUtf8(bytes: Uint8Array): string {
  return hull.utf8Decode(bytes, false, false);
}

export function concatBytes(chunks: Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

// A copy whose buffer holds nothing else.
export function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

// The methods of an iterable of pairs. `list` gives the pairs as they are now.
export function definePairIteration(target: any, list: (self: any) => Array<[string, unknown]>): void {
  const methods: Record<PropertyKey, Function> = {
    *entries(this: unknown) {
      for (let i = 0, pairs = list(this); i < pairs.length; i++, pairs = list(this)) yield [pairs[i]![0], pairs[i]![1]];
    },
    *keys(this: unknown) {
      for (let i = 0, pairs = list(this); i < pairs.length; i++, pairs = list(this)) yield pairs[i]![0];
    },
    *values(this: unknown) {
      for (let i = 0, pairs = list(this); i < pairs.length; i++, pairs = list(this)) yield pairs[i]![1];
    },
    forEach(this: unknown, callback: Function, self?: unknown) {
      if (typeof callback !== "function") throw new TypeError("forEach: the callback is not a function");
      for (const [key, value] of list(this)) callback.call(self, value, key, this);
    },
  };
  methods[Symbol.iterator] = methods.entries!;
  for (const key of Reflect.ownKeys(methods)) {
    Object.defineProperty(target, key, { value: methods[key as string], writable: true, configurable: true, enumerable: false });
  }
}
