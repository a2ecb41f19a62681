// User tokens with the real clients: own-site issuer, customJwt, identities in every kind of function, live sessions, admins who act as users.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { App } from "./lib/cli.mjs";
import { SigningKey } from "./lib/issuer.mjs";
import { HullServer, ROOT, sleep } from "./lib/server.mjs";

let server, app, own, custom;
const CUSTOM = "https://custom.dev";
const site = (path, headers = {}) => fetch(server.siteUrl + path, { headers });
const ownToken = (claims = {}, options) => own.token({ iss: server.siteUrl, aud: "convex", sub: "user|session", ...claims }, options);
const customToken = (claims = {}, options) => custom.token({ iss: CUSTOM, aud: "app", sub: "c", ...claims }, options);
const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` } });
async function eventually(check, what, timeout = 10_000) {
  for (const end = Date.now() + timeout; ; await sleep(20)) {
    const seen = await check();
    if (seen) return seen;
    assert.ok(Date.now() < end, what);
  }
}

before(async () => {
  // Few actions at a time, so that it shows when verifying a token waits for them.
  server = await HullServer.start({ env: { APPLICATION_MAX_CONCURRENT_V8_ACTIONS: "2" } });
  app = new App(join(ROOT, "tests/apps/auth"), server);
  own = await SigningKey.make("RS256", null);
  custom = await SigningKey.make("ES256");
  const providers = [{ type: "customJwt", issuer: CUSTOM, jwks: custom.dataUrl, algorithm: "ES256", applicationID: "app" }];
  await server.setEnv({ JWKS: JSON.stringify(own.jwks), PROVIDERS: JSON.stringify(providers) });
  await app.push();
});
after(async () => {
  app?.remove();
  await server?.stop();
});

describe("the deployment as its own issuer", () => {
  it("verifies tokens while all actions wait for that", { timeout: 20_000 }, async () => {
    const token = await ownToken();
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 6 }, () => site("/ask-myself", { "X-Token": `Bearer ${token}` })));
    for (const answer of answers) assert.equal((await answer.json()).value.subject, "user|session");
    assert.ok(performance.now() - began < 8000, "nobody waited for a timeout");
    const { entries } = await (await server.get("/api/stream_function_logs?cursor=0", { key: true })).json();
    const discoveries = entries.flatMap((entry) => entry.logLines ?? []).filter((line) => JSON.stringify(line).includes("discovery with"));
    assert.equal(discoveries.length, 1, "all share one discovery");
    assert.match(JSON.stringify(discoveries[0]), /discovery with' null/);
  });

  it("tells queries, mutations, actions and HTTP actions who calls", async () => {
    const token = await ownToken({ email: "a@b.c", email_verified: true, nested: { deep: [1] }, tokenIdentifier: "forged" });
    const client = new ConvexHttpClient(server.url, { auth: token });
    const user = {
      tokenIdentifier: `${server.siteUrl}|user|session`, issuer: server.siteUrl, subject: "user|session",
      email: "a@b.c", emailVerified: true, nested: { deep: [1] },
    };
    assert.deepEqual(await client.query(api.users.whoami), user);
    assert.equal(await client.mutation(api.users.addNote, { text: "one" }), "user|session");
    assert.deepEqual(await client.query(api.users.myNotes), ["one"]);
    assert.deepEqual(await client.action(api.users.relay, {}), ["user|session", "user|session", "user|session", token, token]);
    assert.deepEqual(await client.action(api.node.relay), ["user|session", "user|session", token]);
    assert.deepEqual((await (await site("/whoami", { Authorization: `bearer ${token}` })).json()).user, user);
    client.clearAuth();
    assert.equal(await client.query(api.users.whoami), null);
    assert.equal(await client.mutation(api.users.metadata), null);
    assert.equal(await client.query(api.users.myNotes), null);
  });

  it("refuses tokens with the status and text that say why", async () => {
    const refused = async (token) => {
      const answer = await server.call("query", "users:anything", {}, bearer(token));
      return [answer.http, answer.code, answer.message];
    };
    assert.deepEqual(await refused(await ownToken({}, { expires: -1 })), [401, "Unauthenticated",
      "Could not verify OIDC token claim. Check that the token signature is valid and the token hasn't expired."]);
    assert.equal((await refused(await (await SigningKey.make("RS256", null)).token({ iss: server.siteUrl, aud: "convex", sub: "x" })))[1], "Unauthenticated");
    assert.deepEqual(await refused(await ownToken({ aud: "other" })), [401, "NoAuthProvider",
      "No auth provider found matching the given token. Check that your JWT's issuer and audience match one of your configured providers: " +
      `[OIDC(domain=${server.siteUrl}, app_id=convex), CustomJWT(issuer=${CUSTOM}, app_id=app)]`]);
    assert.equal((await refused("nonsense"))[1], "InvalidAuthHeader");
    const slash = await refused(await ownToken({ iss: `${server.siteUrl}/` }));
    assert.deepEqual(slash, [400, "AuthProviderDiscoveryFailed", `Auth provider discovery of ${server.siteUrl}/ failed`]);
  });
});

describe("customJwt", () => {
  it("shows claims under their raw names, objects flattened", async () => {
    const user = (await server.call("query", "users:whoami", {}, bearer(await customToken({ email: "e", properties: { id: "1" }, list: ["x"] })))).value;
    assert.deepEqual(user, { tokenIdentifier: `${CUSTOM}|c`, issuer: CUSTOM, subject: "c", email: "e", "properties.id": "1", list: ["x"] });
  });

  it("refuses expired tokens and unknown keys", async () => {
    const expired = await server.call("query", "users:anything", {}, bearer(await customToken({}, { expires: -10 })));
    assert.deepEqual([expired.http, expired.code, expired.message], [401, "InvalidAuthHeader", "Could not validate token: the token has expired"]);
    const unknown = await server.call("query", "users:anything", {}, bearer(await customToken({}, { header: { kid: "zzz" } })));
    assert.match(unknown.message, /'kid' \(key ID\) header is 'zzz', does this key match any key in the provider's JWKS\?$/);
  });
});

describe("HTTP actions", () => {
  it("run with any Authorization header, and only asking for the user tells", async () => {
    for (const header of ["Basic dTpw", "Bearer third-party", "Convex nonsense", "x", `Bearer ${await ownToken({ aud: "other" })}`]) {
      const seen = await (await site("/whoami", { Authorization: header })).json();
      assert.equal(seen.header, header);
      assert.match(String(seen.user), /^thrown: /);
    }
    assert.equal((await (await site("/whoami")).json()).user, null);
  });
});

describe("admins acting as users", () => {
  const someone = { issuer: "https://x", subject: "Zoë", name: "Zoë", role: "tester" };
  const seen = { ...someone, tokenIdentifier: "https://x|Zoë" };

  it("over HTTP, the CLI and a websocket", async () => {
    const http = new ConvexHttpClient(server.url);
    http.setAdminAuth(server.adminKey, someone);
    assert.deepEqual(await http.query(api.users.whoami), seen);
    assert.equal(await http.function(api.users.secret, undefined, {}), "Zoë");
    assert.equal(await http.mutation(api.users.metadata), null, "the key is no token of a user");
    const cli = await app.run(["run", "users:whoami", "--identity", JSON.stringify(someone)]);
    assert.equal(cli.code, 0, cli.all);
    assert.deepEqual(JSON.parse(cli.stdout), seen);
    const live = new ConvexClient(server.url);
    live.setAdminAuth(server.adminKey, someone);
    try {
      assert.deepEqual(await live.query(api.users.whoami, {}), seen);
      assert.equal(await live.query(api.users.secret, {}), "Zoë");
    } finally {
      await live.close();
    }
  });

  it("with attributes that make no user", async () => {
    const header = `Convex ${server.adminKey}:${Buffer.from('{"name":"x"}').toString("base64")}`;
    const answer = await server.call("query", "users:whoami", {}, { headers: { Authorization: header } });
    assert.deepEqual([answer.http, answer.code, answer.message], [400, "HeaderParseFailure", "Malformed Authorization header."]);
  });
});

describe("live sessions", () => {
  // A client with a list of tokens to use, one after another; the last one stays.
  async function signedIn(tokens, use) {
    const client = new ConvexClient(server.url, { unsavedChangesWarning: false });
    const session = { client, fetched: [], states: [], values: [] };
    client.setAuth(
      async ({ forceRefreshToken }) => {
        session.fetched.push(forceRefreshToken);
        const next = tokens.length > 1 ? tokens.shift() : tokens[0];
        return typeof next === "function" ? await next() : next;
      },
      (isAuthenticated) => session.states.push(isAuthenticated),
    );
    client.onUpdate(api.users.whoami, {}, (user) => session.values.push(user?.subject ?? null));
    try {
      await use(session);
    } finally {
      await client.close();
    }
  }

  it("confirm a token, refresh it, and change the user", async () => {
    await signedIn([await ownToken({ sub: "a" }), await ownToken({ sub: "a", jti: "2" })], async (session) => {
      await eventually(() => session.values.at(-1) === "a" && session.states.at(-1) === true, "signed in");
      await eventually(() => session.fetched.length >= 2, "refreshed");
      assert.equal(await session.client.mutation(api.users.addNote, { text: "mine" }), "a");
      assert.deepEqual(await session.client.query(api.users.myNotes, {}), ["mine"]);
      session.client.setAuth(async () => await customToken({ sub: "b" }));
      await eventually(() => session.values.at(-1) === "b", "the query runs again for the other user");
      assert.deepEqual(await session.client.query(api.users.myNotes, {}), []);
    });
  });

  it("a token that expires is replaced at the next activity, by AuthError and reconnecting", async () => {
    // Without `iat` the client cannot know when to refresh.
    const shortLived = () => customToken({ sub: "short", iat: undefined }, { expires: 3 });
    await signedIn([shortLived, shortLived, () => customToken({ sub: "short", iat: undefined })], async (session) => {
      await eventually(() => session.values.at(-1) === "short", "signed in");
      const reconnects = () => session.client.client.connectionState().connectionCount;
      const before = reconnects();
      await sleep(3500);
      assert.equal(reconnects(), before, "an idle socket stays");
      assert.equal(await session.client.mutation(api.users.addNote, { text: "late" }), "short");
      assert.ok(reconnects() > before, "it was closed for the mutation");
      assert.equal(session.fetched.at(-1), true);
      assert.notEqual(session.states.at(-1), false);
    });
  });

  it("give up on tokens that are refused, and go on anonymously", async () => {
    const errors = [];
    const logged = console.error;
    console.error = (...parts) => errors.push(parts.join(" "));
    try {
      await signedIn([await ownToken({ aud: "other" })], async (session) => {
        await eventually(() => session.states.includes(false), "told that it is not signed in");
        assert.equal(await session.client.query(api.users.anything, {}), "for all");
        await eventually(() => session.values.at(-1) === null, "anonymous");
      });
    } finally {
      console.error = logged;
    }
  });
});

describe("the server log", () => {
  it("says why an admin key was refused, and never shows credentials", async () => {
    const [name, secret] = server.adminKey.split("|");
    const flipped = secret.slice(0, -1) + (secret.endsWith("0") ? "1" : "0");
    for (const key of [`other|${secret}`, `${name}|${flipped}`, "nonsense"]) {
      const answer = await server.get("/api/check_admin_key", { headers: { Authorization: `Convex ${key}` } });
      assert.deepEqual([answer.status, (await answer.json()).code], [401, "BadAdminKey"]);
    }
    const log = server.logText();
    for (const why of [`the name "other" is not this instance's, "${name}"`, "wrong secret", "undecodable"]) {
      assert.ok(log.includes(`BadAdminKey: ${why}`), why);
    }
    assert.ok(!log.includes(secret) && !log.includes("eyJ"), "no key and no token");
  });
});
