// Digests, HMAC, ciphers, derivation and key wrapping of crypto.subtle against Node's (runtime.md §2.1).
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { agree, buffer, data, exponent, hashes, hex, inAction, inNode, inQuery, ref, toHex, utf8, values } from "./lib/subtle.mjs";

describe("digests and HMAC", () => {
  it("equal those of Node", async () => {
    const steps = hashes.flatMap((hash) => [
      ["digest", hash, data],
      ["digest", { name: hash.toLowerCase() }, new ArrayBuffer(0)],
      ["importKey", "raw", data, { name: "hmac", hash }, true, ["verify", "sign"]],
      ["importKey", "jwk", { kty: "oct", k: "AQIDBA", alg: hash.replace("SHA-", "HS"), ext: true }, { name: "HMAC", hash: { name: hash } }, true, ["sign"]],
    ]);
    const followUps = hashes.flatMap((_, index) => [
      ["sign", "HMAC", ref(4 * index + 2), data],
      ["sign", { name: "hmac" }, ref(4 * index + 3), new ArrayBuffer(0)],
      ["exportKey", "jwk", ref(4 * index + 2)],
      ["exportKey", "raw", ref(4 * index + 3)],
      ["verify", "HMAC", ref(4 * index + 2), new ArrayBuffer(20), data],
    ]);
    await agree([...steps, ...followUps]);
  });

  it("long keys, generated keys", async () => {
    const [key, raw, signature, ok] = await values(inAction, [
      ["generateKey", { name: "HMAC", hash: "SHA-384" }, true, ["sign", "verify"]],
      ["exportKey", "raw", ref(0)],
      ["sign", "HMAC", ref(0), data],
      ["verify", "HMAC", ref(0), ref(2), data],
    ]);
    assert.deepEqual(key.algorithm, { name: "HMAC", hash: { name: "SHA-384" }, length: 1024 });
    assert.equal(raw.byteLength, 128);
    assert.equal(ok, true);
    const [, expected] = await values(inNode, [
      ["importKey", "raw", raw, { name: "HMAC", hash: "SHA-384" }, false, ["sign"]],
      ["sign", "HMAC", ref(0), data],
    ]);
    assert.equal(toHex(signature), toHex(expected));
  });

  it("RFC 4231 case 2", async () => {
    const [, mac] = await values(inQuery, [
      ["importKey", "raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]],
      ["sign", "HMAC", ref(0), utf8("what do ya want for nothing?")],
    ]);
    assert.equal(toHex(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  });
});

const iv = buffer(Array.from({ length: 16 }, (_, index) => index * 3 + 1));
const sizes = [0, 1, 15, 16, 17, 1000, 10_000];
const plain = (size) => buffer(Array.from({ length: size }, (_, index) => (index * 31) & 255));
const ciphers = [
  ["AES-CBC", [{ name: "AES-CBC", iv }]],
  ["AES-GCM", [
    { name: "AES-GCM", iv },
    { name: "aes-gcm", iv: iv.slice(0, 12), additionalData: data },
    ...[32, 64, 96, 104, 112, 120].map((tagLength) => ({ name: "AES-GCM", iv, tagLength })),
  ]],
  ["AES-CTR", [
    ...[1, 8, 63, 64, 65, 127, 128].map((length) => ({ name: "AES-CTR", counter: iv, length })),
    ...[8, 64, 100, 128].map((length) => ({ name: "AES-CTR", counter: buffer(Array(15).fill(255).concat(250)), length })),
  ]],
];

describe("AES", () => {
  for (const [name, params] of ciphers) {
    it(name, async () => {
      for (const length of [128, 192, 256]) {
        const [, raw, jwk] = await values(inAction, [
          ["generateKey", { name, length }, true, ["encrypt", "decrypt"]],
          ["exportKey", "raw", ref(0)],
          ["exportKey", "jwk", ref(0)],
        ]);
        const fits = (param, size) => !param.length || size <= 16 * 2 ** Math.min(param.length, 30);
        const sealing = params.flatMap((param) => sizes.filter((size) => fits(param, size)).map((size) => ["encrypt", param, ref(0), plain(size)]));
        const head = [["importKey", "raw", raw, name, true, ["encrypt", "decrypt"]], ["importKey", "jwk", jwk, { name }, true, ["encrypt", "decrypt"]]];
        const program = [...head, ...sealing, ["exportKey", "raw", ref(1)], ["exportKey", "jwk", ref(0)]];
        const results = await agree(program);
        const opening = sealing.map(([, param], index) => ["decrypt", param, ref(1), results[head.length + index]]);
        const opened = (await agree([...head, ...opening])).slice(head.length);
        opened.forEach((bytes, index) => assert.deepEqual(bytes, sealing[index][3]));
      }
    });
  }

  it("GCM test case 4", async () => {
    const [, sealed] = await values(inQuery, [
      ["importKey", "raw", hex("feffe9928665731c6d6a8f9467308308"), "AES-GCM", false, ["encrypt"]],
      ["encrypt", {
        name: "AES-GCM",
        iv: hex("cafebabefacedbaddecaf888"),
        additionalData: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
      }, ref(0), hex(`d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525
        b16aedf5aa0de657ba637b39`)],
    ]);
    assert.equal(toHex(sealed).slice(-32), "5bc94fbc3221a5db94fae95ae7121a47");
  });

  it("a changed tag, padding or key is OperationError", async () => {
    const [, , gcm, cbc] = await values(inQuery, [
      ["importKey", "raw", plain(16), "AES-GCM", false, ["encrypt"]],
      ["importKey", "raw", plain(16), "AES-CBC", false, ["encrypt"]],
      ["encrypt", { name: "AES-GCM", iv }, ref(0), data],
      ["encrypt", { name: "AES-CBC", iv }, ref(1), data],
    ]);
    const flip = (bytes, at) => buffer(new Uint8Array(bytes).with(at, new Uint8Array(bytes).at(at) ^ 1));
    const outcomes = await inQuery([
      ["importKey", "raw", plain(16), "AES-GCM", false, ["decrypt"]],
      ["importKey", "raw", plain(16), "AES-CBC", false, ["decrypt"]],
      ["decrypt", { name: "AES-GCM", iv }, ref(0), flip(gcm, -1)],
      ["decrypt", { name: "AES-GCM", iv }, ref(0), flip(gcm, 0)],
      ["decrypt", { name: "AES-GCM", iv, additionalData: iv }, ref(0), gcm],
      ["decrypt", { name: "AES-GCM", iv }, ref(0), gcm.slice(0, 15)],
      ["decrypt", { name: "AES-CBC", iv }, ref(1), cbc.slice(0, -16)],
      ["decrypt", { name: "AES-CBC", iv }, ref(1), cbc.slice(1)],
      ["decrypt", { name: "AES-CBC", iv }, ref(1), new ArrayBuffer(0)],
    ]);
    assert.deepEqual(outcomes.slice(2).map(({ error }) => error), Array(7).fill("OperationError"));
  });
});

describe("RSA-OAEP", () => {
  it("keys and messages across", async () => {
    for (const hash of hashes) {
      const algorithm = { name: "RSA-OAEP", hash };
      const generate = ["generateKey", { ...algorithm, modulusLength: 2048, publicExponent: exponent }, true, ["encrypt", "decrypt", "wrapKey", "unwrapKey"]];
      for (const [owner, sender] of [[inAction, inNode], [inNode, inAction]]) {
        const [, pkcs8, privateJwk, spki, publicJwk] = await values(owner, [
          generate,
          ["exportKey", "pkcs8", ref(0, "privateKey")],
          ["exportKey", "jwk", ref(0, "privateKey")],
          ["exportKey", "spki", ref(0, "publicKey")],
          ["exportKey", "jwk", ref(0, "publicKey")],
        ]);
        const labelled = { name: "RSA-OAEP", label: data };
        const [, , sealed, sealedWithLabel, ofNothing] = await values(sender, [
          ["importKey", "spki", spki, algorithm, false, ["encrypt"]],
          ["importKey", "jwk", publicJwk, algorithm, false, ["encrypt", "wrapKey"]],
          ["encrypt", "RSA-OAEP", ref(0), data],
          ["encrypt", labelled, ref(1), data],
          ["encrypt", { name: "RSA-OAEP", label: new ArrayBuffer(0) }, ref(1), new ArrayBuffer(0)],
        ]);
        const opening = [
          ["importKey", "pkcs8", pkcs8, algorithm, false, ["decrypt"]],
          ["importKey", "jwk", privateJwk, algorithm, true, ["decrypt", "unwrapKey"]],
          ["decrypt", "RSA-OAEP", ref(0), sealed],
          ["decrypt", labelled, ref(1), sealedWithLabel],
          ["decrypt", "RSA-OAEP", ref(1), ofNothing],
          ["exportKey", "jwk", ref(1)],
        ];
        const opened = await agree(opening);
        assert.deepEqual(opened.slice(2, 5), [data, data, new ArrayBuffer(0)]);
        const [, wrongLabel, tooLong] = await inQuery([opening[0], ["decrypt", labelled, ref(0), sealed], ["decrypt", "RSA-OAEP", ref(0), sealed.slice(1)]]);
        assert.deepEqual([wrongLabel.error, tooLong.error], ["OperationError", "OperationError"]);
      }
    }
  });
});

describe("derivation", () => {
  const target = [{ name: "AES-CBC", length: 192 }, true, ["encrypt", "decrypt"]];
  for (const hash of hashes) {
    it(`PBKDF2 and HKDF with ${hash}`, async () => {
      const pbkdf2 = (salt, iterations) => ({ name: "PBKDF2", hash, salt, iterations });
      const hkdf = (salt, info) => ({ name: "HKDF", hash, salt, info });
      const empty = new ArrayBuffer(0);
      await agree([
        ...["PBKDF2", "HKDF"].flatMap((name) => [data, empty, plain(300)].map((bytes) => ["importKey", "raw", bytes, name, false, ["deriveBits", "deriveKey"]])),
        ...[0, 1, 2].flatMap((key) => [["deriveBits", pbkdf2(data, 1), ref(key), 8], ["deriveBits", pbkdf2(empty, 1000), ref(key), 1000]]),
        ...[3, 4, 5].flatMap((key) => [["deriveBits", hkdf(data, data), ref(key), 256], ["deriveBits", hkdf(empty, empty), ref(key), 2048]]),
        ["deriveBits", pbkdf2(data, 1), ref(0), 0],
        ["deriveBits", hkdf(data, empty), ref(3), 0],
        ["deriveKey", pbkdf2(data, 10), ref(0), ...target],
        ["deriveKey", hkdf(data, data), ref(3), { name: "HMAC", hash }, true, ["sign"]],
        ["deriveKey", hkdf(data, data), ref(3), { name: "HMAC", hash, length: 256 }, true, ["sign"]],
        ...[20, 21, 22].map((key) => ["exportKey", "raw", ref(key)]),
      ]);
    });
  }

  it("RFC 6070 and RFC 5869", async () => {
    const [, , pbkdf2, hkdf] = await values(inQuery, [
      ["importKey", "raw", utf8("password"), "PBKDF2", false, ["deriveBits"]],
      ["importKey", "raw", hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), "HKDF", false, ["deriveBits"]],
      ["deriveBits", { name: "PBKDF2", hash: "SHA-1", salt: utf8("salt"), iterations: 4096 }, ref(0), 160],
      ["deriveBits", { name: "HKDF", hash: "SHA-256", salt: hex("000102030405060708090a0b0c"), info: hex("f0f1f2f3f4f5f6f7f8f9") }, ref(1), 336],
    ]);
    assert.equal(toHex(pbkdf2), "4b007901b765489abead49d926f721d065a429c1");
    assert.equal(toHex(hkdf), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  });
});

describe("wrapping", () => {
  const wrappers = [
    ["AES-KW", { name: "AES-KW" }],
    ["AES-GCM", { name: "AES-GCM", iv }],
    ["AES-CBC", { name: "AES-CBC", iv }],
    ["AES-CTR", { name: "AES-CTR", counter: iv, length: 64 }],
  ];
  const keys = [
    ["raw", plain(32), "AES-GCM", ["encrypt"]],
    ["raw", plain(64), { name: "HMAC", hash: "SHA-256" }, ["sign"]],
    ["jwk", { kty: "oct", k: "AQIDBAUGBwgBAgMEBQYHCA" }, "AES-CTR", ["decrypt"]],
  ];
  it("what Hull wraps Node unwraps, and the other way round", async () => {
    for (const [wrapper, params] of wrappers) {
      for (const [format, bytes, algorithm, usages] of keys) {
        for (const [from, to] of [[inQuery, inNode], [inNode, inQuery]]) {
          const wrapping = ["importKey", "raw", plain(16), wrapper, false, ["wrapKey", "unwrapKey"]];
          const [, , wrapped, exported] = await values(from, [
            wrapping,
            ["importKey", format, bytes, algorithm, true, usages],
            ["wrapKey", format, ref(1), ref(0), params],
            ["exportKey", format, ref(1)],
          ]);
          const [, key, again, hidden] = await values(to, [
            wrapping,
            ["unwrapKey", format, wrapped, ref(0), params, algorithm, true, usages],
            ["exportKey", format, ref(1)],
            ...(format === "raw" ? [["unwrapKey", format, wrapped, ref(0), params, algorithm, false, usages]] : []),
          ]);
          assert.deepEqual(again, exported);
          assert.equal(key.extractable, true);
          assert.equal(hidden?.extractable ?? false, false);
        }
      }
    }
  });

  it("a private key by AES, and that by RSA-OAEP", async () => {
    const es256 = { name: "ECDSA", namedCurve: "P-256" };
    const results = await values(inAction, [
      ["generateKey", es256, true, ["sign", "verify"]],
      ["generateKey", { name: "AES-GCM", length: 256 }, true, ["wrapKey", "unwrapKey"]],
      ["generateKey", { name: "RSA-OAEP", hash: "SHA-256", modulusLength: 2048, publicExponent: exponent }, false, ["wrapKey", "unwrapKey"]],
      ["wrapKey", "pkcs8", ref(0, "privateKey"), ref(1), { name: "AES-GCM", iv }],
      ["wrapKey", "raw", ref(1), ref(2, "publicKey"), "RSA-OAEP"],
      ["unwrapKey", "raw", ref(4), ref(2, "privateKey"), "RSA-OAEP", "AES-GCM", false, ["unwrapKey"]],
      ["unwrapKey", "pkcs8", ref(3), ref(5), { name: "AES-GCM", iv }, es256, false, ["sign"]],
      ["sign", { name: "ECDSA", hash: "SHA-256" }, ref(6), data],
      ["exportKey", "spki", ref(0, "publicKey")],
    ]);
    const [, verified] = await values(inNode, [
      ["importKey", "spki", results[8], es256, false, ["verify"]],
      ["verify", { name: "ECDSA", hash: "SHA-256" }, ref(0), results[7], data],
    ]);
    assert.equal(verified, true);
  });

  it("RFC 3394 4.1", async () => {
    const [, , wrapped] = await values(inQuery, [
      ["importKey", "raw", hex("000102030405060708090a0b0c0d0e0f"), "AES-KW", false, ["wrapKey"]],
      ["importKey", "raw", hex("00112233445566778899aabbccddeeff"), "AES-CBC", true, ["encrypt"]],
      ["wrapKey", "raw", ref(1), ref(0), "AES-KW"],
    ]);
    assert.equal(toHex(wrapped), "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
  });
});
