// crypto.subtle (runtime.md §2.1). Here is what all algorithms share: normalization, the checks of the standard in its order, and
// combined operations. Everything is done when the promise is returned.

import { hull } from "../../host.ts";
import { jsonStringify } from "../../primordials.ts";
import { defineInterface, utf8 } from "../web_idl.ts";
import { aesCbc, aesCtr, aesGcm, aesKw } from "./aes.ts";
import type { CryptoAlgorithm, Format, KeyData, Operation } from "./algorithm.ts";
import { ecdh, ecdsa, ed25519, x25519 } from "./curves.ts";
import { hkdf, pbkdf2 } from "./derivation.ts";
import { invalidAccess, notSupported, syntaxError } from "./errors.ts";
import { hmac } from "./hmac.ts";
import { type Jwk, jwkFromBytes, jwkFromValue } from "./jwk.ts";
import { type CryptoKey, type CryptoKeyPair, type Key, keyFrom } from "./key.ts";
import { bytes, fold, hash, identifier, readMembers, unsignedLong } from "./params.ts";
import { rsaOaep, rsaPss, rsassa } from "./rsa.ts";
import { usage, usagesFrom } from "./usages.ts";

const all = [rsassa, rsaPss, rsaOaep, ecdsa, ecdh, ed25519, x25519, hmac, aesCbc, aesCtr, aesGcm, aesKw, pbkdf2, hkdf];
const algorithms = new Map<string, CryptoAlgorithm>(all.map((algorithm) => [fold(algorithm.name), algorithm]));
const formats = ["raw", "pkcs8", "spki", "jwk"];
const secret = Symbol("subtle");

interface Normalized {
  readonly algorithm: CryptoAlgorithm;
  readonly params: any;
}

function find(operation: Operation, name: string): CryptoAlgorithm | undefined {
  const algorithm = algorithms.get(fold(name));
  return algorithm?.[operation] ? algorithm : undefined;
}

function normalize(operation: Operation, value: unknown): Normalized {
  const { name, dictionary } = identifier(value);
  const algorithm = find(operation, name);
  if (!algorithm) throw notSupported("Unrecognized algorithm name");
  return { algorithm, params: readMembers(dictionary, algorithm.params[operation] ?? []) };
}

// Keys are wrapped by an algorithm made for that, or by encrypting them.
function normalizeWrapping(operation: "wrapKey" | "unwrapKey", fallback: "encrypt" | "decrypt", value: unknown) {
  const found = find(operation, identifier(value).name) ? operation : fallback;
  const { algorithm, params } = normalize(found, value);
  return { algorithm, run: (key: Key, data: Uint8Array) => algorithm[found]!(params, key, data) };
}

function check(key: Key, algorithm: CryptoAlgorithm, needed: number): void {
  if (key.algorithm.name !== algorithm.name) throw invalidAccess("The key is for another algorithm");
  if (!(key.usages & needed)) throw invalidAccess("The key does not have the usage that this operation needs");
}

function formatFrom(value: unknown): Format {
  const format = String(value);
  if (!formats.includes(format)) throw new TypeError(`'${format}' is not a valid key format`);
  return format as Format;
}

const jwkData = (jwk: Jwk): KeyData => ({ format: "jwk", bytes: undefined, jwk });
const bytesData = (format: Format, data: Uint8Array): KeyData => ({ format, bytes: data, jwk: undefined });

// The buffer of bytes that natives made, which holds nothing else.
const bufferOf = (result: Uint8Array) => result.buffer as ArrayBuffer;

function importInto({ algorithm, params }: Normalized, data: KeyData, extractable: boolean, usages: number): CryptoKey {
  const key = algorithm.importKey!(data, params, extractable, usages);
  if (usages === 0 && keyFrom(key).type !== "public") throw syntaxError("Usages cannot be empty when creating a key");
  return key;
}

function exportChecked(format: Format, key: Key): Uint8Array | Jwk {
  const algorithm = find("exportKey", key.algorithm.name);
  if (!algorithm) throw notSupported(`${key.algorithm.name} keys cannot be exported`);
  if (!key.extractable) throw invalidAccess("The key is not extractable");
  return algorithm.exportKey!(format, key);
}

// AES-KW takes multiples of 8 bytes; blanks do not change JSON.
function jwkText(jwk: Jwk, algorithm: CryptoAlgorithm): Uint8Array {
  const json = utf8(jsonStringify(jwk));
  return algorithm === aesKw && json.length % 8 !== 0 ? utf8(jsonStringify(jwk) + " ".repeat(8 - (json.length % 8))) : json;
}

export class SubtleCrypto {
  constructor(token?: unknown) {
    if (token !== secret) throw new TypeError("Illegal constructor");
  }

  async digest(algorithm: unknown, data: unknown): Promise<ArrayBuffer> {
    return bufferOf(hull.crypto("digest", hash(algorithm), bytes(data)));
  }

  async encrypt(algorithm: unknown, key: unknown, data: unknown): Promise<ArrayBuffer> {
    const { algorithm: found, params } = normalize("encrypt", algorithm);
    const inner = keyFrom(key);
    const input = bytes(data);
    check(inner, found, usage.encrypt);
    return bufferOf(found.encrypt!(params, inner, input));
  }

  async decrypt(algorithm: unknown, key: unknown, data: unknown): Promise<ArrayBuffer> {
    const { algorithm: found, params } = normalize("decrypt", algorithm);
    const inner = keyFrom(key);
    const input = bytes(data);
    check(inner, found, usage.decrypt);
    return bufferOf(found.decrypt!(params, inner, input));
  }

  async sign(algorithm: unknown, key: unknown, data: unknown): Promise<ArrayBuffer> {
    const { algorithm: found, params } = normalize("sign", algorithm);
    const inner = keyFrom(key);
    const input = bytes(data);
    check(inner, found, usage.sign);
    return bufferOf(found.sign!(params, inner, input));
  }

  async verify(algorithm: unknown, key: unknown, signature: unknown, data: unknown): Promise<boolean> {
    const { algorithm: found, params } = normalize("verify", algorithm);
    const inner = keyFrom(key);
    const given = bytes(signature);
    const input = bytes(data);
    check(inner, found, usage.verify);
    return found.verify!(params, inner, given, input);
  }

  async generateKey(algorithm: unknown, extractable: unknown, keyUsages: unknown): Promise<CryptoKey | CryptoKeyPair> {
    const { algorithm: found, params } = normalize("generateKey", algorithm);
    const usages = usagesFrom(keyUsages);
    const made = found.generateKey!(params, Boolean(extractable), usages);
    if (keyFrom("privateKey" in made ? made.privateKey : made).usages === 0) {
      throw syntaxError("Usages cannot be empty when creating a key");
    }
    return made;
  }

  async importKey(format: unknown, keyData: unknown, algorithm: unknown, extractable: unknown, keyUsages: unknown): Promise<CryptoKey> {
    const known = formatFrom(format);
    const normalized = normalize("importKey", algorithm);
    const usages = usagesFrom(keyUsages);
    const data = known === "jwk" ? jwkData(jwkFromValue(keyData)) : bytesData(known, bytes(keyData));
    return importInto(normalized, data, Boolean(extractable), usages);
  }

  async exportKey(format: unknown, key: unknown): Promise<ArrayBuffer | Jwk> {
    const known = formatFrom(format);
    const exported = exportChecked(known, keyFrom(key));
    return known === "jwk" ? (exported as Jwk) : bufferOf(exported as Uint8Array);
  }

  async deriveBits(algorithm: unknown, baseKey: unknown, length: unknown = null): Promise<ArrayBuffer> {
    const { algorithm: found, params } = normalize("deriveBits", algorithm);
    const key = keyFrom(baseKey);
    const bits = length === null ? null : unsignedLong(length);
    check(key, found, usage.deriveBits);
    return bufferOf(found.deriveBits!(params, key, bits));
  }

  async deriveKey(
    algorithm: unknown, baseKey: unknown, derivedKeyType: unknown, extractable: unknown, keyUsages: unknown,
  ): Promise<CryptoKey> {
    const { algorithm: found, params } = normalize("deriveBits", algorithm);
    const key = keyFrom(baseKey);
    const target = normalize("importKey", derivedKeyType);
    const sized = normalize("getKeyLength", derivedKeyType);
    const usages = usagesFrom(keyUsages);
    check(key, found, usage.deriveKey);
    const derived = found.deriveBits!(params, key, sized.algorithm.getKeyLength!(sized.params));
    return importInto(target, bytesData("raw", derived), Boolean(extractable), usages);
  }

  async wrapKey(format: unknown, key: unknown, wrappingKey: unknown, wrapAlgorithm: unknown): Promise<ArrayBuffer> {
    const known = formatFrom(format);
    const inner = keyFrom(key);
    const outer = keyFrom(wrappingKey);
    const { algorithm, run } = normalizeWrapping("wrapKey", "encrypt", wrapAlgorithm);
    check(outer, algorithm, usage.wrapKey);
    const exported = exportChecked(known, inner);
    return bufferOf(run(outer, known === "jwk" ? jwkText(exported as Jwk, algorithm) : (exported as Uint8Array)));
  }

  async unwrapKey(
    format: unknown, wrappedKey: unknown, unwrappingKey: unknown, unwrapAlgorithm: unknown, unwrappedKeyAlgorithm: unknown,
    extractable: unknown, keyUsages: unknown,
  ): Promise<CryptoKey> {
    const known = formatFrom(format);
    const wrapped = bytes(wrappedKey);
    const outer = keyFrom(unwrappingKey);
    const { algorithm, run } = normalizeWrapping("unwrapKey", "decrypt", unwrapAlgorithm);
    const target = normalize("importKey", unwrappedKeyAlgorithm);
    const usages = usagesFrom(keyUsages);
    check(outer, algorithm, usage.unwrapKey);
    const opened = run(outer, wrapped);
    const data = known === "jwk" ? jwkData(jwkFromBytes(opened)) : bytesData(known, opened);
    return importInto(target, data, Boolean(extractable), usages);
  }
}

defineInterface(SubtleCrypto, "SubtleCrypto", 0);

export const subtle = new SubtleCrypto(secret);
