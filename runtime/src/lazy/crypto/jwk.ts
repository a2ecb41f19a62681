// JSON Web Keys. Those that unwrapKey finds are secret: nothing here hands them to built-ins that user code can replace.

import { hull } from "../../host.ts";
import { jsonParse } from "../../primordials.ts";
import { decodeUtf8 } from "../web_idl.ts";
import { dataError } from "./errors.ts";
import type { Key } from "./key.ts";
import { usageList } from "./usages.ts";

const textMembers = ["alg", "crv", "d", "dp", "dq", "e", "k", "kty", "n", "p", "q", "qi", "use", "x", "y"] as const;

export type JwkText = (typeof textMembers)[number];
export type Jwk = { [M in JwkText]?: string } & { ext?: boolean; key_ops?: string[]; oth?: unknown };

export function jwkFromValue(value: unknown): Jwk {
  if (typeof value !== "object" || value === null || hull.crypto("view", value)) throw new TypeError("The key data is not a JSON Web Key");
  return dictionary(value);
}

export function jwkFromBytes(bytes: Uint8Array): Jwk {
  let parsed: unknown;
  try {
    parsed = jsonParse(decodeUtf8(bytes));
  } catch {
    throw dataError("The key data is not a JSON Web Key");
  }
  if (typeof parsed !== "object" || parsed === null) throw dataError("The key data is not a JSON Web Key");
  return dictionary({ __proto__: null, ...parsed });
}

function dictionary(source: any): Jwk {
  const jwk: any = { __proto__: null, oth: source.oth };
  for (let i = 0; i < textMembers.length; i++) {
    const name = textMembers[i]!;
    const value = source[name];
    if (value !== undefined) jwk[name] = typeof value === "string" ? value : `${value}`;
  }
  if (source.ext !== undefined) jwk.ext = !!source.ext;
  if (source.key_ops !== undefined) jwk.key_ops = [...source.key_ops].map((name) => `${name}`);
  return jwk;
}

// The checks that every algorithm makes. `use` is the value that goes with the wanted usages.
export function checkJwk(jwk: Jwk, kty: string, use: string, extractable: boolean, usages: number): void {
  if (jwk.kty !== kty) throw dataError(`The JWK member 'kty' is not '${kty}'`);
  if (usages !== 0 && jwk.use !== undefined && jwk.use !== use) throw dataError(`The JWK member 'use' is not '${use}'`);
  const operations = jwk.key_ops;
  if (operations) {
    if (new Set(operations).size !== operations.length) throw dataError("The JWK member 'key_ops' has duplicates");
    if (!usageList(usages).every((name) => operations.includes(name))) {
      throw dataError("The JWK member 'key_ops' does not allow the key usages");
    }
  }
  if (jwk.ext === false && extractable) throw dataError("The JWK member 'ext' does not allow an extractable key");
}

export function jwkBytes(jwk: Jwk, name: JwkText): Uint8Array {
  const value = jwk[name];
  const bytes = value === undefined ? undefined : hull.crypto("decodeBase64Url", value);
  if (!bytes) throw dataError(`The JWK member '${name}' is not base64url`);
  return bytes;
}

export function jwkOf(key: Key, kty: string, members: { [M in JwkText]?: string | Uint8Array }): Jwk {
  const jwk: any = { kty };
  for (const [name, value] of Object.entries(members)) {
    jwk[name] = typeof value === "string" ? value : hull.crypto("encodeBase64Url", value);
  }
  jwk.key_ops = usageList(key.usages);
  jwk.ext = key.extractable;
  return jwk;
}
