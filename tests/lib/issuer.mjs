// An issuer of tokens as apps use them: discovery document and key set over HTTP, on loopback. What it answers can be changed while it runs.
import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export class SigningKey {
  /** `kid: null` for a key without id. */
  static async make(alg = "RS256", kid = `key-${Math.random().toString(36).slice(2, 8)}`) {
    const key = new SigningKey();
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), use: "sig", alg, ...(kid === null ? {} : { kid }) };
    return Object.assign(key, { alg, kid, privateKey, jwk });
  }

  get jwks() {
    return { keys: [this.jwk] };
  }
  /** For `jwks` of a customJwt provider. */
  get dataUrl() {
    return `data:text/plain;charset=utf-8;base64,${Buffer.from(JSON.stringify(this.jwks)).toString("base64")}`;
  }

  /** `expires`: seconds from now. */
  async token(claims, { expires = 3600, header = {} } = {}) {
    const now = Math.floor(Date.now() / 1000);
    return await new SignJWT({ iat: now, exp: now + expires, ...claims })
      .setProtectedHeader({ alg: this.alg, ...(this.kid === null ? {} : { kid: this.kid }), ...header })
      .sign(this.privateKey);
  }
}

export class Issuer {
  requests = [];
  /** What is answered instead of the documents: path -> (response) => void. */
  overrides = new Map();
  cacheControl = "max-age=3600";
  /** Answers wait for this promise. */
  gate = Promise.resolve();

  static async start(alg) {
    const issuer = new Issuer();
    issuer.key = await SigningKey.make(alg);
    issuer.keys = [issuer.key.jwk];
    issuer.server = createServer((request, response) => issuer.#answer(request, response));
    await new Promise((done) => issuer.server.listen(0, "127.0.0.1", done));
    issuer.url = `http://127.0.0.1:${issuer.server.address().port}`;
    return issuer;
  }

  /** The next key signs; the former one counts on only with `keep`. */
  async rotate({ keep = false } = {}) {
    this.key = await SigningKey.make(this.key.alg);
    this.keys = keep ? [...this.keys, this.key.jwk] : [this.key.jwk];
  }

  async token(claims = {}, options) {
    return await this.key.token({ iss: this.url, aud: "app", sub: "u", ...claims }, options);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  async #answer(request, response) {
    this.requests.push({ path: request.url, headers: request.headers });
    await this.gate;
    const override = this.overrides.get(request.url);
    if (override) return override(response);
    const documents = {
      "/.well-known/openid-configuration": { issuer: this.url, jwks_uri: `${this.url}/jwks` },
      "/jwks": { keys: this.keys },
    };
    const document = documents[request.url];
    response.writeHead(document ? 200 : 404, { "Content-Type": "application/json", "Cache-Control": this.cacheControl });
    response.end(JSON.stringify(document ?? { error: "not found" }));
  }
}
