// AES-CBC, AES-CTR, AES-GCM and AES-KW.

import { hull } from "../../host.ts";
import type { CryptoAlgorithm } from "./algorithm.ts";
import { dataError, operationError, requireRandomness, succeeded } from "./errors.ts";
import { newKey } from "./key.ts";
import { bytes, octet, unsignedShort } from "./params.ts";
import { exportSecret, secretFrom } from "./secret_keys.ts";
import { allowOnly, usage } from "./usages.ts";

const tagLengths = [32, 64, 96, 104, 112, 120, 128];
const keyParams = [["length", unsignedShort]] as const;

function keyLength({ length }: { length: number }): number {
  if (length !== 128 && length !== 192 && length !== 256) throw operationError("The AES key length is not 128, 192 or 256");
  return length;
}

function aes(mode: string, allowed: number, operations: Partial<CryptoAlgorithm>): CryptoAlgorithm {
  const name = `AES-${mode}`;
  const jwkName = (length: number) => `A${length}${mode}`;
  return {
    name,
    ...operations,
    params: { ...operations.params, generateKey: keyParams, getKeyLength: keyParams },

    generateKey(params, extractable, usages) {
      allowOnly(allowed, usages);
      const length = keyLength(params);
      requireRandomness();
      return newKey("secret", { name, length }, extractable, usages, succeeded(hull.crypto("random", length / 8), "generateKey"));
    },

    importKey(data, _, extractable, usages) {
      allowOnly(allowed, usages);
      const material = secretFrom(data, name, "enc", extractable, usages);
      const length = hull.crypto("size", material) * 8;
      if (length !== 128 && length !== 192 && length !== 256) throw dataError("The AES key length is not 128, 192 or 256");
      const alg = data.jwk?.alg;
      if (alg !== undefined && alg !== jwkName(length)) throw dataError("The JWK member 'alg' does not match the key");
      return newKey("secret", { name, length }, extractable, usages, material);
    },

    exportKey: (format, key) => exportSecret(format, key, jwkName(key.algorithm.length!)),
    getKeyLength: keyLength,
  };
}

type Cipher = NonNullable<CryptoAlgorithm["encrypt"]>;
const ciphering = usage.encrypt | usage.decrypt | usage.wrapKey | usage.unwrapKey;

const cbc = (encrypt: boolean): Cipher => ({ iv }, key, data) => {
  if (iv.length !== 16) throw operationError("The initialization vector does not have 16 bytes");
  return succeeded(hull.crypto("aesCbc", encrypt, key.material, iv, data), encrypt ? "encrypt" : "decrypt");
};
const cbcParams = [["iv", bytes]] as const;
export const aesCbc = aes("CBC", ciphering, {
  params: { encrypt: cbcParams, decrypt: cbcParams },
  encrypt: cbc(true),
  decrypt: cbc(false),
});

const ctr: Cipher = ({ counter, length }, key, data) => {
  if (counter.length !== 16) throw operationError("The counter does not have 16 bytes");
  if (length === 0 || length > 128) throw operationError("The counter length is not between 1 and 128");
  return succeeded(hull.crypto("aesCtr", key.material, counter, length, data), "AES-CTR");
};
const ctrParams = [["counter", bytes], ["length", octet]] as const;
export const aesCtr = aes("CTR", ciphering, { params: { encrypt: ctrParams, decrypt: ctrParams }, encrypt: ctr, decrypt: ctr });

const gcm = (encrypt: boolean): Cipher => ({ iv, additionalData, tagLength = 128 }, key, data) => {
  if (!tagLengths.includes(tagLength)) throw operationError("The tag length is not valid");
  const more = additionalData ?? new Uint8Array(0);
  return succeeded(hull.crypto("aesGcm", encrypt, key.material, iv, more, tagLength / 8, data), encrypt ? "encrypt" : "decrypt");
};
const gcmParams = [["additionalData", bytes, "optional"], ["iv", bytes], ["tagLength", octet, "optional"]] as const;
export const aesGcm = aes("GCM", ciphering, {
  params: { encrypt: gcmParams, decrypt: gcmParams },
  encrypt: gcm(true),
  decrypt: gcm(false),
});

export const aesKw = aes("KW", usage.wrapKey | usage.unwrapKey, {
  params: {},
  wrapKey: (_, key, data) => succeeded(hull.crypto("aesKw", true, key.material, data), "wrapKey"),
  unwrapKey: (_, key, data) => succeeded(hull.crypto("aesKw", false, key.material, data), "unwrapKey"),
});
