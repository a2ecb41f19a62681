// What an algorithm of crypto.subtle is: its name, the dictionaries it takes, and the operations it knows. An operation it does
// not have is NotSupportedError. Checks common to all algorithms are in subtle.ts.

import type { Jwk } from "./jwk.ts";
import type { CryptoKey, CryptoKeyPair, Key } from "./key.ts";
import type { Members } from "./params.ts";

export type Format = "raw" | "pkcs8" | "spki" | "jwk";
export type Operation = Exclude<keyof CryptoAlgorithm, "name" | "params">;

// A key to import: for "jwk" the dictionary, else bytes that belong to somebody else. Both members are always there, so that
// reading one never looks at a prototype.
export interface KeyData {
  readonly format: Format;
  readonly bytes: Uint8Array | undefined;
  readonly jwk: Jwk | undefined;
}

export interface CryptoAlgorithm {
  readonly name: string;
  readonly params: { readonly [O in Operation]?: Members };
  encrypt?(params: any, key: Key, data: Uint8Array): Uint8Array;
  decrypt?(params: any, key: Key, data: Uint8Array): Uint8Array;
  sign?(params: any, key: Key, data: Uint8Array): Uint8Array;
  verify?(params: any, key: Key, signature: Uint8Array, data: Uint8Array): boolean;
  wrapKey?(params: any, key: Key, data: Uint8Array): Uint8Array;
  unwrapKey?(params: any, key: Key, data: Uint8Array): Uint8Array;
  deriveBits?(params: any, key: Key, length: number | null): Uint8Array;
  generateKey?(params: any, extractable: boolean, usages: number): CryptoKey | CryptoKeyPair;
  importKey?(data: KeyData, params: any, extractable: boolean, usages: number): CryptoKey;
  exportKey?(format: Format, key: Key): Uint8Array | Jwk;
  // In bits; null: as long as it happens to be.
  getKeyLength?(params: any): number | null;
}
