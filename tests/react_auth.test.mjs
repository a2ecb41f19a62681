// useConvexAuth and ConvexProviderWithAuth in Chromium, and tokens of convex/nextjs, against an identity provider of the test's own.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { fetchMutation, fetchQuery, preloadQuery, preloadedQueryResult } from "convex/nextjs";
import { anyApi as api } from "convex/server";
import { FaultyProxy } from "./lib/faulty_proxy.mjs";
import { useApp } from "./lib/fixture.mjs";
import { SigningKey } from "./lib/issuer.mjs";
import { useReactPages } from "./lib/react_page.mjs";
import { sleep, until } from "./lib/server.mjs";

const ISSUER = "https://issuer.test";
const AUDIENCE = "hull-tests";

describe("auth in React", { timeout: 300_000 }, () => {
  const hull = useApp("tests/apps/react", { push: false });
  const pages = useReactPages();
  let key, proxy, page;
  before(async () => {
    key = await SigningKey.make("ES256");
    const provider = { type: "customJwt", issuer: ISSUER, applicationID: AUDIENCE, algorithm: "ES256", jwks: key.dataUrl };
    writeFileSync(join(hull.app.dir, "convex/auth.config.ts"), `export default ${JSON.stringify({ providers: [provider] })};`);
    await hull.app.push();
    proxy = await FaultyProxy.start(hull.server.url);
    proxy.delayMs = 10;
  });
  after(() => proxy.close());
  afterEach(() => page?.close());

  /** A page whose tokens come from `fetchToken(user, forceRefresh)`. */
  async function open(user, fetchToken) {
    const prepare = (target) => target.exposeFunction("fetchToken", fetchToken);
    page = await pages.open("Auth", proxy.url, { parameters: user === null ? {} : { user }, prepare });
    return page;
  }
  const tokenFor = (user, { by = key, ...options } = {}) =>
    by.token({ iss: ISSUER, aud: AUDIENCE, sub: user, jti: crypto.randomUUID() }, options);

  it("who is signed in is never shown as nobody while the page loads", async () => {
    const forced = [];
    await open("ann", (user, force) => (forced.push(force), tokenFor(user)));
    const states = await page.untilEqual("auth", { auth: true, name: "ann" });
    await until(() => forced.includes(true)); // a fresh token takes the place of the cached one
    await sleep(300);
    assert.deepEqual(await page.shown("auth"), states, "a new token of the same person changes nothing");
    for (const { auth, name } of states) assert.ok(auth !== false && name !== "nobody", JSON.stringify(states));
  });

  it("signing in, changing the person, signing out", async () => {
    await open(null, (user) => tokenFor(user));
    await page.untilEqual("auth", { auth: false, name: "nobody" });
    await page.act("setUser", "ann");
    await page.untilEqual("auth", { auth: true, name: "ann" });
    assert.equal(await page.act("sign"), "ann");
    await page.act("setUser", "bob");
    await page.untilEqual("auth", { auth: true, name: "bob" });
    assert.equal(await page.act("sign"), "bob");
    await page.act("setUser", null);
    const states = await page.untilEqual("auth", { auth: false, name: "nobody" });
    const confirmed = states.filter(({ auth }) => auth === true).map(({ name }) => name);
    assert.ok(!confirmed.includes("nobody"), `confirmed, but still nobody: ${JSON.stringify(states)}`);
    assert.equal(await page.act("sign"), "nobody");
  });

  it("a cut: the session goes on with the token, and nobody is signed out meanwhile", async () => {
    await open("ann", (user) => tokenFor(user));
    const states = await page.untilEqual("auth", { auth: true, name: "ann" });
    proxy.each((link) => link.cut());
    assert.equal(await page.act("sign"), "ann");
    assert.deepEqual(await page.shown("auth"), states);
  });

  it("a token that ends while the page is open is replaced when it is needed; the mutation runs once, as the person", async () => {
    let short, end;
    let calls = 0;
    // As providers do that hold on to a token while it is valid.
    await open("late", (user) => {
      calls++;
      end ??= Date.now() + 8000;
      short ??= tokenFor(user, { expires: 8 });
      return Date.now() < end ? short : tokenFor(user);
    });
    await page.untilEqual("auth", { auth: true, name: "late" });
    await sleep(end + 500 - Date.now());
    const callsBefore = calls;
    assert.equal(await page.act("sign"), "late");
    assert.ok(calls > callsBefore, "the server refused the ended token");
    const signed = (await hull.server.call("query", "messages:list", { room: "signed" })).value;
    assert.equal(signed.filter((key) => key === "late").length, 1);
    const states = await page.shown("auth");
    assert.ok(!states.some(({ auth, name }) => auth === false || name === "nobody"), JSON.stringify(states));
  });

  it("tokens of another key are refused: the page goes on as nobody", async () => {
    const other = await SigningKey.make("ES256", key.kid);
    await open("eve", (user) => tokenFor(user, { by: other }));
    const states = await page.untilEqual("auth", { auth: false, name: "nobody" });
    assert.ok(!states.some(({ name }) => name === "eve"));
    assert.equal(await page.act("sign"), "nobody");
  });

  it("convex/nextjs with a token: queries, mutations, preloading; a bad one is refused", async () => {
    const at = { url: hull.server.url, token: await tokenFor("server") };
    assert.equal(await fetchQuery(api.messages.whoAmI, {}, at), "server");
    assert.equal(await fetchMutation(api.messages.signed, { room: "nextjs" }, at), "server");
    assert.equal(preloadedQueryResult(await preloadQuery(api.messages.whoAmI, {}, at)), "server");
    assert.equal(await fetchQuery(api.messages.whoAmI, {}, { url: hull.server.url }), "nobody");
    const late = { ...at, token: await tokenFor("server", { expires: -60 }) };
    await assert.rejects(fetchQuery(api.messages.whoAmI, {}, late), /Could not validate token/);
  });
});
