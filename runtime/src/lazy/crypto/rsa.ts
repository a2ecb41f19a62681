// RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP.

import { hull } from "../../host.ts";
import type { CryptoAlgorithm } from "./algorithm.ts";
import { dataError, notSupported, operationError, requireRandomness, succeeded } from "./errors.ts";
import { checkJwk, type Jwk, jwkBytes, jwkOf } from "./jwk.ts";
import { type Key, type KeyAlgorithm, newKey } from "./key.ts";
import { exportDer, generatePair, importedType, type PairUsages, validKey } from "./key_pairs.ts";
import { bigInteger, bytes, hash, unsignedLong } from "./params.ts";
import { usage } from "./usages.ts";

// Private keys are not larger either (src/worker/crypto_keys.h).
const maxGeneratedBits = 8192;
const publicMembers = ["n", "e"] as const;
const privateMembers = ["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const;

function algorithmOf(name: string, hashName: string, publicKey: Uint8Array | undefined, isPrivate: boolean): KeyAlgorithm {
  const parts = hull.crypto("partsOfKey", isPrivate, false, validKey(publicKey))!;
  const modulus = parts[0]!;
  const modulusLength = modulus.length * 8 - (Math.clz32(modulus[0]!) - 24);
  return { name, modulusLength, publicExponent: parts[1]!, hash: hashName };
}

function fromJwk(jwk: Jwk, isPrivate: boolean): Uint8Array | undefined {
  if (jwk.oth !== undefined) throw notSupported("RSA keys with more than two primes are not supported");
  return isPrivate
    ? hull.crypto("keyFromParts", "RSA", true, [
        jwkBytes(jwk, "n"), jwkBytes(jwk, "e"), jwkBytes(jwk, "d"), jwkBytes(jwk, "p"),
        jwkBytes(jwk, "q"), jwkBytes(jwk, "dp"), jwkBytes(jwk, "dq"), jwkBytes(jwk, "qi"),
      ])
    : hull.crypto("keyFromParts", "RSA", false, [jwkBytes(jwk, "n"), jwkBytes(jwk, "e")]);
}

function toJwk(key: Key, alg: string): Jwk {
  const isPrivate = key.type === "private";
  const parts = hull.crypto("partsOfKey", isPrivate, isPrivate, key.material)!;
  const names = isPrivate ? privateMembers : publicMembers;
  return jwkOf(key, "RSA", { alg, ...Object.fromEntries(names.map((name, index) => [name, parts[index]!])) });
}

function exponentOf(number: Uint8Array): number {
  const value = number.reduce((sum, byte) => sum * 256 + byte, 0);
  if (value < 3 || value > 0xffffffff || value % 2 === 0) throw operationError("The public exponent is not usable");
  return value;
}

function rsa(
  name: string, jwkUse: string, jwkName: (hash: string) => string, allowed: PairUsages, operations: Partial<CryptoAlgorithm>,
): CryptoAlgorithm {
  return {
    name,
    ...operations,
    params: {
      ...operations.params,
      generateKey: [["hash", hash], ["modulusLength", unsignedLong], ["publicExponent", bigInteger]],
      importKey: [["hash", hash]],
    },

    generateKey(params, extractable, usages) {
      const exponent = exponentOf(params.publicExponent);
      if (params.modulusLength > maxGeneratedBits) throw operationError(`The modulus length is more than ${maxGeneratedBits}`);
      const describe = (publicKey: Uint8Array) => algorithmOf(name, params.hash, publicKey, false);
      return generatePair("RSA", describe, allowed, extractable, usages, [params.modulusLength, exponent]);
    },

    importKey(data, params, extractable, usages) {
      const type = importedType(data, name, allowed, usages);
      const isPrivate = type === "private";
      let material: Uint8Array | undefined;
      if (data.jwk) {
        checkJwk(data.jwk, "RSA", jwkUse, extractable, usages);
        if (data.jwk.alg !== undefined && data.jwk.alg !== jwkName(params.hash)) {
          throw dataError("The JWK member 'alg' does not match the hash");
        }
        material = fromJwk(data.jwk, isPrivate);
      } else {
        material = hull.crypto("canonicalKey", "RSA", isPrivate, data.bytes!);
      }
      const algorithm = algorithmOf(name, params.hash, material, isPrivate);
      return newKey(type, algorithm, extractable, usages, material!);
    },

    exportKey: (format, key) => (format === "jwk" ? toJwk(key, jwkName(key.algorithm.hash!)) : exportDer(format, key)),
  };
}

const digits = (hashName: string) => hashName.slice("SHA-".length);
const signing: PairUsages = { public: usage.verify, private: usage.sign };
const none = new Uint8Array(0);

export const rsassa = rsa("RSASSA-PKCS1-v1_5", "sig", (name) => `RS${digits(name)}`, signing, {
  sign: (_, key, data) => succeeded(hull.crypto("sign", key.algorithm.name, key.algorithm.hash!, 0, key.material, data), "sign"),
  verify: (_, key, signature, data) => hull.crypto("verify", key.algorithm.name, key.algorithm.hash!, 0, key.material, signature, data),
});

const pssParams = [["saltLength", unsignedLong]] as const;
export const rsaPss = rsa("RSA-PSS", "sig", (name) => `PS${digits(name)}`, signing, {
  params: { sign: pssParams, verify: pssParams },
  sign({ saltLength }, key, data) {
    requireRandomness();
    return succeeded(hull.crypto("sign", "RSA-PSS", key.algorithm.hash!, saltLength, key.material, data), "sign");
  },
  verify: ({ saltLength }, key, signature, data) =>
    hull.crypto("verify", "RSA-PSS", key.algorithm.hash!, saltLength, key.material, signature, data),
});

const oaepParams = [["label", bytes, "optional"]] as const;
const oaepName = (name: string) => (name === "SHA-1" ? "RSA-OAEP" : `RSA-OAEP-${digits(name)}`);
const oaepUsages: PairUsages = { public: usage.encrypt | usage.wrapKey, private: usage.decrypt | usage.unwrapKey };
export const rsaOaep = rsa("RSA-OAEP", "enc", oaepName, oaepUsages, {
  params: { encrypt: oaepParams, decrypt: oaepParams },
  encrypt({ label = none }, key, data) {
    requireRandomness();
    return succeeded(hull.crypto("rsaOaep", true, key.algorithm.hash!, label, key.material, data), "encrypt");
  },
  decrypt: ({ label = none }, key, data) =>
    succeeded(hull.crypto("rsaOaep", false, key.algorithm.hash!, label, key.material, data), "decrypt"),
});
