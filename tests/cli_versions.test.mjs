// Published versions of npm `convex`, unmodified: each pushes an app with its own CLI and calls it with its own clients.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { App } from "./lib/cli.mjs";
import { VERSIONS, install } from "./lib/convex_versions.mjs";
import { HullServer, ROOT, until } from "./lib/server.mjs";
import { write } from "./lib/source.mjs";

const SOURCE = join(ROOT, "tests/apps/versions");
const PUSH = ["dev", "--once", "--typecheck", "disable", "--tail-logs", "disable"];

let modules;
before(async () => {
  modules = new Map(await Promise.all(VERSIONS.map(async (version) => [version, await install(version)])));
});

describe("published versions", { concurrency: 2 }, () => {
  for (const version of VERSIONS) {
    describe(`convex ${version}`, { concurrency: false }, () => {
      let server;
      let app;
      let browser;
      before(async () => {
        server = await HullServer.start();
        app = new App(SOURCE, server, modules.get(version));
        browser = createRequire(join(app.dir, "package.json"))("convex/browser");
        assert.equal(createRequire(join(app.dir, "package.json"))("convex/package.json").version, version);
      });
      after(async () => {
        app?.remove();
        await server?.stop();
      });
      const ok = async (args, options) => {
        const result = await app.run(args, options);
        assert.equal(result.code, 0, `convex ${args.join(" ")}:\n${result.all}`);
        return result;
      };

      it("pushes: schema, index, HTTP actions, crons, auth, Node.js actions", async () => {
        const { all } = await ok(PUSH);
        assert.match(all, /\[\+\] messages\.by_author/);
        assert.match(all, /Convex functions ready!/);
        const providers = { path: "_system/frontend/listAuthProviders", args: {}, format: "json" };
        const { value } = await (await server.post("/api/query", providers, { key: true })).json();
        assert.equal(value.length, 1);
      });

      it("run: mutation, query, action; HTTP action", async () => {
        await ok(["run", "messages:send", '{"body":"a","author":"me"}']);
        assert.deepEqual(JSON.parse((await ok(["run", "messages:list", '{"author":"me"}'])).stdout), ["a"]);
        const digest = createHash("sha256").update("text").digest("hex");
        assert.equal(JSON.parse((await ok(["run", "tools:digest", '{"text":"text"}'])).stdout), digest);
        assert.deepEqual(await (await fetch(`${server.siteUrl}/messages`)).json(), []);
        const { code, all } = await app.run(["run", "messages:gone"]);
        assert.equal(code, 1, all);
        assert.match(all, /Could not find function for 'messages:gone'[\s\S]*messages:list/);
      });

      it("its clients: live queries, mutations, actions, HTTP", async () => {
        const client = new browser.ConvexClient(server.url, { logger: false });
        try {
          const seen = [];
          client.onUpdate("messages:list", { author: "client" }, (value) => seen.push(value.length));
          await until(() => seen.length > 0);
          await client.mutation("messages:send", { body: "c", author: "client" });
          await until(() => seen.at(-1) === 1);
          assert.deepEqual(await client.action("messages:relay", { body: "d" }), ["d"]);
          await until(() => seen.at(-1) === 0);
        } finally {
          await client.close();
        }
        const http = new browser.ConvexHttpClient(server.url, { logger: false });
        await http.mutation("messages:send", { body: "e" });
        assert.deepEqual(await http.query("messages:list", {}), ["d", "e"]);
        assert.deepEqual(await http.action("messages:relay", { body: "f" }), ["f"]);
      });

      it("env, data, logs", async () => {
        await ok(["env", "set", "SETTING", "on"]);
        assert.match((await ok(["env", "list"])).stdout, /SETTING/);
        assert.equal((await server.call("query", "messages:setting")).value, "on");
        assert.match((await ok(["data", "messages"])).stdout, /"f"/);
        const logs = app.follow(["logs", "--history", "100", "--success"]);
        try {
          await logs.seen(/\[CONVEX M\(messages:send\)\] \[LOG\] 'sending' 'f'/);
          await logs.seen(/\[CONVEX A\(tools:digest\)\] Function executed in \d+ ms/);
        } finally {
          await logs.stop();
        }
      });

      it("deploy; a push that is refused", async () => {
        write(app, { "late.ts": 'import { query } from "./_generated/server";\nexport default query(async () => "late");\n' });
        assert.match((await ok(["deploy", "-y", "--typecheck", "disable"])).all, /Deployed Convex functions to/);
        assert.equal((await server.call("query", "late")).value, "late");
        write(app, { "late.ts": 'export {};\nthrow new Error("no");\n' });
        const { code, all } = await app.run(PUSH);
        assert.equal(code, 1, all);
        assert.match(all, /Failed to analyze late\.js: Uncaught Error: no\n    at \.\.\/convex\/late\.ts:2:7/);
        assert.equal((await server.call("query", "late")).value, "late");
      });
    });
  }
});

describe("one deployment, pushed to by the oldest, the newest and the oldest version", () => {
  it("keeps its data, and calls go on", async () => {
    const server = await HullServer.start();
    const apps = [];
    try {
      for (const [n, version] of [VERSIONS[0], VERSIONS.at(-1), VERSIONS[0]].entries()) {
        const app = new App(SOURCE, server, modules.get(version));
        apps.push(app);
        await app.push(PUSH);
        assert.equal((await server.call("mutation", "messages:send", { body: `${n}` })).status, "success");
        assert.deepEqual((await server.call("query", "messages:list", {})).value, Array.from({ length: n + 1 }, (_, i) => `${i}`));
        assert.equal((await server.call("action", "tools:digest", { text: "a" })).status, "success");
      }
    } finally {
      for (const app of apps) app.remove();
      await server.stop();
    }
  });
});
