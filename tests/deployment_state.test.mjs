// Pausing and canonical URLs: what functions, live queries and a restart make of them.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { ConvexClient } from "convex/browser";
import WebSocket from "ws";
import { useApp } from "./lib/fixture.mjs";
import { sleep } from "./lib/server.mjs";

const hull = useApp("tests/apps/http", { push: false });
const pausedText = /Cannot run functions while this deployment is paused\. Resume the deployment in the dashboard settings to allow functions to run\./;

async function api(path, body) {
  const response = await hull.server.post(path, body ?? {}, { key: true });
  const text = await response.text();
  return { status: response.status, text, ...(text ? JSON.parse(text) : {}) };
}
const system = async (path) => (await hull.server.call("query", path, {}, { key: true })).value;

async function until(what, condition) {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await sleep(20);
  }
  assert.fail(`not seen: ${what()}`);
}

/** Everything a live query delivers, errors as their text. */
function live(path) {
  const client = new ConvexClient(hull.server.url, { webSocketConstructor: WebSocket });
  const seen = [];
  client.onUpdate(
    path,
    {},
    (value) => seen.push(value),
    (error) => seen.push(error.message),
  );
  return { seen, close: () => client.close() };
}

describe("deployment", () => {
  before(async () => {
    const write = (name, text) => writeFileSync(join(hull.app.dir, "convex", name), text);
    write("auth.config.ts", 'export default { providers: [{ domain: process.env.CONVEX_SITE_URL!, applicationID: "app" }] };\n');
    write(
      "urls.ts",
      'import { query } from "./_generated/server";\nexport const get = query({ args: {}, handler: async () => [process.env.CONVEX_CLOUD_URL, process.env.CONVEX_SITE_URL] });\n',
    );
    await hull.app.push();
  });

  describe("pause", () => {
    it("stops functions, not the administration, and resuming reruns live queries", async () => {
      const query = live("urls:get");
      try {
        await until(() => "a first value", () => query.seen.length === 1);
        assert.deepEqual(await api("/api/v1/pause_deployment"), { status: 200, text: "" });
        assert.deepEqual(await api("/api/v1/pause_deployment"), { status: 200, text: "" });
        await until(() => "the pause", () => pausedText.test(query.seen.at(-1)));
        for (const kind of ["query", "mutation", "action", "function"]) {
          const result = await hull.server.call(kind, "urls:get", {}, { key: true });
          assert.equal(result.http, 200);
          assert.match(result.errorMessage, pausedText);
        }
        const action = await fetch(`${hull.server.siteUrl}/files/exact`);
        assert.equal(action.status, 500);
        assert.match((await action.json()).code, pausedText);
        assert.deepEqual(await system("_system/frontend/deploymentState:deploymentState"), { state: "paused" });
        assert.deepEqual(await system("_system/frontend/backendState:backendState"), { system: "none", usage_limit: "none", user: "paused" });
        assert.equal((await api("/api/update_environment_variables", { changes: [] })).status, 200);

        await hull.server.kill("SIGTERM");
        await hull.server.launch();
        assert.match((await hull.server.call("query", "urls:get")).errorMessage, pausedText);

        const before = query.seen.length;
        assert.equal((await api("/api/v1/unpause_deployment")).status, 200);
        await until(() => "a value after the pause", () => query.seen.length > before && Array.isArray(query.seen.at(-1)));
        const again = await api("/api/v1/unpause_deployment");
        assert.deepEqual([again.status, again.code, again.message], [400, "UnpauseDeploymentFailed", "Deployment is not currently paused."]);
        assert.equal(await (await fetch(`${hull.server.siteUrl}/files/exact`)).text(), "exact");
      } finally {
        await query.close();
      }
    });
    it("needs an admin key", async () => {
      assert.equal((await hull.server.post("/api/v1/pause_deployment", {})).status, 403);
    });
  });

  describe("canonical URLs", () => {
    it("reach functions, live queries, the auth config and the CLI, and outlive a restart", async () => {
      const query = live("urls:get");
      const urls = async () => await (await hull.server.get("/api/v1/get_canonical_urls", { key: true })).json();
      const providers = async () => (await system("_system/frontend/listAuthProviders:default")).map((provider) => provider.domain);
      try {
        await until(() => "a first value", () => query.seen.length === 1);
        assert.deepEqual(query.seen, [[hull.server.url, hull.server.siteUrl]]);
        assert.deepEqual(await providers(), [hull.server.siteUrl]);
        const set = (requestDestination, url) => api("/api/v1/update_canonical_url", { requestDestination, url });
        assert.equal((await set("convexSite", "https://site.example.com/http")).status, 200);
        await until(() => "the new URL", () => query.seen.at(-1)[1] === "https://site.example.com/http");
        assert.deepEqual(await providers(), ["https://site.example.com/http"]);
        assert.equal((await set("convexCloud", "https://api.example.com")).status, 200);
        const changed = { convexCloudUrl: "https://api.example.com", convexSiteUrl: "https://site.example.com/http" };
        assert.deepEqual(await urls(), changed);
        assert.equal(await system("_system/cli/convexUrl:cloudUrl"), changed.convexCloudUrl);

        await hull.server.kill("SIGTERM");
        await hull.server.launch();
        assert.deepEqual(await urls(), changed);
        assert.deepEqual((await hull.server.call("query", "urls:get")).value, Object.values(changed));
        await hull.app.push();
        assert.deepEqual(await providers(), ["https://site.example.com/http"]);

        assert.equal((await api("/api/update_canonical_url", { requestDestination: "convexCloud" })).status, 200);
        assert.equal((await set("convexSite", null)).status, 200);
        assert.deepEqual(await urls(), { convexCloudUrl: hull.server.url, convexSiteUrl: hull.server.siteUrl });
        await until(() => "the old URLs", () => query.seen.at(-1)?.[1] === hull.server.siteUrl && query.seen.at(-1)[0] === hull.server.url);
        assert.deepEqual(await providers(), [hull.server.siteUrl]);
      } finally {
        await query.close();
      }
    });
    it("that cannot be one are refused", async () => {
      for (const [body, code] of [
        [{ requestDestination: "convexSite", url: "example.com" }, "InvalidCanonicalUrl"],
        [{ requestDestination: "convexSite", url: "https:///x" }, "InvalidCanonicalUrl"],
        [{ requestDestination: "elsewhere", url: "https://a" }, "InvalidRequestDestination"],
        [{ url: "https://a" }, "BadJsonBody"],
      ]) {
        const refused = await api("/api/update_canonical_url", body);
        assert.deepEqual([refused.status, refused.code], [400, code]);
      }
    });
  });
});
