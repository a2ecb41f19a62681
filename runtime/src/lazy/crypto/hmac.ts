// HMAC.

import { hull } from "../../host.ts";
import type { CryptoAlgorithm } from "./algorithm.ts";
import { dataError, operationError, requireRandomness, succeeded } from "./errors.ts";
import { newKey } from "./key.ts";
import { hash, hashBlocks, unsignedLong } from "./params.ts";
import { exportSecret, secretFrom } from "./secret_keys.ts";
import { allowOnly, usage } from "./usages.ts";

const allowed = usage.sign | usage.verify;
const keyParams = [["hash", hash], ["length", unsignedLong, "optional"]] as const;
const jwkName = (name: string) => `HS${name.slice("SHA-".length)}`;

function keyLength(params: any): number {
  const length = params.length ?? hashBlocks[params.hash]!;
  if (length === 0) throw operationError("The key length is zero");
  return length;
}

export const hmac: CryptoAlgorithm = {
  name: "HMAC",
  params: { generateKey: keyParams, importKey: keyParams, getKeyLength: keyParams },

  sign: (_, key, data) => hull.crypto("hmac", key.algorithm.hash!, key.material, data),
  verify: (_, key, signature, data) => hull.crypto("equal", hull.crypto("hmac", key.algorithm.hash!, key.material, data), signature),

  generateKey(params, extractable, usages) {
    allowOnly(allowed, usages);
    const length = keyLength(params);
    requireRandomness();
    const material = succeeded(hull.crypto("random", Math.ceil(length / 8)), "generateKey");
    return newKey("secret", { name: "HMAC", length, hash: params.hash }, extractable, usages, material);
  },

  importKey(data, params, extractable, usages) {
    allowOnly(allowed, usages);
    const material = secretFrom(data, "HMAC", "sig", extractable, usages);
    const alg = data.jwk?.alg;
    if (alg !== undefined && alg !== jwkName(params.hash)) throw dataError("The JWK member 'alg' does not match the hash");
    const bits = hull.crypto("size", material) * 8;
    const length = params.length ?? bits;
    if (bits === 0 || length > bits || length <= bits - 8) throw dataError("The key has the wrong length");
    return newKey("secret", { name: "HMAC", length, hash: params.hash }, extractable, usages, material);
  },

  exportKey: (format, key) => exportSecret(format, key, jwkName(key.algorithm.hash!)),
  getKeyLength: keyLength,
};
