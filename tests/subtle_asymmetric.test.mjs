// Signatures and key agreement of crypto.subtle: keys in all formats and results, across Hull and Node (runtime.md §2.1).
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { curves, data, exponent, hashes, hex, inAction, inNode, inQuery, ref, toHex, values } from "./lib/subtle.mjs";

// Every form of both keys of a pair, as exported by `run`.
async function exportPair(run, generate, { raw = false } = {}) {
  const publicFormats = ["spki", "jwk", ...(raw ? ["raw"] : [])];
  const steps = [
    generate,
    ...publicFormats.map((format) => ["exportKey", format, ref(0, "publicKey")]),
    ...["pkcs8", "jwk"].map((format) => ["exportKey", format, ref(0, "privateKey")]),
  ];
  const [pair, ...exported] = await values(run, steps);
  return {
    pair,
    public: publicFormats.map((format, index) => [format, exported[index]]),
    private: ["pkcs8", "jwk"].map((format, index) => [format, exported[publicFormats.length + index]]),
  };
}

// Both sides understand every form of the keys that either made, and write them alike.
async function checkForms(algorithm, generate, usages, options) {
  for (const [maker, reader] of [[inAction, inNode], [inNode, inAction]]) {
    const forms = await exportPair(maker, generate, options);
    const imports = [
      ...forms.public.map(([format, form]) => ["importKey", format, form, algorithm, true, usages.public]),
      ...forms.private.map(([format, form]) => ["importKey", format, form, algorithm, true, usages.private]),
    ];
    const exports = [
      ...forms.public.flatMap((_, at) => forms.public.map(([format]) => ["exportKey", format, ref(at)])),
      ...forms.private.flatMap((_, at) => forms.private.map(([format]) => ["exportKey", format, ref(forms.public.length + at)])),
    ];
    const results = await values(reader, [...imports, ...exports]);
    const again = results.slice(imports.length);
    const expected = [...forms.public.flatMap(() => forms.public), ...forms.private.flatMap(() => forms.private)];
    again.forEach((form, index) => assert.deepEqual(form, expected[index][1]));
    forms.public.forEach((_, at) => assert.deepEqual(results[at], forms.pair.publicKey));
    forms.private.forEach((_, at) => assert.deepEqual(results[forms.public.length + at], forms.pair.privateKey));
    const own = await values(maker, imports);
    assert.deepEqual(own, results.slice(0, imports.length));
  }
}

// What one side signs the other verifies, and not when a bit is different.
async function checkSignatures(algorithm, generate, params) {
  const forms = await exportPair(inNode, generate);
  const [, pkcs8] = forms.private[0];
  const [, spki] = forms.public[0];
  const program = (param) => [
    ["importKey", "pkcs8", pkcs8, algorithm, false, ["sign"]],
    ["sign", param, ref(0), data],
    ["sign", param, ref(0), new ArrayBuffer(0)],
  ];
  for (const param of params) {
    for (const [signer, verifier] of [[inAction, inNode], [inNode, inAction]]) {
      const [, signature, ofNothing] = await values(signer, program(param));
      const bad = signature.slice(0);
      new Uint8Array(bad)[signature.byteLength - 1] ^= 1;
      const verified = await values(verifier, [
        ["importKey", "spki", spki, algorithm, false, ["verify"]],
        ["verify", param, ref(0), signature, data],
        ["verify", param, ref(0), ofNothing, new ArrayBuffer(0)],
        ["verify", param, ref(0), bad, data],
        ["verify", param, ref(0), signature, new ArrayBuffer(3)],
        ["verify", param, ref(0), signature.slice(1), data],
        ["verify", param, ref(0), new ArrayBuffer(0), data],
      ]);
      assert.deepEqual(verified.slice(1), [true, true, false, false, false, false], JSON.stringify(param));
    }
  }
}

const rsaUsages = { public: ["verify"], private: ["sign"] };
for (const name of ["RSASSA-PKCS1-v1_5", "RSA-PSS"]) {
  describe(name, () => {
    const generate = (hash, modulusLength) => ["generateKey", { name, hash, modulusLength, publicExponent: exponent }, true, ["sign", "verify"]];
    it("keys", async () => {
      await checkForms({ name, hash: "SHA-256" }, generate("SHA-256", 2048), rsaUsages);
      await checkForms({ name, hash: { name: "SHA-512" } }, generate("SHA-512", 3072), rsaUsages);
    });
    it("signatures", async () => {
      for (const hash of hashes) {
        const params = name === "RSA-PSS" ? [{ name, saltLength: 0 }, { name, saltLength: 20 }, { name, saltLength: 32 }] : [name];
        await checkSignatures({ name, hash }, generate(hash, hash === "SHA-1" ? 1024 : 2048), params);
      }
    });
  });
}

describe("ECDSA", () => {
  const generate = (namedCurve) => ["generateKey", { name: "ECDSA", namedCurve }, true, ["sign", "verify"]];
  for (const curve of curves) {
    it(`${curve}: keys and signatures`, async () => {
      const algorithm = { name: "ECDSA", namedCurve: curve };
      await checkForms(algorithm, generate(curve), rsaUsages, { raw: true });
      await checkSignatures(algorithm, generate(curve), hashes.map((hash) => ({ name: "ECDSA", hash })));
    });
  }
});

describe("Ed25519", () => {
  it("keys and signatures", async () => {
    const generate = ["generateKey", "Ed25519", true, ["sign", "verify"]];
    await checkForms("Ed25519", generate, rsaUsages, { raw: true });
    await checkSignatures({ name: "ed25519" }, generate, ["Ed25519"]);
  });

  it("RFC 8032 test 2", async () => {
    const d = Buffer.from("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "hex").toString("base64url");
    const x = Buffer.from("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "hex").toString("base64url");
    const [, signature] = await values(inQuery, [
      ["importKey", "jwk", { kty: "OKP", crv: "Ed25519", x, d }, "Ed25519", false, ["sign"]],
      ["sign", "Ed25519", ref(0), hex("72")],
    ]);
    assert.equal(
      toHex(signature),
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
  });
});

describe("agreement", () => {
  const kinds = [...curves.map((namedCurve) => ({ name: "ECDH", namedCurve })), { name: "X25519" }];
  for (const algorithm of kinds) {
    it(`${algorithm.name} ${algorithm.namedCurve ?? ""}`, async () => {
      const generate = ["generateKey", algorithm, true, ["deriveBits", "deriveKey"]];
      await checkForms(algorithm, generate, { public: [], private: ["deriveKey", "deriveBits"] }, { raw: true });
      const ours = await exportPair(inAction, generate);
      const theirs = await exportPair(inNode, generate);
      const program = (own, peer) => {
        const derive = { name: algorithm.name, public: ref(1) };
        return [
          ["importKey", ...own.private[0], algorithm, false, ["deriveBits", "deriveKey"]],
          ["importKey", ...peer.public[0], algorithm, false, []],
          ...[null, 256, 128, 0, 8].map((bits) => ["deriveBits", derive, ref(0), bits]),
          ["deriveKey", derive, ref(0), { name: "AES-GCM", length: 256 }, true, ["encrypt"]],
          ["exportKey", "raw", ref(7)],
          ["deriveKey", derive, ref(0), "HKDF", false, ["deriveBits"]],
          ["deriveBits", { name: "HKDF", hash: "SHA-256", salt: data, info: data }, ref(9), 256],
        ];
      };
      const mine = await values(inQuery, program(ours, theirs));
      const other = await values(inNode, program(theirs, ours));
      assert.deepEqual(mine.slice(2), other.slice(2));
    });
  }

  it("RFC 7748 6.1", async () => {
    const pkcs8 = hex("302e020100300506032b656e04220420 77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    const [, , secret] = await values(inQuery, [
      ["importKey", "pkcs8", pkcs8, "X25519", false, ["deriveBits"]],
      ["importKey", "raw", hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"), "X25519", false, []],
      ["deriveBits", { name: "X25519", public: ref(1) }, ref(0), 256],
    ]);
    assert.equal(toHex(secret), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  });
});
