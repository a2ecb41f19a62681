// CryptoKey. What a key is made of sits in a private field, out of the reach of user code.
//
// Invariant: the bytes of a key are made by natives, handed to natives, and never passed to a built-in that user code could
// have replaced: no method, no getter (`length`), no iteration. That also holds for bytes on their way into a key.

import { defineCloneable } from "../cloneable.ts";
import { defineInspect } from "../inspect.ts";
import { defineInterface } from "../web_idl.ts";
import { usageList } from "./usages.ts";

export type KeyType = "secret" | "public" | "private";

export interface KeyAlgorithm {
  name: string;
  hash?: string;
  length?: number; // bits
  namedCurve?: string;
  modulusLength?: number;
  publicExponent?: Uint8Array;
}

export interface Key {
  readonly type: KeyType;
  readonly extractable: boolean;
  readonly algorithm: KeyAlgorithm;
  readonly usages: number;
  readonly material: Uint8Array; // native.d.ts, HullCrypto
}

export interface CryptoKeyPair {
  publicKey: CryptoKey;
  privateKey: CryptoKey;
}

const secret = Symbol("CryptoKey");
let innerOf: (value: unknown) => Key | undefined;

function shownAlgorithm({ hash, publicExponent, ...rest }: KeyAlgorithm): object {
  return {
    ...rest,
    ...(publicExponent && { publicExponent: new Uint8Array(publicExponent) }),
    ...(hash && { hash: { name: hash } }),
  };
}

export class CryptoKey {
  readonly #key: Key;
  #algorithm: object | undefined;
  #usages: string[] | undefined;

  static {
    innerOf = (value) => (typeof value === "object" && value !== null && #key in value ? value.#key : undefined);
  }

  constructor(token: unknown, key: Key) {
    if (token !== secret) throw new TypeError("Illegal constructor");
    this.#key = key;
  }

  get type(): KeyType {
    return this.#key.type;
  }
  get extractable(): boolean {
    return this.#key.extractable;
  }
  get algorithm(): object {
    return (this.#algorithm ??= shownAlgorithm(this.#key.algorithm));
  }
  get usages(): string[] {
    return (this.#usages ??= usageList(this.#key.usages));
  }
}

defineInterface(CryptoKey, "CryptoKey", 0);
defineCloneable((value) => {
  const key = innerOf(value);
  return key && new CryptoKey(secret, key);
});
defineInspect(CryptoKey.prototype, "CryptoKey", ({ type, extractable, algorithm, usages }) => ({ type, extractable, algorithm, usages }));

export function newKey(type: KeyType, algorithm: KeyAlgorithm, extractable: boolean, usages: number, material: Uint8Array): CryptoKey {
  return new CryptoKey(secret, { type, extractable, algorithm, usages, material });
}

export function keyFrom(value: unknown): Key {
  const key = innerOf(value);
  if (!key) throw new TypeError("The value is not of type CryptoKey");
  return key;
}
