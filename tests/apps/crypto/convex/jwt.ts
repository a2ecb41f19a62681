// npm jose in functions, the way auth libraries use it.
import { v } from "convex/values";
import * as jose from "jose";
import { action, mutation } from "./_generated/server";

const claims = { sub: "user|session", role: "tester" };

async function sign(alg: string, key: jose.CryptoKey | Uint8Array): Promise<string> {
  return await new jose.SignJWT(claims)
    .setProtectedHeader({ alg })
    .setIssuedAt()
    .setIssuer("https://issuer.example")
    .setAudience("convex")
    .setExpirationTime("1h")
    .sign(key);
}

const importers = {
  pkcs8: (key: string, alg: string) => jose.importPKCS8(key, alg),
  secret: async (key: string) => new TextEncoder().encode(key),
};
const signing = { alg: v.string(), form: v.union(v.literal("pkcs8"), v.literal("secret")), key: v.string() };

export const signInMutation = mutation({
  args: signing,
  handler: async (_ctx, { alg, form, key }) => await sign(alg, await importers[form](key, alg)),
});
export const signInAction = action({
  args: signing,
  handler: async (_ctx, { alg, form, key }) => await sign(alg, await importers[form](key, alg)),
});

export const verify = mutation({
  args: { alg: v.string(), form: v.union(v.literal("jwk"), v.literal("secret"), v.literal("spki")), key: v.any(), token: v.string() },
  handler: async (_ctx, { alg, form, key, token }) => {
    const imported =
      form === "jwk" ? await jose.importJWK(key, alg) : form === "spki" ? await jose.importSPKI(key, alg) : new TextEncoder().encode(key);
    const { payload } = await jose.jwtVerify(token, imported, { issuer: "https://issuer.example", audience: "convex", algorithms: [alg] });
    return { sub: payload.sub, role: payload.role };
  },
});

export const encrypt = action({
  args: { alg: v.string(), key: v.any() },
  handler: async (_ctx, { alg, key }) =>
    await new jose.EncryptJWT(claims).setProtectedHeader({ alg, enc: "A256GCM" }).encrypt(await jose.importJWK(key, alg)),
});
export const decrypt = mutation({
  args: { alg: v.string(), key: v.any(), token: v.string() },
  handler: async (_ctx, { alg, key, token }) => {
    const { payload } = await jose.jwtDecrypt(token, await jose.importJWK(key, alg));
    return { sub: payload.sub, role: payload.role };
  },
});

// Keys made, published and used within a function.
export const keyPair = action({
  args: { alg: v.string() },
  handler: async (_ctx, { alg }) => {
    const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
    const jwk = await jose.exportJWK(publicKey);
    const keys = jose.createLocalJWKSet({ keys: [{ ...jwk, kid: await jose.calculateJwkThumbprint(jwk), alg, use: "sig" }] });
    const token = await sign(alg, privateKey);
    const { payload } = await jose.jwtVerify(token, keys, { issuer: "https://issuer.example" });
    return { sub: payload.sub, pkcs8: await jose.exportPKCS8(privateKey), spki: await jose.exportSPKI(publicKey), token };
  },
});
