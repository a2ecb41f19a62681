// Refusals of crypto.subtle: the errors of the standard as Node has them, and the rules about randomness (runtime.md §2.1).
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buffer, client, curves, data, exponent, inAction, inMutation, inNode, inQuery, ref, server, utf8, values } from "./lib/subtle.mjs";

const bytes = (size) => buffer(Array(size).fill(5));
const aes = (usages, extractable = true, name = "AES-GCM") => ["importKey", "raw", bytes(16), name, extractable, usages];
const hmac = (usages, extractable = true) => ["importKey", "raw", bytes(32), { name: "HMAC", hash: "SHA-256" }, extractable, usages];
const oct = (members) => ({ kty: "oct", k: "AQIDBAUGBwgBAgMEBQYHCA", ...members });
const sealed = { name: "AES-GCM", iv: bytes(12) };
const generator = Buffer.from("BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU", "base64url"); // P-256
const x = generator.subarray(1, 33).toString("base64url");
const y = generator.subarray(33).toString("base64url");
const es256 = { name: "ECDSA", namedCurve: "P-256" };
const ec = (members) => ({ kty: "EC", crv: "P-256", x, y, ...members });
const okp = (members) => ({ kty: "OKP", crv: "Ed25519", x: Buffer.alloc(32, 9).toString("base64url"), ...members });
const rsaKeys = (members) => ["generateKey", { name: "RSA-PSS", hash: "SHA-1", modulusLength: 1024, ...members }, true, ["sign"]];
const counting = (counter, length) => [
  aes(["encrypt"], true, "AES-CTR"),
  ["encrypt", { name: "AES-CTR", counter: bytes(counter), length }, ref(0), data],
];
const derived = (params, ...target) => [["importKey", "raw", data, "PBKDF2", false, ["deriveKey", "deriveBits"]], ["deriveKey", params, ref(0), ...target]];
const pbkdf2 = (members) => ({ name: "PBKDF2", hash: "SHA-256", salt: data, iterations: 1, ...members });

// Name of a case, its program; the last step is what the case is about.
const cases = [
  ["unknown digest", [["digest", "MD5", data]]],
  ["digest of text", [["digest", "SHA-256", "text"]]],
  ["digest without a name", [["digest", {}, data]]],
  ["digest by an algorithm of another kind", [["digest", "AES-GCM", data]]],
  ["unknown algorithm", [["importKey", "raw", data, "ROT13", true, ["encrypt"]]]],
  ["Kelvin sign", [["importKey", "raw", data, "H\u212aDF", false, ["deriveBits"]]]],
  ["unknown format", [["importKey", "pem", data, "AES-GCM", true, ["encrypt"]]]],
  ["unknown usage", [aes(["cook"])]],
  ["usages that are no sequence", [["importKey", "raw", bytes(16), "AES-GCM", true, 5]]],
  ["usage of another algorithm", [aes(["sign"])]],
  ["no usage", [aes([])]],
  ["AES key of 15 bytes", [["importKey", "raw", bytes(15), "AES-GCM", true, ["encrypt"]]]],
  ["AES as spki", [["importKey", "spki", bytes(16), "AES-GCM", true, ["encrypt"]]]],
  ["jwk for raw", [["importKey", "raw", oct(), "AES-GCM", true, ["encrypt"]]]],
  ["jwk of another type", [["importKey", "jwk", oct({ kty: "RSA" }), "AES-GCM", true, ["encrypt"]]]],
  ["jwk without k", [["importKey", "jwk", { kty: "oct" }, "AES-GCM", true, ["encrypt"]]]],
  ["jwk with another alg", [["importKey", "jwk", oct({ alg: "A256GCM" }), "AES-GCM", true, ["encrypt"]]]],
  ["jwk with another use", [["importKey", "jwk", oct({ use: "sig" }), "AES-GCM", true, ["encrypt"]]]],
  ["jwk with other key_ops", [["importKey", "jwk", oct({ key_ops: ["decrypt"] }), "AES-GCM", true, ["encrypt"]]]],
  ["jwk with duplicate key_ops", [["importKey", "jwk", oct({ key_ops: ["encrypt", "encrypt"] }), "AES-GCM", true, ["encrypt"]]]],
  ["jwk that is not extractable", [["importKey", "jwk", oct({ ext: false }), "AES-GCM", true, ["encrypt"]]]],
  ["empty HMAC key", [["importKey", "raw", bytes(0), { name: "HMAC", hash: "SHA-256" }, true, ["sign"]]]],
  ["HMAC without hash", [["importKey", "raw", bytes(8), "HMAC", true, ["sign"]]]],
  ["HMAC with unknown hash", [["importKey", "raw", bytes(8), { name: "HMAC", hash: "MD5" }, true, ["sign"]]]],
  ["HMAC that is too short for its length", [["importKey", "raw", bytes(8), { name: "HMAC", hash: "SHA-1", length: 65 }, true, ["sign"]]]],
  ["HMAC that is too long for its length", [["importKey", "raw", bytes(8), { name: "HMAC", hash: "SHA-1", length: 56 }, true, ["sign"]]]],
  ["HMAC with another alg", [["importKey", "jwk", oct({ alg: "HS512" }), { name: "HMAC", hash: "SHA-256" }, true, ["sign"]]]],
  ["key for another algorithm", [aes(["encrypt"]), ["encrypt", { name: "AES-CBC", iv: bytes(16) }, ref(0), data]]],
  ["key without the usage", [aes(["decrypt"]), ["encrypt", sealed, ref(0), data]]],
  ["sign with a verifying key", [hmac(["verify"]), ["sign", "HMAC", ref(0), data]]],
  ["verify with a signing key", [hmac(["sign"]), ["verify", "HMAC", ref(0), data, data]]],
  ["a key that is none", [["encrypt", sealed, { type: "secret" }, data]]],
  ["encrypt by a signature algorithm", [hmac(["sign"]), ["encrypt", "HMAC", ref(0), data]]],
  ["no data", [aes(["encrypt"]), ["encrypt", sealed, ref(0), "text"]]],
  ["GCM without iv", [aes(["encrypt"]), ["encrypt", "AES-GCM", ref(0), data]]],
  ["GCM with a strange tag", [aes(["encrypt"]), ["encrypt", { ...sealed, tagLength: 33 }, ref(0), data]]],
  ["GCM with a tag beyond an octet", [aes(["encrypt"]), ["encrypt", { ...sealed, tagLength: 256 }, ref(0), data]]],
  ["CBC with a short iv", [aes(["encrypt"], true, "AES-CBC"), ["encrypt", { name: "AES-CBC", iv: bytes(12) }, ref(0), data]]],
  ["CTR with a short counter", counting(15, 64)],
  ["CTR with no counter bits", counting(16, 0)],
  ["CTR with too many counter bits", counting(16, 129)],
  ["CTR with too few counter bits", counting(16, 1)],
  ["export what is not extractable", [aes(["encrypt"], false), ["exportKey", "raw", ref(0)]]],
  ["export in an unknown format", [aes(["encrypt"]), ["exportKey", "pem", ref(0)]]],
  ["export AES as pkcs8", [aes(["encrypt"]), ["exportKey", "pkcs8", ref(0)]]],
  ["export PBKDF2", [["importKey", "raw", data, "PBKDF2", false, ["deriveBits"]], ["exportKey", "raw", ref(0)]]],
  ["extractable PBKDF2", [["importKey", "raw", data, "PBKDF2", true, ["deriveBits"]]]],
  ["PBKDF2 as jwk", [["importKey", "jwk", oct(), "PBKDF2", false, ["deriveBits"]]]],
  ["PBKDF2 with another usage", [["importKey", "raw", data, "PBKDF2", false, ["sign"]]]],
  ...["PBKDF2", "HKDF"].flatMap((name) => {
    const key = ["importKey", "raw", data, name, false, ["deriveBits"]];
    const params = (members) => ({ name, hash: "SHA-256", salt: data, info: data, iterations: 1, ...members });
    return [
      [`${name} without a length`, [key, ["deriveBits", params(), ref(0), null]]],
      [`${name} of 7 bits`, [key, ["deriveBits", params(), ref(0), 7]]],
      [`${name} of a negative length`, [key, ["deriveBits", params(), ref(0), -8]]],
      [`${name} with unknown hash`, [key, ["deriveBits", params({ hash: "MD5" }), ref(0), 8]]],
      [`${name} without the usage`, [key, ["deriveKey", params(), ref(0), { name: "AES-CBC", length: 128 }, true, ["encrypt"]]]],
    ];
  }),
  ["PBKDF2 without iterations", derived(pbkdf2({ iterations: 0 }), { name: "AES-CBC", length: 128 }, true, ["encrypt"])],
  ["PBKDF2 without salt", derived({ name: "PBKDF2", hash: "SHA-1", iterations: 1 }, { name: "AES-CBC", length: 128 }, true, ["encrypt"])],
  ["too long HKDF", [
    ["importKey", "raw", data, "HKDF", false, ["deriveBits"]],
    ["deriveBits", { name: "HKDF", hash: "SHA-1", salt: data, info: data }, ref(0), 255 * 160 + 8],
  ]],
  ["derive an AES key of 100 bits", derived(pbkdf2(), { name: "AES-GCM", length: 100 }, true, ["encrypt"])],
  ["derive without usages", derived(pbkdf2(), { name: "AES-GCM", length: 128 }, true, [])],
  ["derive an ECDSA key", derived(pbkdf2(), es256, true, ["sign"])],
  ["generate AES of 100 bits", [["generateKey", { name: "AES-GCM", length: 100 }, true, ["encrypt"]]]],
  ["generate AES without length", [["generateKey", "AES-GCM", true, ["encrypt"]]]],
  ["generate AES for nothing", [["generateKey", { name: "AES-GCM", length: 128 }, true, []]]],
  ["generate AES to sign", [["generateKey", { name: "AES-GCM", length: 128 }, true, ["sign"]]]],
  ["generate HMAC of no bits", [["generateKey", { name: "HMAC", hash: "SHA-1", length: 0 }, true, ["sign"]]]],
  ["generate on an unknown curve", [["generateKey", { name: "ECDSA", namedCurve: "P-999" }, true, ["sign"]]]],
  ["generate only to verify", [["generateKey", es256, true, ["verify"]]]],
  ["generate ECDSA to encrypt", [["generateKey", es256, true, ["encrypt"]]]],
  ["generate PBKDF2", [["generateKey", "PBKDF2", true, ["deriveBits"]]]],
  ["generate RSA with an even exponent", [rsaKeys({ publicExponent: { u8: buffer([2]) } })]],
  ["generate RSA with an exponent that is no Uint8Array", [rsaKeys({ publicExponent: buffer([3]) })]],
  ["generate tiny RSA", [rsaKeys({ modulusLength: 128, publicExponent: exponent })]],
  ["RSA as raw", [["importKey", "raw", data, { name: "RSA-PSS", hash: "SHA-1" }, true, ["verify"]]]],
  ["RSA spki that is garbage", [["importKey", "spki", data, { name: "RSA-PSS", hash: "SHA-1" }, true, ["verify"]]]],
  ["RSA pkcs8 that is garbage", [["importKey", "pkcs8", data, { name: "RSA-PSS", hash: "SHA-1" }, true, ["sign"]]]],
  ["RSA public key to sign", [["importKey", "spki", data, { name: "RSA-PSS", hash: "SHA-1" }, true, ["sign"]]]],
  ["RSA jwk without e", [["importKey", "jwk", { kty: "RSA", n: x }, { name: "RSA-PSS", hash: "SHA-1" }, true, ["verify"]]]],
  ["RSA jwk with another alg", [["importKey", "jwk", { kty: "RSA", n: x, e: "AQAB", alg: "RS256" }, { name: "RSA-PSS", hash: "SHA-256" }, true, ["verify"]]]],
  ["EC point that is none", [["importKey", "raw", buffer(generator.with(40, 1)), es256, true, ["verify"]]]],
  ["EC point of another curve", [["importKey", "raw", buffer(generator), { name: "ECDSA", namedCurve: "P-384" }, true, ["verify"]]]],
  ["EC point of no length", [["importKey", "raw", bytes(0), es256, true, ["verify"]]]],
  ["EC point to sign", [["importKey", "raw", buffer(generator), es256, true, ["sign"]]]],
  ["EC on an unknown curve", [["importKey", "raw", buffer(generator), { name: "ECDSA", namedCurve: "p-256" }, true, ["verify"]]]],
  ["EC without a curve", [["importKey", "raw", buffer(generator), "ECDSA", true, ["verify"]]]],
  ["EC jwk of another curve", [["importKey", "jwk", ec(), { name: "ECDSA", namedCurve: "P-384" }, true, ["verify"]]]],
  ["EC jwk of another type", [["importKey", "jwk", ec({ kty: "OKP" }), es256, true, ["verify"]]]],
  ["EC jwk off the curve", [["importKey", "jwk", ec({ y: x }), es256, true, ["verify"]]]],
  ["EC jwk with another alg", [["importKey", "jwk", ec({ alg: "ES384" }), es256, true, ["verify"]]]],
  ["EC jwk with a foreign private key", [["importKey", "jwk", ec({ d: x }), es256, true, ["sign"]]]],
  ["EC jwk to verify by a private key", [["importKey", "jwk", ec({ d: x }), es256, true, ["verify"]]]],
  ["ECDH public key with usages", [["importKey", "raw", buffer(generator), { name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]]]],
  ["ECDSA without hash", [["importKey", "raw", buffer(generator), es256, true, ["verify"]], ["verify", "ECDSA", ref(0), bytes(64), data]]],
  ["Ed25519 of 31 bytes", [["importKey", "raw", bytes(31), "Ed25519", true, ["verify"]]]],
  ["Ed25519 jwk of another curve", [["importKey", "jwk", okp({ crv: "X25519" }), "Ed25519", true, ["verify"]]]],
  ["Ed25519 jwk with another alg", [["importKey", "jwk", okp({ alg: "ES256" }), "Ed25519", true, ["verify"]]]],
  ["Ed25519 jwk with a foreign private key", [["importKey", "jwk", okp({ d: x }), "Ed25519", true, ["sign"]]]],
  ["Ed25519 to encrypt", [["importKey", "raw", bytes(32), "Ed25519", true, ["encrypt"]]]],
  ["wrap without the usage", [aes(["encrypt"]), aes(["encrypt"]), ["wrapKey", "raw", ref(1), ref(0), sealed]]],
  ["wrap what is not extractable", [aes(["wrapKey"]), aes(["encrypt"], false), ["wrapKey", "raw", ref(1), ref(0), sealed]]],
  ["wrap by HMAC", [hmac(["sign"]), aes(["encrypt"]), ["wrapKey", "raw", ref(1), ref(0), "HMAC"]]],
  ["AES-KW to encrypt", [aes(["encrypt"], true, "AES-KW")]],
  ["AES-KW of 9 bytes", [
    aes(["wrapKey"], true, "AES-KW"),
    ["importKey", "raw", bytes(9), { name: "HMAC", hash: "SHA-1" }, true, ["sign"]],
    ["wrapKey", "raw", ref(1), ref(0), "AES-KW"],
  ]],
  ["unwrap nonsense by AES-KW", [aes(["unwrapKey"], true, "AES-KW"), ["unwrapKey", "raw", bytes(24), ref(0), "AES-KW", "AES-GCM", true, ["encrypt"]]]],
  ["unwrap nonsense by AES-GCM", [aes(["unwrapKey"]), ["unwrapKey", "raw", bytes(32), ref(0), sealed, "AES-GCM", true, ["encrypt"]]]],
  ["unwrap a jwk that is no JSON", [
    aes(["unwrapKey", "encrypt"]),
    ["encrypt", sealed, ref(0), utf8("{")],
    ["unwrapKey", "jwk", ref(1), ref(0), sealed, "AES-GCM", true, ["encrypt"]],
  ]],
];

// Where Node is not what the standard says.
const ofTheStandard = [
  ["bytes for jwk", [["importKey", "jwk", bytes(16), "AES-GCM", true, ["encrypt"]]], "TypeError"],
  [
    "export a public key as pkcs8",
    [["importKey", "raw", buffer(generator), es256, true, ["verify"]], ["exportKey", "pkcs8", ref(0)]],
    "InvalidAccessError",
  ],
];

describe("errors", () => {
  for (const [name, steps, error] of ofTheStandard) {
    it(name, async () => assert.equal((await inAction(steps)).at(-1).error, error));
  }

  for (const [name, steps] of cases) {
    it(name, async () => {
      const [ours, theirs] = [await inAction(steps), await inNode(steps)];
      assert.deepEqual(
        ours.map(({ error, exception }) => [error, exception]),
        theirs.map(({ error, exception }) => [error, exception]),
        `${ours.at(-1).message} / ${theirs.at(-1).message}`,
      );
      assert.notEqual(ours.at(-1).error, undefined);
      assert.deepEqual(ours.slice(0, -1).filter(({ error }) => error), []);
    });
  }
});

const refused =
  "Can't use cryptographic randomness in queries and mutations. Please consider using an action. " +
  "See https://docs.convex.dev/functions/actions for more details.";
const rsa = (name, usages) => ["generateKey", { name, hash: "SHA-256", modulusLength: 1024, publicExponent: exponent }, true, usages];

describe("randomness", () => {
  it("is refused in queries and mutations", async () => {
    const [, pss, , ecdsa, oaep] = await values(inAction, [
      rsa("RSA-PSS", ["sign", "verify"]),
      ["exportKey", "pkcs8", ref(0, "privateKey")],
      ["generateKey", es256, true, ["sign"]],
      ["exportKey", "pkcs8", ref(2, "privateKey")],
      ["exportKey", "spki", ref(0, "publicKey")],
    ]);
    const generators = [
      rsa("RSASSA-PKCS1-v1_5", ["sign"]),
      rsa("RSA-PSS", ["sign"]),
      rsa("RSA-OAEP", ["decrypt"]),
      ...curves.map((namedCurve) => ["generateKey", { name: "ECDH", namedCurve }, true, ["deriveBits"]]),
      ["generateKey", "Ed25519", true, ["sign"]],
      ["generateKey", "X25519", true, ["deriveBits"]],
      ["generateKey", { name: "HMAC", hash: "SHA-256" }, true, ["sign"]],
      ...["AES-GCM", "AES-CBC", "AES-CTR"].map((name) => ["generateKey", { name, length: 128 }, true, ["encrypt"]]),
      ["generateKey", { name: "AES-KW", length: 128 }, true, ["wrapKey"]],
    ];
    const steps = [
      ["importKey", "pkcs8", pss, { name: "RSA-PSS", hash: "SHA-256" }, true, ["sign"]],
      ["importKey", "pkcs8", ecdsa, es256, true, ["sign"]],
      ["importKey", "spki", oaep, { name: "RSA-OAEP", hash: "SHA-256" }, true, ["encrypt", "wrapKey"]],
      aes(["encrypt"]),
      ["sign", { name: "RSA-PSS", saltLength: 0 }, ref(0), data],
      ["sign", { name: "ECDSA", hash: "SHA-256" }, ref(1), data],
      ["encrypt", "RSA-OAEP", ref(2), data],
      ["wrapKey", "raw", ref(3), ref(2), "RSA-OAEP"],
      ...generators,
    ];
    for (const run of [inQuery, inMutation]) {
      const outcomes = await run(steps);
      assert.deepEqual(outcomes.slice(0, 4).filter(({ error }) => error), []);
      assert.deepEqual(
        outcomes.slice(4).map(({ error, message }) => [error, message]),
        outcomes.slice(4).map(() => ["Error", refused]),
      );
    }
    await values(inAction, steps);
    const uncaught = await server().call("query", "subtle:generateUncaught");
    assert.equal(uncaught.errorMessage.split("\n")[1], `Uncaught Error: ${refused}`);
  });

  it("keys and digests made at import time serve calls from a snapshot, cloned too", async () => {
    const result = await client().query("subtle:withKeyOfImport", {});
    const [, sealedHere, digest] = await values(inNode, [
      ["importKey", "raw", buffer(Array(32).fill(7)), "AES-GCM", false, ["encrypt"]],
      ["encrypt", { name: "AES-GCM", iv: new ArrayBuffer(12) }, ref(0), buffer([1, 2, 3])],
      ["digest", "SHA-256", new ArrayBuffer(3)],
    ]);
    assert.deepEqual(result, {
      sealed: sealedHere, digest, refused: "Cannot use cryptographic randomness at import time", extractable: false,
    });
  });
});

describe("secrets", () => {
  it("that are not extractable are not seen by code that has replaced the built-ins", async () => {
    const raw = Uint8Array.from({ length: 32 }, (_, index) => index + 101).buffer;
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const wrapping = ["importKey", "raw", new ArrayBuffer(16), "AES-GCM", false, ["wrapKey"]];
    const key = ["importKey", "raw", raw, algorithm, true, ["sign", "verify"]];
    const [, , rawWrapped, jwkWrapped, signature] = await values(inNode, [
      wrapping,
      key,
      ...["raw", "jwk"].map((format) => ["wrapKey", format, ref(1), ref(0), { name: "AES-GCM", iv: new ArrayBuffer(12) }]),
      ["sign", "HMAC", ref(1), new ArrayBuffer(3)],
    ]);
    const wrapped = { raw: rawWrapped, jwk: jwkWrapped };
    const hidden = await client().query("thief:steal", { wrapped, extractable: false });
    assert.deepEqual(hidden, { found: [], signatures: [signature, signature] });
    const open = await client().query("thief:steal", { wrapped, extractable: true });
    assert.notDeepEqual(open.found, [], "the thief sees what is exported");
  });
});
