// crypto.subtle (runtime.md §2.1): digests and HMAC through the host's OpenSSL.

import { hull } from "../host.ts";
import { isAction, isTransaction } from "../state.ts";
import { decodeBytes, encodeBytes } from "./base64.ts";
import { DOMException } from "./dom_exception.ts";
import { ownBuffer, viewBytes } from "./web_idl.ts";

const secret = Symbol("subtle");
const hashes = { "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 } as const; // block size in bits
type Hash = keyof typeof hashes;
const jwkNames: Record<Hash, string> = { "SHA-1": "HS1", "SHA-256": "HS256", "SHA-384": "HS384", "SHA-512": "HS512" };

function unsupported(what: string): DOMException {
  return new DOMException(`${what} is not supported by this server.`, "NotSupportedError");
}

function nameOf(algorithm: any): string {
  return String(typeof algorithm === "object" && algorithm !== null ? algorithm.name : algorithm);
}

function hashName(algorithm: unknown): Hash {
  const name = nameOf(algorithm).toUpperCase();
  if (!(name in hashes)) throw unsupported(`Hash algorithm ${nameOf(algorithm)}`);
  return name as Hash;
}

function requireHmac(algorithm: any, operation: string): void {
  if (nameOf(algorithm).toUpperCase() !== "HMAC") throw unsupported(`crypto.subtle.${operation} with ${nameOf(algorithm)}`);
}

function bytesOf(data: unknown): Uint8Array {
  const bytes = viewBytes(data);
  if (!bytes) throw new TypeError("The data is not an ArrayBuffer or a view");
  return bytes.slice();
}

const keyBytes = new WeakMap<CryptoKey, Uint8Array>();

export class CryptoKey {
  readonly type: string = "secret";
  constructor(
    key: unknown,
    readonly algorithm: { name: string; hash: { name: Hash }; length: number },
    readonly extractable: boolean,
    readonly usages: string[],
    bytes: Uint8Array,
  ) {
    if (key !== secret) throw new TypeError("Illegal constructor");
    keyBytes.set(this, bytes);
  }
  get [Symbol.toStringTag](): string {
    return "CryptoKey";
  }
}

function makeKey(hash: Hash, bytes: Uint8Array, extractable: unknown, usages: Iterable<string>): CryptoKey {
  const list = [...usages];
  if (list.length === 0) throw new DOMException("Usages cannot be empty when creating a key.", "SyntaxError");
  if (list.some((usage) => usage !== "sign" && usage !== "verify")) {
    throw new DOMException("Cannot create a key using the specified key usages.", "SyntaxError");
  }
  if (bytes.length === 0) throw new DOMException("HMAC key data must not be empty", "DataError");
  return new CryptoKey(secret, { name: "HMAC", hash: { name: hash }, length: bytes.length * 8 }, Boolean(extractable), list, bytes);
}

function hmacKey(key: unknown, usage: string): { bytes: Uint8Array; hash: Hash } {
  if (!(key instanceof CryptoKey)) throw new TypeError("The key is not a CryptoKey");
  if (!key.usages.includes(usage)) throw new DOMException(`The key does not allow ${usage}`, "InvalidAccessError");
  return { bytes: keyBytes.get(key)!, hash: key.algorithm.hash.name };
}

function fromBase64Url(text: unknown): Uint8Array {
  const bytes = typeof text === "string" ? decodeBytes(text.replaceAll("-", "+").replaceAll("_", "/")) : undefined;
  if (!bytes) throw new DOMException("Invalid JWK: 'k' is not base64url", "DataError");
  return bytes;
}

function toBase64Url(bytes: Uint8Array): string {
  return encodeBytes(bytes.length, (index) => bytes[index]!).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export class SubtleCrypto {
  constructor(key?: unknown) {
    if (key !== secret) throw new TypeError("Illegal constructor");
  }

  async digest(algorithm: unknown, data: unknown): Promise<ArrayBuffer> {
    return ownBuffer(hull.digest(hashName(algorithm), bytesOf(data)));
  }

  async importKey(format: unknown, data: any, algorithm: any, extractable: unknown, usages: Iterable<string>): Promise<CryptoKey> {
    requireHmac(algorithm, "importKey");
    const hash = hashName(algorithm.hash);
    if (format === "raw") return makeKey(hash, bytesOf(data), extractable, usages);
    if (format !== "jwk") throw unsupported(`crypto.subtle.importKey of HMAC in format ${String(format)}`);
    if (data?.kty !== "oct") throw new DOMException("Invalid JWK: 'kty' must be 'oct'", "DataError");
    if (data.alg !== undefined && data.alg !== jwkNames[hash]) throw new DOMException("Invalid JWK: 'alg' does not match", "DataError");
    return makeKey(hash, fromBase64Url(data.k), extractable, usages);
  }

  async exportKey(format: unknown, key: CryptoKey): Promise<unknown> {
    const bytes = keyBytes.get(key);
    if (!bytes) throw new TypeError("The key is not a CryptoKey");
    if (!key.extractable) throw new DOMException("The key is not extractable", "InvalidAccessError");
    if (format === "raw") return ownBuffer(bytes);
    if (format !== "jwk") throw unsupported(`crypto.subtle.exportKey of HMAC in format ${String(format)}`);
    return { kty: "oct", k: toBase64Url(bytes), alg: jwkNames[key.algorithm.hash.name], key_ops: key.usages, ext: true };
  }

  async generateKey(algorithm: any, extractable: unknown, usages: Iterable<string>): Promise<CryptoKey> {
    if (isTransaction()) {
      const text =
        "Can't use cryptographic randomness in queries and mutations. Please consider using an action. " +
        "See https://docs.convex.dev/functions/actions for more details.";
      throw Object.assign(new Error(text), { code: "NoCryptoRngInQueriesOrMutations" });
    }
    if (!isAction()) throw new Error("Cannot use cryptographic randomness at import time");
    requireHmac(algorithm, "generateKey");
    const hash = hashName(algorithm.hash);
    const bits = algorithm.length === undefined ? hashes[hash] : Number(algorithm.length);
    const bytes = new Uint8Array(Math.ceil(bits / 8));
    hull.secureRandom(bytes);
    return makeKey(hash, bytes, extractable, usages);
  }

  async sign(algorithm: any, key: unknown, data: unknown): Promise<ArrayBuffer> {
    requireHmac(algorithm, "sign");
    const { bytes, hash } = hmacKey(key, "sign");
    return ownBuffer(hull.hmac(hash, bytes, bytesOf(data)));
  }

  async verify(algorithm: any, key: unknown, signature: unknown, data: unknown): Promise<boolean> {
    requireHmac(algorithm, "verify");
    const { bytes, hash } = hmacKey(key, "verify");
    const expected = hull.hmac(hash, bytes, bytesOf(data));
    const given = bytesOf(signature);
    let difference = expected.length ^ given.length;
    for (let i = 0; i < expected.length; i++) difference |= expected[i]! ^ (given[i] ?? 0);
    return difference === 0;
  }

  get [Symbol.toStringTag](): string {
    return "SubtleCrypto";
  }
}

for (const name of ["encrypt", "decrypt", "deriveBits", "deriveKey", "wrapKey", "unwrapKey"]) {
  const method = async (...args: unknown[]) => {
    const algorithm = name === "wrapKey" ? args[3] : name === "unwrapKey" ? args[3] : args[0];
    throw unsupported(`crypto.subtle.${name} with ${nameOf(algorithm)}`);
  };
  Object.defineProperty(method, "name", { value: name });
  Object.defineProperty(SubtleCrypto.prototype, name, { value: method, writable: true, configurable: true, enumerable: true });
}

export const subtle = new SubtleCrypto(secret);
