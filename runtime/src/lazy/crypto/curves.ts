// ECDSA, ECDH, Ed25519 and X25519.

import { hull } from "../../host.ts";
import type { CryptoAlgorithm, Format, KeyData } from "./algorithm.ts";
import { dataError, invalidAccess, notSupported, requireRandomness, succeeded } from "./errors.ts";
import { checkJwk, type Jwk, jwkBytes, jwkOf } from "./jwk.ts";
import { type Key, newKey } from "./key.ts";
import { exportDer, generatePair, importedType, type PairUsages, validKey } from "./key_pairs.ts";
import { hash, key as cryptoKey, text } from "./params.ts";
import { usage } from "./usages.ts";

const jwkAlgorithms: Readonly<Record<string, string>> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };
const curveParams = [["namedCurve", text]] as const;
const signing: PairUsages = { public: usage.verify, private: usage.sign };
const agreeing: PairUsages = { public: 0, private: usage.deriveKey | usage.deriveBits };

interface Kind {
  readonly name: string;
  readonly kty: "EC" | "OKP";
  readonly jwkUse: string;
  readonly allowed: PairUsages;
  // Whether the JWK member `alg` fits.
  checkAlg(alg: string, curve: string): boolean;
  readonly jwkAlg?: string; // for exports
}

// The name of the curve is the name of the algorithm, or one of the params.
function curveOf(kind: Kind, params: any): string {
  if (kind.kty === "OKP") return kind.name;
  if (!Object.hasOwn(jwkAlgorithms, params.namedCurve)) throw notSupported("Unrecognized namedCurve");
  return params.namedCurve;
}

function fromJwk(kind: Kind, curve: string, jwk: Jwk, isPrivate: boolean): Uint8Array | undefined {
  if (jwk.crv !== curve) throw dataError(`The JWK member 'crv' is not '${curve}'`);
  if (jwk.alg !== undefined && !kind.checkAlg(jwk.alg, curve)) throw dataError("The JWK member 'alg' does not match the curve");
  const x = jwkBytes(jwk, "x");
  if (kind.kty === "OKP") return hull.crypto("keyFromParts", curve, isPrivate, isPrivate ? [x, jwkBytes(jwk, "d")] : [x]);
  const y = jwkBytes(jwk, "y");
  return hull.crypto("keyFromParts", curve, isPrivate, isPrivate ? [x, y, jwkBytes(jwk, "d")] : [x, y]);
}

function materialFrom(
  kind: Kind, curve: string, data: KeyData, isPrivate: boolean, extractable: boolean, usages: number,
): Uint8Array | undefined {
  if (data.jwk) {
    checkJwk(data.jwk, kind.kty, kind.jwkUse, extractable, usages);
    return fromJwk(kind, curve, data.jwk, isPrivate);
  }
  if (data.format !== "raw") return hull.crypto("canonicalKey", curve, isPrivate, data.bytes!);
  if (kind.kty === "OKP") return hull.crypto("keyFromParts", curve, false, [data.bytes!]);
  return hull.crypto("keyFromPoint", curve, data.bytes!);
}

function exportCurveKey(kind: Kind, format: Format, key: Key): Uint8Array | Jwk {
  const isPrivate = key.type === "private";
  if (format === "jwk") {
    const parts = hull.crypto("partsOfKey", isPrivate, isPrivate, key.material)!;
    const names = kind.kty === "OKP" ? (["x", "d"] as const) : (["x", "y", "d"] as const);
    return jwkOf(key, kind.kty, {
      crv: key.algorithm.namedCurve ?? kind.name,
      ...(kind.jwkAlg && { alg: kind.jwkAlg }),
      ...Object.fromEntries(parts.map((part, index) => [names[index], part])),
    });
  }
  const der = exportDer(format, key);
  if (format !== "raw") return der;
  const [x, y] = hull.crypto("partsOfKey", false, false, der)!;
  return y ? new Uint8Array([4, ...x!, ...y]) : x!;
}

function curveAlgorithm(kind: Kind, operations: Partial<CryptoAlgorithm>): CryptoAlgorithm {
  const { name, kty, allowed } = kind;
  const describe = (curve: string) => (kty === "OKP" ? { name } : { name, namedCurve: curve });
  return {
    name,
    ...operations,
    params: { ...operations.params, ...(kty === "EC" && { generateKey: curveParams, importKey: curveParams }) },

    generateKey(params, extractable, usages) {
      const curve = curveOf(kind, params);
      return generatePair(curve, () => describe(curve), allowed, extractable, usages);
    },

    importKey(data, params, extractable, usages) {
      const type = importedType(data, name, allowed, usages);
      const curve = curveOf(kind, params);
      const material = validKey(materialFrom(kind, curve, data, type === "private", extractable, usages));
      return newKey(type, describe(curve), extractable, usages, material);
    },

    exportKey: (format, key) => exportCurveKey(kind, format, key),
  };
}

const ecdsaParams = [["hash", hash]] as const;
const fitsCurve = (alg: string, curve: string) => alg === jwkAlgorithms[curve];
const ecdsaKind: Kind = { name: "ECDSA", kty: "EC", jwkUse: "sig", allowed: signing, checkAlg: fitsCurve };
export const ecdsa = curveAlgorithm(ecdsaKind, {
  params: { sign: ecdsaParams, verify: ecdsaParams },
  sign(params, key, data) {
    requireRandomness();
    return succeeded(hull.crypto("sign", "ECDSA", params.hash, 0, key.material, data), "sign");
  },
  verify: (params, key, signature, data) => hull.crypto("verify", "ECDSA", params.hash, 0, key.material, signature, data),
});

const isEdwards = (alg: string) => alg === "Ed25519" || alg === "EdDSA";
const ed25519Kind: Kind = { name: "Ed25519", kty: "OKP", jwkUse: "sig", allowed: signing, checkAlg: isEdwards, jwkAlg: "Ed25519" };
export const ed25519 = curveAlgorithm(ed25519Kind, {
  sign: (_, key, data) => succeeded(hull.crypto("sign", "Ed25519", "", 0, key.material, data), "sign"),
  verify: (_, key, signature, data) => hull.crypto("verify", "Ed25519", "", 0, key.material, signature, data),
});

const agreement: Pick<CryptoAlgorithm, "params" | "deriveBits"> = {
  params: { deriveBits: [["public", cryptoKey]] },
  deriveBits(params, key, length) {
    const peer: Key = params.public;
    const { name, namedCurve } = key.algorithm;
    if (peer.type !== "public" || peer.algorithm.name !== name || peer.algorithm.namedCurve !== namedCurve) {
      throw invalidAccess("The peer's key is not a public key of the same curve");
    }
    return succeeded(hull.crypto("sharedSecret", key.material, peer.material, length ?? undefined), "deriveBits");
  },
};
const anyAlg = () => true;
export const ecdh = curveAlgorithm({ name: "ECDH", kty: "EC", jwkUse: "enc", allowed: agreeing, checkAlg: anyAlg }, agreement);
export const x25519 = curveAlgorithm({ name: "X25519", kty: "OKP", jwkUse: "enc", allowed: agreeing, checkAlg: anyAlg }, agreement);
