// Sets of key usages, as bits.

import { syntaxError } from "./errors.ts";

const names = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"] as const;

export const usage = {
  encrypt: 1,
  decrypt: 2,
  sign: 4,
  verify: 8,
  deriveKey: 16,
  deriveBits: 32,
  wrapKey: 64,
  unwrapKey: 128,
} as const satisfies Record<(typeof names)[number], number>;

export function usagesFrom(value: unknown): number {
  if (typeof value !== "object" || value === null) throw new TypeError("The key usages are not a sequence");
  let bits = 0;
  for (const name of value as Iterable<unknown>) {
    const index = names.indexOf(String(name) as (typeof names)[number]);
    if (index < 0) throw new TypeError(`'${String(name)}' is not a valid key usage`);
    bits |= 1 << index;
  }
  return bits;
}

export function usageList(usages: number): string[] {
  return names.filter((_, index) => usages & (1 << index));
}

export function allowOnly(allowed: number, usages: number): void {
  if (usages & ~allowed) throw syntaxError("Cannot create a key using the specified key usages");
}
