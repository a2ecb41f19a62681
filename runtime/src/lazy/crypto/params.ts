// Conversions of the members of algorithm dictionaries.

import { hull } from "../../host.ts";
import { notSupported } from "./errors.ts";
import { type Key, keyFrom } from "./key.ts";

// The members a dictionary has beyond `name`, in the order in which they are read.
export type Members = ReadonlyArray<readonly [name: string, convert: (value: unknown) => unknown, optional?: "optional"]>;

// Bits of a block of the hash.
export const hashBlocks: Readonly<Record<string, number>> = { "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 };

// Algorithm names do not care about the case of ASCII letters.
export function fold(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

const hashNames = new Map(Object.keys(hashBlocks).map((name) => [fold(name), name]));

export function readMembers(source: any, members: Members): any {
  const out: Record<string, unknown> = {};
  for (const [name, convert, optional] of members) {
    const value = source[name];
    if (value !== undefined) out[name] = convert(value);
    else if (!optional) throw new TypeError(`The algorithm has no member '${name}'`);
  }
  return out;
}

// An AlgorithmIdentifier: an object with a name, or just the name.
export function identifier(value: unknown): { name: string; dictionary: any } {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  const dictionary = isObject ? (value as any) : { name: `${value as any}` };
  if (dictionary.name === undefined) throw new TypeError("The algorithm has no member 'name'");
  return { name: `${dictionary.name}`, dictionary };
}

export function hash(value: unknown): string {
  const { name } = identifier(value);
  const known = hashNames.get(fold(name));
  if (!known) throw notSupported("Unrecognized algorithm name");
  return known;
}

export function text(value: unknown): string {
  return `${value as any}`;
}

export function bytes(value: unknown): Uint8Array {
  const view = hull.crypto("view", value);
  if (!view) throw new TypeError("The value is not an ArrayBuffer or a view on one");
  return view;
}

export function bigInteger(value: unknown): Uint8Array {
  if (Object.prototype.toString.call(value) !== "[object Uint8Array]") throw new TypeError("The value is not a Uint8Array");
  return bytes(value);
}

function enforceRange(max: number): (value: unknown) => number {
  return (value) => {
    const number = Math.trunc(Number(value));
    if (!(number >= 0 && number <= max)) throw new TypeError(`The number is outside of the range 0 to ${max}`);
    return number;
  };
}
export const octet = enforceRange(0xff);
export const unsignedShort = enforceRange(0xffff);
export const unsignedLong = enforceRange(0xffffffff);

export function key(value: unknown): Key {
  return keyFrom(value);
}
