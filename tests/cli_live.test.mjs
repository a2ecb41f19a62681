// `npx convex deploy` of large apps and of the examples while clients are connected: no call fails, and live queries go on.
// HULL_LIVE_CLIENTS, HULL_LIVE_MODULES and HULL_LIVE_BYTES (of TypeScript per module) make it larger.
import assert from "node:assert/strict";
import { exportJWK, exportPKCS8, generateKeyPair } from "jose";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { anyApi as api } from "convex/server";
import { declarations } from "./lib/big_app.mjs";
import { App } from "./lib/cli.mjs";
import { underLoad } from "./lib/live_load.mjs";
import { HullServer, ROOT } from "./lib/server.mjs";
import { write } from "./lib/source.mjs";

const CLIENTS = Number(process.env.HULL_LIVE_CLIENTS ?? 20);
const MODULES = Number(process.env.HULL_LIVE_MODULES ?? 1000);
const BYTES = Number(process.env.HULL_LIVE_BYTES ?? 1000);
const DEPLOY = ["deploy", "-y", "--typecheck", "disable", "--codegen", "disable"];

/** `scenario(server)` gives what the clients do; `changes` are files of one deploy each, `[path, value]` a query and its answer afterwards. */
function redeployed(title, directory, scenario, changes) {
  describe(title, { timeout: 900_000 }, () => {
    let server;
    let app;
    before(async () => {
      server = await HullServer.start();
      app = new App(join(ROOT, directory), server);
    });
    after(async () => {
      app?.remove();
      await server?.stop();
    });
    it("no call fails", async (t) => {
      const calls = await scenario(server, () => app.push());
      const times = [];
      const { errors, written, slowest } = await underLoad({ server, clients: CLIENTS, ...calls }, async (load) => {
        for (const [files, [path, value]] of changes) {
          write(app, files);
          const updates = load.updates();
          const started = performance.now();
          const { code, all } = await app.run(DEPLOY, { timeout: 240_000 });
          times.push(Math.round(performance.now() - started));
          assert.equal(code, 0, all);
          assert.equal((await server.call("query", path)).value, value);
          assert.ok(load.updates() - updates >= CLIENTS, "the clients are sent results during the deploy");
        }
      });
      t.diagnostic(`deploys ${times.join(", ")} ms; ${written} mutations, the slowest ${slowest.toFixed(0)} ms`);
      assert.deepEqual(errors, []);
    });
  });
}

const ping = (version) => `import { queryGeneric as query } from "convex/server";\nexport default query(async () => ${version});\n`;
const modules = (from, to, version) =>
  Object.fromEntries(
    Array.from({ length: to - from }, (_, i) => from + i).map((n) => [`part${n % 10}/m${n}.ts`, `${ping(n + version)}${declarations(BYTES, n + 1)}`]),
  );
const last = MODULES - 1;
const removed = Object.fromEntries(Object.keys(modules(0, MODULES, 0)).map((name) => [name, null]));

redeployed(
  `an app that gets ${MODULES} modules, changes a hundred of them, and loses all`,
  "tests/app",
  async (_server, push) => {
    await push();
    return {
      watch: [api.counters.get, { name: "steady" }],
      newest: (value) => value,
      write: () => [api.counters.bump, { name: "steady" }],
      trace: (n) => n + 1,
    };
  },
  [
    [modules(0, MODULES, 0), [`part${last % 10}/m${last}`, last]],
    [modules(MODULES - 100, MODULES, 5), [`part${last % 10}/m${last}`, last + 5]],
    [{ ...removed, "single.ts": ping(7) }, ["single", 7]],
  ],
);

const twice = [
  [{ "extra.ts": ping(1) }, ["extra", 1]],
  [{ "extra.ts": ping(2) }, ["extra", 2]],
];

redeployed(
  "examples/chat",
  "examples/chat",
  async (server, push) => {
    await push();
    const { value: channel } = await server.call("mutation", "channels:create", { name: "live" });
    return {
      watch: [api.messages.list, { channel, paginationOpts: { numItems: 10, cursor: null, id: 1 } }],
      newest: ({ page }) => page[0]?.body ?? "none",
      write: (n) => [api.messages.send, { channel, author: "w", body: `m${n}` }],
      trace: (n) => `m${n}`,
    };
  },
  twice,
);

redeployed(
  "examples/tasks",
  "examples/tasks",
  async (_server, push) => {
    await push();
    return {
      watch: [api.tasks.open, {}],
      newest: (tasks) => tasks.at(-1)?.text ?? "none",
      write: (n) => [api.tasks.add, { text: `t${n}` }],
      trace: (n) => `t${n}`,
    };
  },
  twice,
);

redeployed(
  "examples/auth",
  "examples/auth",
  async (server, push) => {
    const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
    await server.setEnv({
      JWT_PRIVATE_KEY: (await exportPKCS8(privateKey)).trimEnd().replace(/\n/g, " "),
      JWKS: JSON.stringify({ keys: [{ use: "sig", ...(await exportJWK(publicKey)) }] }),
      SITE_URL: "http://127.0.0.1:5173",
    });
    await push();
    const { value } = await server.call("action", "auth:signIn", { provider: "anonymous" });
    return {
      token: value.tokens.token,
      watch: [api.entries.list, {}],
      newest: (entries) => entries[0]?.text ?? "none",
      write: (n) => [api.entries.add, { text: `e${n}` }],
      trace: (n) => `e${n}`,
    };
  },
  twice,
);
