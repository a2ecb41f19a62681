// An identity provider for tests: its public key is in the auth config as a data: URL, so nothing is fetched.
import { exportJWK, generateKeyPair, SignJWT } from "jose";

const KEY_ID = "test-key";

export class Issuer {
  issuer = "https://issuer.test";
  audience = "hull-tests";

  static async create() {
    const issuer = new Issuer();
    issuer.keys = await generateKeyPair("ES256");
    return issuer;
  }

  /** The text of an auth.config.ts that accepts this issuer's tokens. */
  async authConfig() {
    const jwk = { ...(await exportJWK(this.keys.publicKey)), kid: KEY_ID, alg: "ES256", use: "sig" };
    const jwks = `data:application/json;base64,${Buffer.from(JSON.stringify({ keys: [jwk] })).toString("base64")}`;
    const provider = { type: "customJwt", issuer: this.issuer, applicationID: this.audience, algorithm: "ES256", jwks };
    return `export default ${JSON.stringify({ providers: [provider] })};\n`;
  }

  /** A token for `subject`; `key` signs it instead of the issuer's own. */
  async token(subject, { seconds = 3600, key = this.keys.privateKey, claims = {} } = {}) {
    const now = Math.floor(Date.now() / 1000);
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: KEY_ID, typ: "JWT" })
      .setIssuer(this.issuer)
      .setAudience(this.audience)
      .setSubject(subject)
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .setJti(crypto.randomUUID())
      .sign(key);
  }
}
