// Keys that are just bytes: AES, HMAC, and what PBKDF2 and HKDF start from.

import { hull } from "../../host.ts";
import type { Format, KeyData } from "./algorithm.ts";
import { unsupportedFormat } from "./errors.ts";
import { checkJwk, type Jwk, jwkBytes, jwkOf } from "./jwk.ts";
import type { Key } from "./key.ts";

export function secretFrom(data: KeyData, name: string, use: string, extractable: boolean, usages: number): Uint8Array {
  if (data.format === "raw") return hull.crypto("copy", data.bytes!);
  if (data.format !== "jwk") throw unsupportedFormat(data.format, name);
  checkJwk(data.jwk!, "oct", use, extractable, usages);
  return jwkBytes(data.jwk!, "k");
}

export function exportSecret(format: Format, key: Key, alg: string): Uint8Array | Jwk {
  if (format === "raw") return hull.crypto("copy", key.material);
  if (format === "jwk") return jwkOf(key, "oct", { k: key.material, alg });
  throw unsupportedFormat(format, key.algorithm.name);
}
