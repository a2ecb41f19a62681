// What the algorithms with public and private keys share: making a pair, reading and writing DER.

import { hull } from "../../host.ts";
import type { Format, KeyData } from "./algorithm.ts";
import { dataError, invalidAccess, requireRandomness, succeeded, unsupportedFormat } from "./errors.ts";
import { type CryptoKeyPair, type Key, type KeyAlgorithm, newKey } from "./key.ts";
import { allowOnly } from "./usages.ts";

export interface PairUsages {
  readonly public: number;
  readonly private: number;
}

// `describe` makes the algorithm of both keys from the public one.
export function generatePair(
  family: string,
  describe: (publicKey: Uint8Array) => KeyAlgorithm,
  allowed: PairUsages,
  extractable: boolean,
  usages: number,
  [rsaBits, rsaExponent]: readonly [number, number] = [0, 0],
): CryptoKeyPair {
  allowOnly(allowed.public | allowed.private, usages);
  requireRandomness();
  const made = succeeded(hull.crypto("generateKey", family, rsaBits, rsaExponent), "generateKey");
  const algorithm = describe(made[0]);
  return {
    publicKey: newKey("public", algorithm, true, usages & allowed.public, made[0]),
    privateKey: newKey("private", algorithm, extractable, usages & allowed.private, made[1]),
  };
}

// The type of the key in `data`; its usages have been checked.
export function importedType(data: KeyData, name: string, allowed: PairUsages, usages: number): "public" | "private" {
  const isPrivate = data.format === "pkcs8" || (data.format === "jwk" && data.jwk!.d !== undefined);
  if (data.format === "raw" && name.startsWith("RSA")) throw unsupportedFormat("raw", name);
  allowOnly(isPrivate ? allowed.private : allowed.public, usages);
  return isPrivate ? "private" : "public";
}

export function validKey(material: Uint8Array | undefined): Uint8Array {
  if (!material) throw dataError("The key data is not valid");
  return material;
}

// Of the format "pkcs8" or "spki".
export function exportDer(format: Format, key: Key): Uint8Array {
  if (format === "raw" && key.algorithm.name.startsWith("RSA")) throw unsupportedFormat(format, key.algorithm.name);
  if (key.type !== (format === "pkcs8" ? "private" : "public")) throw invalidAccess(`A ${key.type} key cannot be exported as '${format}'`);
  return hull.crypto("copy", key.material);
}
