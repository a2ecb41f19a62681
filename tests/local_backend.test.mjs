// Hull in place of the CLI's local backend, and `hull dev` (operations.md §2, §11).
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { App } from "./lib/cli.mjs";
import { freePort } from "./lib/ports.mjs";
import { HULL, ROOT, sleep, until } from "./lib/server.mjs";

const VERSION = "precompiled-2026-08-01-hull";
const SECRET = "0123456789abcdef".repeat(4);
let directory;
before(() => (directory = mkdtempSync(join(tmpdir(), "hull-local-"))));
after(() => rmSync(directory, { recursive: true, force: true }));

const hull = (args, options = {}) => spawnSync(HULL, args, { encoding: "utf8", timeout: 30_000, cwd: directory, env: { PATH: process.env.PATH }, ...options });
const answers = async (url, text) => {
  try {
    const response = await fetch(`${url}/instance_name`);
    return response.ok && (await response.text()) === text;
  } catch {
    return false;
  }
};
const ended = (child) => new Promise((done) => (child.exitCode === null && child.signalCode === null ? child.once("exit", (code) => done(code)) : done(child.exitCode)));

/** The arguments with which the CLI starts its backend. */
async function cliArguments(name, state) {
  const port = await freePort();
  const sitePort = await freePort();
  const args = ["--port", `${port}`, "--site-proxy-port", `${sitePort}`, "--sentry-identifier", "ab".repeat(32), "--instance-name", name, "--instance-secret", SECRET];
  args.push("--local-storage", join(state, "convex_local_storage"), "--beacon-tag", "cli-anonymous-dev", join(state, "convex_local_backend.sqlite3"));
  return { url: `http://127.0.0.1:${port}`, siteUrl: `http://127.0.0.1:${sitePort}`, args: [...args, "--beacon-fields", '{"override_uuid":"u"}'] };
}

describe("the command line of the reference server", () => {
  it("--help changes nothing and binds nothing", async () => {
    const state = join(directory, "probe");
    const { args, url } = await cliArguments("anonymous-probe", state);
    const { status, stdout } = hull([...args, "--help"]);
    assert.equal(status, 0);
    assert.match(stdout, /DB_SPEC/);
    assert.equal(existsSync(state), false);
    await assert.rejects(fetch(url));
    assert.equal(hull(["-p", "1", "--version"]).status, 0);
  });

  const refused = {
    "an unknown option": [["--nonsense"], 2, /--nonsense/],
    "no secret": [["x.sqlite3"], 1, /--instance-secret is required\. Generate one with .*openssl rand -hex 32/],
    "a name without a secret": [["--instance-name", "n"], 2, /--instance-name must be given together with --instance-secret/],
    "a secret without a name": [["--instance-secret", SECRET], 2, /--instance-secret must be given together with --instance-name/],
    "another kind of database": [["-d", "postgres-v5", "postgres://db"], 1, /--db postgres-v5 is not supported/],
    "S3": [["--s3-storage"], 1, /--s3-storage is not supported/],
    "an origin without a scheme": [["--convex-origin", "x", "--convex-site", "http://y"], 1, /Origin url should start with https:\/\/ or http:\/\/ but got 'x'/],
  };
  for (const [what, [args, status, message]] of Object.entries(refused)) {
    it(`${what} is refused`, () => {
      const result = hull(args);
      assert.equal(result.status, status);
      assert.match(result.stderr, message);
    });
  }

  it("starts as the CLI starts it, whatever the name, and frees its ports on SIGTERM", async () => {
    for (const name of ["anonymous-my app.v2", "anonymous-détente-日本"]) {
      const state = join(directory, name);
      mkdirSync(state);
      const { args, url, siteUrl } = await cliArguments(name, state);
      const child = spawn(HULL, args, { stdio: "ignore", env: { PATH: process.env.PATH, SENTRY_DSN: "https://x@example.invalid/1", BACKEND_REQUEST_DRAIN_TIMEOUT: "60" } });
      try {
        await until(() => answers(url, name));
        const key = hull(["keygen", "admin-key", "--instance-name", name, "--instance-secret", SECRET]).stdout.trim();
        const urls = await fetch(`${url}/api/v1/get_canonical_urls`, { headers: { Authorization: `Convex ${key}` } });
        assert.deepEqual(await urls.json(), { convexCloudUrl: url, convexSiteUrl: siteUrl });
        // A log tail holds a request open for a minute.
        const tail = fetch(`${url}/api/stream_function_logs?cursor=${Date.now() + 1e6}`, { headers: { Authorization: `Convex ${key}` } }).catch(() => null);
        await sleep(100);
        const asked = performance.now();
        child.kill("SIGTERM");
        assert.equal(await ended(child), 0);
        // Well before the tail ends by itself or is dropped.
        assert.ok(performance.now() - asked < 40_000, `took ${performance.now() - asked} ms`);
        await tail;
        await assert.rejects(fetch(siteUrl));
      } finally {
        child.kill("SIGKILL");
      }
      assert.deepEqual(readdirSync(state).sort(), ["convex_local_backend.hull", "convex_local_backend.log", "convex_local_storage"]);
      assert.ok(!readFileSync(join(state, "convex_local_backend.log"), "utf8").includes(SECRET));
    }
  });

  it("leaves the reference's database alone and says so where it can be read", async () => {
    const state = join(directory, "foreign");
    mkdirSync(state);
    const database = join(state, "convex_local_backend.sqlite3");
    writeFileSync(database, "SQLite format 3\0 and so on");
    const { args } = await cliArguments("anonymous-foreign", state);
    const { status, stderr } = hull(args);
    assert.equal(status, 1);
    assert.match(stderr, /hull: .*convex_local_backend\.sqlite3 is the database of another server.*npx convex export/);
    assert.match(readFileSync(join(state, "convex_local_backend.log"), "utf8"), /ERROR hull: Cannot start: .*is the database of another server/);
    assert.equal(readFileSync(database, "utf8"), "SQLite format 3\0 and so on");
    assert.equal(existsSync(join(state, "convex_local_backend.hull")), false);
  });
});

describe("npx convex with Hull as its local backend", () => {
  let app;
  let env;
  before(() => {
    app = new App(join(ROOT, "tests/app"), null);
    env = { CONVEX_AGENT_MODE: "anonymous" };
    const installed = hull(["install-local", "--project", app.dir], { env: { PATH: process.env.PATH, HOME: app.dir } });
    assert.deepEqual([installed.status, installed.stdout], [0, `npx convex dev --local-backend-version ${VERSION}\n`], installed.stderr);
  });
  after(() => app?.remove());
  const run = (args) => app.run(args, { env, withKey: false });
  const dev = async (version = VERSION) => ["dev", "--local-backend-version", version, "--local-cloud-port", `${await freePort()}`, "--local-site-port", `${await freePort()}`, "--typecheck", "disable", "--tail-logs", "disable"];

  it("refuses what is no version", () => {
    assert.match(hull(["install-local", "--as", "v1"], { env: { HOME: app.dir } }).stderr, /'v1' is not a version/);
  });

  it("dev starts it, pushes and calls; the data outlive it", { timeout: 900_000 }, async () => {
    const follower = app.follow(await dev(), { env, withKey: false });
    try {
      await follower.seen("Convex functions ready!");
      const created = await run(["run", "notes:add", '{"text":"kept","rank":1}']);
      assert.equal(created.code, 0, created.all);
    } finally {
      await follower.stop();
    }
    const config = JSON.parse(readFileSync(join(app.dir, ".convex/local/default/config.json"), "utf8"));
    assert.equal(config.backendVersion, VERSION);
    assert.equal(config.deploymentName, `anonymous-${basename(app.dir)}`);
    await until(async () => !(await answers(`http://127.0.0.1:${config.ports.cloud}`, config.deploymentName)));

    // One-off commands start the backend for as long as they run.
    const variable = await run(["env", "set", "GREETING", "hello"]);
    assert.equal(variable.code, 0, variable.all);

    const once = await run([...(await dev()), "--once"]);
    assert.equal(once.code, 0, once.all);

    // Another version takes over the data.
    const newer = VERSION.replace("-08-", "-09-");
    assert.equal(hull(["install-local", "--as", newer], { env: { PATH: process.env.PATH, HOME: app.dir } }).status, 0);
    const again = app.follow(await dev(newer), { env, withKey: false });
    try {
      await again.seen("Convex functions ready!");
      const listed = await run(["run", "notes:list"]);
      assert.match(listed.stdout, /"kept"/, listed.all);
      assert.equal((await run(["env", "get", "GREETING"])).stdout.trim(), "hello");
      assert.equal(JSON.parse(readFileSync(join(app.dir, ".convex/local/default/config.json"), "utf8")).backendVersion, newer);
    } finally {
      await again.stop();
    }
  });
});

describe("hull dev", () => {
  let app;
  before(() => (app = new App(join(ROOT, "tests/app"), null)));
  after(() => app?.remove());
  const start = async () => {
    const child = spawn(HULL, ["dev", "--port", `${await freePort()}`, "--site-port", "0"], { cwd: app.dir, stdio: ["ignore", "ignore", "pipe"], env: { PATH: process.env.PATH } });
    let stderr = "";
    child.stderr.on("data", (data) => (stderr += data));
    await until(() => stderr.includes("run `npx convex dev` in another terminal") || child.exitCode !== null);
    assert.equal(child.exitCode, null, stderr);
    return child;
  };
  const file = () => readFileSync(join(app.dir, ".env.local"), "utf8");

  it("tells the CLI where it is, keeps other settings and its own data", { timeout: 900_000 }, async () => {
    writeFileSync(join(app.dir, ".env.local"), "# mine\nOTHER=1\n export CONVEX_SELF_HOSTED_URL = old\n#CONVEX_DEPLOYMENT=x");
    let child = await start();
    try {
      assert.match(file(), /^# mine\nOTHER=1\nCONVEX_SELF_HOSTED_URL=http:\/\/127\.0\.0\.1:\d+\n#CONVEX_DEPLOYMENT=x\nCONVEX_SELF_HOSTED_ADMIN_KEY=\S+\n$/);
      assert.equal(statSync(join(app.dir, ".env.local")).mode & 0o077, 0);
      assert.equal(readFileSync(join(app.dir, ".convex/.gitignore"), "utf8"), "/*\n");
      const pushed = await app.run(["dev", "--once", "--typecheck", "disable", "--tail-logs", "disable"], { withKey: false });
      assert.equal(pushed.code, 0, pushed.all);
      assert.equal((await app.run(["run", "notes:add", '{"text":"kept","rank":1}'], { withKey: false })).code, 0);
    } finally {
      child.kill("SIGTERM");
      await ended(child);
    }
    child = await start();
    try {
      assert.equal(file().match(/CONVEX_SELF_HOSTED_URL/g).length, 1);
      assert.match((await app.run(["run", "notes:list"], { withKey: false })).stdout, /"kept"/);
    } finally {
      child.kill("SIGTERM");
      await ended(child);
    }
  });

  it("does not fight with a deployment of the CLI", () => {
    writeFileSync(join(app.dir, ".env.local"), "CONVEX_DEPLOYMENT=local:x\n");
    const refused = hull(["dev"], { cwd: app.dir });
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /\.env\.local sets CONVEX_DEPLOYMENT/);
  });
});
