// Wrong steps of a new user: what is said says what to do next, and nothing is harmed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { useApp } from "./lib/fixture.mjs";
import { freePort } from "./lib/ports.mjs";
import { HULL, HullServer } from "./lib/server.mjs";

const PUSH = ["--typecheck", "disable", "--codegen", "disable"];

/** Runs `hull` to its end. */
const run = async (...args) =>
  await promisify(execFile)(HULL, args, { timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );

describe("the URL", { concurrency: 2 }, () => {
  const hull = useApp("tests/app");
  const at = (url) => ({ env: { CONVEX_SELF_HOSTED_URL: url } });

  it("with a slash at its end works, for pushes, calls and live queries", async () => {
    for (const args of [["dev", "--once", "--tail-logs", "disable", ...PUSH], ["run", "notes:list"], ["env", "list"]]) {
      const { code, all } = await hull.app.run(args, at(`${hull.server.url}/`));
      assert.equal(code, 0, all);
    }
  });

  it("of the HTTP actions is refused at once, and the right one named", async () => {
    const started = Date.now();
    const { code, all } = await hull.app.run(["dev", "--once", ...PUSH], at(hull.server.siteUrl));
    assert.equal(code, 1, all);
    assert.ok(all.includes(`WrongPort: This is the address of HTTP actions. The URL of the deployment, for \`npx convex\` and clients, is ${hull.server.url}`), all);
    assert.ok(!all.includes("Retrying"), all);
    assert.ok(Date.now() - started < 25_000);
  });

  it("of HTTP actions still serves them to everybody else", async () => {
    const response = await fetch(`${hull.server.siteUrl}/api/v1/get_canonical_urls`);
    assert.equal(response.status, 404);
  });
});

describe("what is not there yet", { concurrency: 2 }, () => {
  const hull = useApp("tests/app");
  const routes = [
    ["POST", "/api/export/request/zip?includeStorage=false"],
    ["GET", "/api/export/zip/1"],
    ["POST", "/api/import/start_upload"],
    ["POST", "/api/perform_import"],
    ["GET", "/api/json_schemas"],
  ];
  for (const [method, path] of routes) {
    it(`${method} ${path}`, async () => {
      const send = async (headers) => await fetch(hull.server.url + path, { method, headers });
      assert.equal((await send({})).status, 403);
      const wrong = await send({ Authorization: "Convex other|00ff" });
      assert.equal(wrong.status, 401);
      assert.equal((await wrong.json()).code, "BadAdminKey");
      const right = await send({ Authorization: `Convex ${hull.server.adminKey}` });
      assert.equal(right.status, 400);
      assert.equal((await right.json()).code, "NotImplementedYet");
    });
  }
  it("npx convex export and import say so, with the right key and with a wrong one", async () => {
    writeFileSync(join(hull.app.dir, "notes.jsonl"), '{"text":"x"}\n');
    for (const args of [["export", "--path", "backup.zip"], ["import", "--table", "notes", "-y", "notes.jsonl"]]) {
      const { code, all } = await hull.app.run(args);
      assert.equal(code, 1, all);
      assert.match(all, /NotImplementedYet: Snapshot (ex|im)port: this version of the server does not support it yet\./);
      const wrong = await hull.app.run(args, { env: { CONVEX_SELF_HOSTED_ADMIN_KEY: "other|00ff" } });
      assert.equal(wrong.code, 1, wrong.all);
      assert.match(wrong.all, /The provided admin key was invalid for this instance/);
    }
  });
});

describe("a component that does not exist", { concurrency: 2 }, () => {
  const hull = useApp("tests/app");
  const unknown = "k1700000000000000000000000000000";
  for (const [name, ask] of [
    ["shapes2", (id) => hull.server.get(`/api/shapes2?component=${id}`, { key: true })],
    ["delete_tables", (id) => hull.server.post("/api/delete_tables", { tableNames: ["notes"], componentId: id }, { key: true })],
    ["cancel_all_jobs", (id) => hull.server.post("/api/cancel_all_jobs", { componentId: id }, { key: true })],
    ["run_test_function", (id) => hull.server.post("/api/run_test_function", { adminKey: hull.server.adminKey, componentId: id, args: {}, format: "json", bundle: { path: "t.js", source: "" } })],
  ]) {
    it(name, async () => {
      const malformed = await ask("waitlist");
      assert.equal(malformed.status, 400);
      assert.deepEqual(await malformed.json(), { code: "InvalidComponentId", message: "Invalid component ID waitlist" });
      const [{ _id: other }] = (await (await hull.server.post("/api/query", { path: "_system/frontend/listTableScan", args: { table: "notes", limit: 1 }, format: "json" }, { key: true })).json()).value;
      const answer = await ask(other);
      assert.equal(answer.status, 404);
      assert.deepEqual(await answer.json(), { code: "ComponentNotFound", message: `Component with ID ${other} not found` });
    });
  }
  before(async () => assert.equal((await hull.server.call("mutation", "notes:add", { text: "there", rank: 1 })).status, "success"));
  it("a system function", async () => {
    const query = { path: "_system/frontend/getTableMapping", args: { componentId: unknown }, format: "json" };
    const { status, errorMessage } = await (await hull.server.post("/api/query", query, { key: true })).json();
    assert.equal(status, "error");
    assert.match(errorMessage, /Invalid component ID|Component with ID \S+ not found/);
  });
});

describe("starting the server", { concurrency: 2 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "hull-steps-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("a mistyped command", async () => {
    const { code, stderr } = await run("srve", "--data-dir", directory);
    assert.equal(code, 2);
    assert.match(stderr, /srve/);
    assert.match(stderr, /--help/);
  });

  it("one port for both", async () => {
    const { code, stderr } = await run("serve", "--data-dir", join(directory, "x"), "--port", "4000", "--site-port", "4000");
    assert.equal(code, 2);
    assert.match(stderr, /^--port and --site-port must be two different ports$/m);
  });

  it("a data directory that cannot be made", async () => {
    const { code, stderr } = await run("serve", "--data-dir", "/proc/hull", "--port", "0", "--site-port", "0", "--interface", "127.0.0.1");
    assert.equal(code, 1);
    assert.match(stderr, /^hull: cannot create the data directory \/proc\/hull: .*\. Create it for the user of the server, or choose another\.$/m);
  });

  it("beside a server with other credentials: refused, and that server's key stays", async () => {
    const server = await HullServer.start();
    const files = ["instance_name", "instance_secret"].map((name) => join(server.dataDir, "credentials", name));
    const before = files.map((file) => readFileSync(file, "utf8"));
    const second = await run(
      ...["serve", "--data-dir", server.dataDir, "--interface", "127.0.0.1", "--port", `${await freePort()}`, "--site-port", `${await freePort()}`],
      ...["--instance-name", "second", "--instance-secret", "ab".repeat(32)],
    );
    assert.equal(second.code, 1);
    assert.match(second.stderr, /is in use: another Hull server \(process \d+\)/);
    assert.deepEqual(files.map((file) => readFileSync(file, "utf8")), before);
    assert.equal((await run("admin-key", "--data-dir", server.dataDir)).stdout.split("|")[0], "convex-self-hosted");
    await server.stop();
  });

  it("names settings without effect, and no others", async () => {
    const server = await HullServer.start({ env: { SCHEDULED_JOB_RETENTION: "100", TRANSACTION_MAX_NUM_SCHEDULED: "10", SCHEDULED_JOB_EXECUTION_PARALLELISM: "3", V8_THREADS: "4" } });
    assert.match(server.logText(), /These settings are set but have no effect here: V8_THREADS$/m);
    await server.stop();
  });
});
