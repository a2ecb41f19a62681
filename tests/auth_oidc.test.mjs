// Issuers of other people: rotation of keys, cache headers, slow, failing and redirecting issuers, changes of the configuration.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { App } from "./lib/cli.mjs";
import { Issuer } from "./lib/issuer.mjs";
import { HullServer, ROOT } from "./lib/server.mjs";

const PUSH = ["dev", "--once", "--tail-logs", "disable", "--typecheck", "disable"];
const DISCOVERY = "/.well-known/openid-configuration";
let server, app, issuers;
const names = ["calm", "rotating", "eddsa", "slow", "failing", "redirecting", "custom"];
const asUser = (token, path = "users:whoami") => server.call("query", path, {}, { headers: { Authorization: `Bearer ${token}` } });
const subject = async (token) => (await asUser(token)).value?.subject;

before(async () => {
  server = await HullServer.start();
  app = new App(join(ROOT, "tests/apps/auth"), server);
  issuers = {};
  for (const name of names) issuers[name] = await Issuer.start(name === "eddsa" ? "EdDSA" : "RS256");
});
after(async () => {
  app?.remove();
  await server?.stop();
  await Promise.all(Object.values(issuers ?? {}).map((issuer) => issuer.stop()));
});
const configured = () => [
  ...names.filter((name) => name !== "custom").map((name) => ({ domain: issuers[name].url, applicationID: "app" })),
  { type: "customJwt", issuer: issuers.custom.url, jwks: `${issuers.custom.url}/jwks`, algorithm: "RS256" },
];

describe("the configuration", () => {
  it("needs its environment variables, with the text the CLI knows", async () => {
    const pushed = await app.run(PUSH);
    assert.notEqual(pushed.code, 0);
    assert.match(pushed.all, /Environment variable PROVIDERS is used in auth config file but its value was not set/);
  });

  it("is evaluated again when one changes, and refuses a change that breaks it", async () => {
    await server.setEnv({ PROVIDERS: "[]" });
    await app.push();
    assert.equal((await asUser(await issuers.calm.token())).code, "NoAuthProvider");
    await server.setEnv({ PROVIDERS: JSON.stringify(configured()) });
    assert.equal(await subject(await issuers.calm.token()), "u");
    const broken = await app.run(["env", "set", "PROVIDERS", '[{"domain":"nodots","applicationID":"x"}]']);
    assert.notEqual(broken.code, 0);
    assert.match(broken.all, /This change would make the auth config invalid: .*Invalid provider domain URL "nodots"/);
    assert.equal(await subject(await issuers.calm.token()), "u");
  });
});

describe("issuers", () => {
  it("are asked once, however many come", async () => {
    const { calm } = issuers;
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, i) => calm.token({ sub: `user ${i}` })));
    const subjects = await Promise.all(tokens.map(subject));
    assert.deepEqual(subjects, tokens.map((_, i) => `user ${i}`));
    assert.deepEqual(calm.requests.map(({ path }) => path), [DISCOVERY, "/jwks"]);
    assert.equal(calm.requests[0].headers["user-agent"], "Convex/1.0");
    assert.equal(calm.requests[0].headers.accept, "application/json");
    assert.equal(calm.requests[0].headers.authorization, undefined);
  });

  it("sign with EdDSA too, and with ES256 only for customJwt", async () => {
    assert.equal(await subject(await issuers.eddsa.token()), "u");
    assert.equal(await subject(await issuers.custom.token()), "u");
  });

  it("rotate their keys without a restart", async () => {
    const { rotating } = issuers;
    const old = await rotating.token({ sub: "old" });
    assert.equal(await subject(old), "old");
    await rotating.rotate({ keep: true });
    assert.equal(await subject(await rotating.token({ sub: "new" })), "new");
    assert.equal(await subject(old), "old");
    assert.equal(rotating.requests.length, 3, "the key set was fetched once more");
    // Unknown keys do not make the server ask again and again.
    await rotating.rotate();
    for (let i = 0; i < 5; i++) assert.equal((await asUser(await rotating.token({ sub: "third" }))).code, "Unauthenticated");
    assert.equal(rotating.requests.length, 3);
  });

  it("that are slow hold up nobody else", async () => {
    const { slow } = issuers;
    let open;
    slow.gate = new Promise((done) => (open = done));
    let answered = 0;
    const waiting = Array.from({ length: 20 }, async (_, i) => {
      const seen = await subject(await slow.token({ sub: `patient ${i}` }));
      answered++;
      return seen;
    });
    for (let i = 0; i < 5; i++) {
      assert.equal((await server.call("query", "users:anything")).value, "for all");
      assert.equal(await subject(await issuers.calm.token({ sub: `quick ${i}` })), `quick ${i}`);
    }
    assert.equal(answered, 0);
    open();
    assert.deepEqual(await Promise.all(waiting), waiting.map((_, i) => `patient ${i}`));
  });

  it("that fail are reported with their status", async () => {
    const { failing } = issuers;
    const answer = (status, body) => (response) => response.writeHead(status, { "Content-Type": "application/json" }).end(body);
    const failure = async () => {
      const { http, code, message } = await asUser(await failing.token());
      assert.equal(code, "AuthProviderDiscoveryFailed");
      return [http, message];
    };
    const text = `Auth provider discovery of ${failing.url} failed`;
    failing.overrides.set(DISCOVERY, answer(404, "gone"));
    assert.deepEqual(await failure(), [404, `${text}: 404 Not Found gone`]);
    failing.overrides.set(DISCOVERY, answer(500, "oops"));
    assert.deepEqual(await failure(), [400, `${text}: 500 Internal Server Error oops`]);
    failing.overrides.set(DISCOVERY, answer(200, JSON.stringify({ issuer: `${failing.url}/`, jwks_uri: `${failing.url}/jwks` })));
    assert.deepEqual(await failure(), [400, text]);
    failing.overrides.set(DISCOVERY, (response) => response.destroy());
    assert.deepEqual(await failure(), [400, text]);
    assert.match(server.logText(), new RegExp(`Discovery of the auth provider ${failing.url} failed: error sending request`));
    failing.overrides.clear();
    assert.equal(await subject(await failing.token()), "u", "it recovers at once");
  });

  it("may redirect", async () => {
    const { redirecting } = issuers;
    redirecting.overrides.set(DISCOVERY, (response) => response.writeHead(302, { Location: "/elsewhere" }).end());
    redirecting.overrides.set("/elsewhere", (response) =>
      response.writeHead(200).end(JSON.stringify({ issuer: redirecting.url, jwks_uri: `${redirecting.url}/jwks` })));
    assert.equal(await subject(await redirecting.token()), "u");
    assert.deepEqual(redirecting.requests.map(({ path }) => path), [DISCOVERY, "/elsewhere", "/jwks"]);
  });

  it("customJwt needs a content type", async () => {
    const { custom } = issuers;
    custom.overrides.set("/other", (response) => response.writeHead(200, { "Content-Type": "text/html" }).end("{}"));
    const moved = { type: "customJwt", issuer: custom.url, jwks: `${custom.url}/other`, algorithm: "RS256" };
    await server.setEnv({ PROVIDERS: JSON.stringify([moved]) });
    const { http, message } = await asUser(await custom.token());
    assert.deepEqual([http, message], [401,
      `Invalid Content-Type 'text/html' when fetching JWKS from '${custom.url}/other'. Expected 'application/json' or 'application/jwk-set+json'.`]);
  });
});
