// convex/nextjs as a server component or a route handler calls it: fetchQuery, fetchMutation, fetchAction, preloadQuery.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { fetchAction, fetchMutation, fetchQuery, preloadedQueryResult, preloadQuery } from "convex/nextjs";
import { anyApi as api } from "convex/server";
import { ConvexError } from "convex/values";
import { useApp } from "./lib/fixture.mjs";

describe("convex/nextjs", () => {
  const hull = useApp("tests/app");
  const warnings = [];
  let at, logged;
  before(() => {
    at = { url: hull.server.url };
    logged = { log: console.log, error: console.error };
    console.log = console.error = (...line) => warnings.push(line.join(" ")); // what the client writes for the functions' logs
  });
  after(() => Object.assign(console, logged));
  afterEach(() => delete process.env.NEXT_PUBLIC_CONVEX_URL);

  it("a mutation, queries that see it, an action", async () => {
    const id = await fetchMutation(api.notes.add, { text: "server side", rank: 7 }, at);
    assert.equal((await fetchQuery(api.notes.get, { id }, at)).text, "server side");
    assert.equal((await fetchQuery(api.notes.list, {}, at)).length, 1);
    assert.equal(await fetchAction(api.actions.nested, {}, at), "outer inner");
    assert.ok(warnings.some((line) => line.includes("adding") && line.includes("server side")), "log lines of the function are passed on");
  });

  it("the deployment's URL comes from the environment unless it is given", async () => {
    await assert.rejects(fetchQuery(api.counters.get, { name: "n" }), /NEXT_PUBLIC_CONVEX_URL is not set/);
    process.env.NEXT_PUBLIC_CONVEX_URL = hull.server.url;
    assert.equal(await fetchMutation(api.counters.bump, { name: "env" }), 1);
    assert.equal(await fetchQuery(api.counters.get, { name: "env" }), 1);
    await assert.rejects(fetchQuery(api.counters.get, { name: "env" }, { url: hull.server.siteUrl }));
  });

  it("every value survives", async () => {
    const value = { big: 2n ** 62n, float: -0, none: null, bytes: new Uint8Array([0, 255]).buffer, list: [NaN, "\u2603"] };
    const result = await fetchQuery(api.facts.echo, { value }, at);
    assert.deepEqual(result, value);
    assert.ok(Object.is(result.float, -0));
  });

  it("a preloaded query holds its result and is read back without a call", async () => {
    await fetchMutation(api.counters.bump, { name: "preloaded" }, at);
    const preloaded = await preloadQuery(api.counters.get, { name: "preloaded" }, at);
    await fetchMutation(api.counters.bump, { name: "preloaded" }, at);
    assert.equal(preloadedQueryResult(preloaded), 1);
    // It goes to the browser as a prop, that is, as JSON.
    assert.equal(preloadedQueryResult(JSON.parse(JSON.stringify(preloaded))), 1);
    assert.deepEqual(preloaded, { _name: "counters:get", _argsJSON: { name: "preloaded" }, _valueJSON: 1 });
    assert.deepEqual(preloadedQueryResult(await preloadQuery(api.facts.echo, { value: 5n }, at)), 5n);
  });

  it("errors: of the function with its data, of arguments, of a missing function, of the token", async () => {
    await assert.rejects(fetchMutation(api.notes.fail, { data: { why: [1n] } }, at), (error) => {
      assert.ok(error instanceof ConvexError);
      assert.deepEqual(error.data, { why: [1n] });
      return true;
    });
    await assert.rejects(fetchMutation(api.notes.fail, {}, at), (error) => !(error instanceof ConvexError) && /boom/.test(error.message));
    await assert.rejects(fetchAction(api.actions.explode, {}, at), /action boom/);
    await assert.rejects(fetchQuery(api.notes.get, { id: 5 }, at), /ArgumentValidationError/);
    await assert.rejects(preloadQuery(api.notes.nothing, {}, at), /Could not find public function for 'notes:nothing'/);
    await assert.rejects(fetchQuery(api.notes.list, {}, { ...at, token: "not.a.token" }), /InvalidAuthHeader/);
  });

  it("an admin token may call internal functions", async () => {
    await assert.rejects(fetchQuery(api.notes.secret, {}, at), /Could not find public function/);
    assert.equal(await fetchQuery(api.notes.secret, {}, { ...at, adminToken: hull.server.adminKey }), "internal");
    await assert.rejects(fetchQuery(api.notes.secret, {}, { ...at, adminToken: "no|key" }), /BadAdminKey|admin key/);
  });
});
