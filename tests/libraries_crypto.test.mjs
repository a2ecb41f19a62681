// npm jose inside functions pushed with the real CLI, against jose on Node's own crypto.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as jose from "jose";
import { useApp } from "./lib/fixture.mjs";

const hull = useApp("tests/apps/crypto");
const claims = { sub: "user|session", role: "tester" };
const secret = "a shared secret of at least 64 bytes, so that it is long enough for all of HMAC";

async function run(kind, name, args) {
  const result = await hull.server.call(kind, `jwt:${name}`, args);
  assert.equal(result.status, "success", result.errorMessage);
  return result.value;
}

async function signHere(alg, key) {
  return await new jose.SignJWT(claims).setProtectedHeader({ alg }).setIssuer("https://issuer.example").setAudience("convex").sign(key);
}

async function checkToken(token, key, alg) {
  const { payload } = await jose.jwtVerify(token, key, { issuer: "https://issuer.example", audience: "convex", algorithms: [alg] });
  assert.deepEqual({ sub: payload.sub, role: payload.role }, claims);
  assert.equal(payload.exp - payload.iat, 3600);
}

describe("signed tokens", () => {
  // ECDSA and PSS need randomness, which mutations do not have.
  for (const [alg, signer] of [["RS256", "signInMutation"], ["RS512", "signInMutation"], ["EdDSA", "signInMutation"],
    ["ES256", "signInAction"], ["ES384", "signInAction"], ["PS256", "signInAction"]]) {
    it(alg, async () => {
      const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
      const key = await jose.exportPKCS8(privateKey);
      const token = await run(signer === "signInMutation" ? "mutation" : "action", signer, { alg, form: "pkcs8", key });
      await checkToken(token, publicKey, alg);
      const ours = await signHere(alg, privateKey);
      assert.deepEqual(await run("mutation", "verify", { alg, form: "jwk", key: await jose.exportJWK(publicKey), token: ours }), claims);
      assert.deepEqual(await run("mutation", "verify", { alg, form: "spki", key: await jose.exportSPKI(publicKey), token: ours }), claims);
      const [header, payload, signature] = ours.split(".");
      const changed = `${header}.${payload}.${signature.replace(/^./, (first) => (first === "A" ? "B" : "A"))}`;
      const failed = await hull.server.call("mutation", "jwt:verify", { alg, form: "spki", key: await jose.exportSPKI(publicKey), token: changed });
      assert.match(failed.errorMessage, /JWSSignatureVerificationFailed: signature verification failed/);
    });
  }

  for (const alg of ["HS256", "HS512"]) {
    it(alg, async () => {
      const bytes = new TextEncoder().encode(secret);
      await checkToken(await run("mutation", "signInMutation", { alg, form: "secret", key: secret }), bytes, alg);
      assert.deepEqual(await run("mutation", "verify", { alg, form: "secret", key: secret, token: await signHere(alg, bytes) }), claims);
    });
  }

  it("ES256 cannot be signed in a mutation", async () => {
    const { privateKey } = await jose.generateKeyPair("ES256", { extractable: true });
    const args = { alg: "ES256", form: "pkcs8", key: await jose.exportPKCS8(privateKey) };
    const failed = await hull.server.call("mutation", "jwt:signInMutation", args);
    assert.match(failed.errorMessage, /Uncaught Error: Can't use cryptographic randomness in queries and mutations\./);
  });

  for (const alg of ["RS256", "ES256", "EdDSA"]) {
    it(`${alg} with keys made in an action`, async () => {
      const { sub, pkcs8, spki, token } = await run("action", "keyPair", { alg });
      assert.equal(sub, claims.sub);
      await checkToken(token, await jose.importSPKI(spki, alg), alg);
      assert.ok((await jose.importPKCS8(pkcs8, alg)).type === "private");
    });
  }
});

describe("encrypted tokens", () => {
  const symmetric = [["dir", 32], ["A256KW", 32], ["A256GCMKW", 32], ["A128KW", 16]];
  const pairs = ["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"];
  const opened = async (token, key) => {
    const { payload } = await jose.jwtDecrypt(token, key);
    return { sub: payload.sub, role: payload.role };
  };
  const sealHere = async (alg, key) => await new jose.EncryptJWT(claims).setProtectedHeader({ alg, enc: "A256GCM" }).encrypt(key);

  for (const [alg, size] of symmetric) {
    it(`${alg} and A256GCM`, async () => {
      const bytes = crypto.getRandomValues(new Uint8Array(size));
      const key = { kty: "oct", k: Buffer.from(bytes).toString("base64url") };
      assert.deepEqual(await opened(await run("action", "encrypt", { alg, key }), bytes), claims);
      assert.deepEqual(await run("mutation", "decrypt", { alg, key, token: await sealHere(alg, bytes) }), claims);
    });
  }

  for (const alg of pairs) {
    it(`${alg} and A256GCM`, async () => {
      const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
      const [shared, own] = [await jose.exportJWK(publicKey), await jose.exportJWK(privateKey)];
      assert.deepEqual(await opened(await run("action", "encrypt", { alg, key: shared }), privateKey), claims);
      assert.deepEqual(await run("mutation", "decrypt", { alg, key: own, token: await sealHere(alg, publicKey) }), claims);
    });
  }
});
