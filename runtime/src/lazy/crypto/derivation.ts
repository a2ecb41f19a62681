// PBKDF2 and HKDF.

import { hull } from "../../host.ts";
import type { CryptoAlgorithm } from "./algorithm.ts";
import { operationError, succeeded, syntaxError, unsupportedFormat } from "./errors.ts";
import { newKey } from "./key.ts";
import { bytes, hash, unsignedLong } from "./params.ts";
import { allowOnly, usage } from "./usages.ts";

function derivation(name: string, operations: Pick<CryptoAlgorithm, "deriveBits" | "params">): CryptoAlgorithm {
  return {
    name,
    ...operations,

    importKey(data, _, extractable, usages) {
      if (data.format !== "raw") throw unsupportedFormat(data.format, name);
      allowOnly(usage.deriveKey | usage.deriveBits, usages);
      if (extractable) throw syntaxError(`${name} keys cannot be extractable`);
      return newKey("secret", { name }, false, usages, hull.crypto("copy", data.bytes!));
    },

    getKeyLength: () => null,
  };
}

function wholeBytes(length: number | null): number {
  if (length === null || length % 8 !== 0) throw operationError("The length is not a multiple of 8");
  return length / 8;
}

export const pbkdf2 = derivation("PBKDF2", {
  params: { deriveBits: [["hash", hash], ["iterations", unsignedLong], ["salt", bytes]] },
  deriveBits(params, key, length) {
    const size = wholeBytes(length);
    if (params.iterations === 0) throw operationError("The number of iterations is zero");
    return succeeded(hull.crypto("pbkdf2", params.hash, key.material, params.salt, params.iterations, size), "deriveBits");
  },
});

export const hkdf = derivation("HKDF", {
  params: { deriveBits: [["hash", hash], ["info", bytes], ["salt", bytes]] },
  deriveBits: (params, key, length) =>
    succeeded(hull.crypto("hkdf", params.hash, key.material, params.salt, params.info, wholeBytes(length)), "deriveBits"),
});
