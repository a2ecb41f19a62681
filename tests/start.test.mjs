// Command line, settings and log of the server process (operations.md §2, §5, §7, §13.1).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { freePort } from "./lib/ports.mjs";
import { HULL, HullServer, sleep } from "./lib/server.mjs";

let directory;
before(() => (directory = mkdtempSync(join(tmpdir(), "hull-start-"))));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the executable to its end. */
function run(args, env = {}) {
  return new Promise((done) => {
    const child = spawn(HULL, args, { env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => (stdout += data));
    child.stderr.on("data", (data) => (stderr += data));
    const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
    child.once("exit", (code, signal) => {
      clearTimeout(late);
      done({ code: code ?? signal, stdout, stderr, last: stderr.trim().split("\n").at(-1) });
    });
  });
}
const serve = (args, env) => run(["serve", "--data-dir", join(directory, "data"), "--interface", "127.0.0.1", "--port", "0", "--site-port", "0", ...args], env);
const secret = "0123456789abcdef".repeat(4);

describe("a start that cannot succeed says why", () => {
  const cases = {
    "an origin without a scheme": [["--convex-origin", "api.test", "--convex-site", "https://site.test"], {}, 1, "hull: Origin url should start with https:// or http:// but got 'api.test'"],
    "a site without a scheme": [["--convex-origin", "https://api.test", "--convex-site", "site.test"], {}, 1, "hull: Site url should start with https:// or http:// but got 'site.test'"],
    "one of two origins": [["--convex-origin", "https://api.test"], {}, 2, "--convex-origin and --convex-site must be given together"],
    "one of two origins in the environment": [[], { CONVEX_SITE_ORIGIN: "https://site.test" }, 2, "--convex-origin and --convex-site must be given together"],
    "a name without a secret": [["--instance-name", "happy-otter-1"], {}, 2, "--instance-name must be given together with --instance-secret"],
    "a malformed secret": [["--instance-name", "n", "--instance-secret", "abc"], {}, 1, /^hull: .*64 hex/],
    "an interface that is none": [["--interface", "localhost"], {}, 1, "hull: 'localhost' is not an IP address to listen on"],
  };
  for (const [what, [args, env, code, last]] of Object.entries(cases)) {
    it(what, async () => {
      const result = await serve(args, env);
      assert.equal(result.code, code, result.stderr);
      if (last instanceof RegExp) assert.match(result.last, last);
      else assert.equal(result.last, last);
    });
  }

  it("unknown options are usage errors; --help and --version are not", async () => {
    assert.equal((await serve(["--nonsense"])).code, 2);
    assert.equal((await run([])).code, 2);
    for (const args of [["--help"], ["serve", "--help"], ["--version"], ["serve", "--data-dir", join(directory, "never"), "--sentry-identifier", "x", "--beacon-tag", "t", "--control-plane-access-token", "t", "--help"]])
      assert.equal((await run(args)).code, 0, args.join(" "));
    assert.ok(!existsSync(join(directory, "never")));
  });

  it("a port in use is named", async () => {
    const other = createServer();
    const port = await new Promise((done) => other.listen(0, "127.0.0.1", () => done(other.address().port)));
    const result = await run(["serve", "--data-dir", join(directory, "data"), "--interface", "127.0.0.1", "--port", `${port}`, "--site-port", "0"]);
    other.close();
    assert.equal(result.code, 1);
    assert.match(result.last, new RegExp(`^hull: Cannot .* 127\\.0\\.0\\.1 port ${port}: .*Stop the other program or choose another port\\.$`));
  });

  it("a data directory that is a file, or below one", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    const isFile = await run(["serve", "--data-dir", file]);
    assert.equal(isFile.code, 1);
    assert.equal(isFile.last, `hull: the data directory ${file} is not a directory. Choose another with --data-dir.`);
    const below = await run(["serve", "--data-dir", join(file, "data")]);
    assert.equal(below.code, 1);
    assert.match(below.last, /^hull: cannot create the data directory .*: Not a directory\. Create it for the user of the server, or choose another\.$/);
  });

  it("missing parts of the installation", async () => {
    const result = await serve([], { HULL_LIB_DIR: join(directory, "nowhere") });
    assert.equal(result.code, 1);
    assert.match(result.last, /^hull: cannot find .*nowhere\/node\. .*HULL_LIB_DIR/);
  });

  it("--check-config reports everything and changes little", async () => {
    const fresh = join(directory, "fresh");
    const sound = await serve(["--check-config", "--data-dir", fresh]);
    assert.equal(sound.code, 0, sound.stdout);
    for (const what of ["data directory", "credentials", "library", "ports"]) assert.match(sound.stdout, new RegExp(`^${what} +ok$`, "m"));
    assert.ok(!readdirSync(fresh).some((name) => name.startsWith("hull.sqlite3")));
    const unsound = await serve(["--check-config", "--interface", "nonsense"], { HULL_LIB_DIR: "/nowhere" });
    assert.equal(unsound.code, 1);
    assert.match(unsound.stdout, /^library +cannot find/m);
    assert.match(unsound.stdout, /^ports +'nonsense' is not an IP address/m);
  });
});

describe("keygen", () => {
  it("prints only the key, another one each time", async () => {
    const keys = await Promise.all([0, 1].map(() => run(["keygen", "admin-key", "--instance-name", "n", "--instance-secret", secret])));
    for (const { code, stdout, stderr } of keys) {
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /^n\|[0-9a-f]+\n$/);
    }
    assert.notEqual(keys[0].stdout, keys[1].stdout);
    const bad = await run(["keygen", "admin-key", "--instance-name", "n", "--instance-secret", "x"]);
    assert.equal(bad.code, 1);
    assert.equal(bad.stdout, "");
  });
});

describe("log", () => {
  async function logOf(env, use = async () => {}) {
    const server = await HullServer.start({ env });
    try {
      await use(server);
      await sleep(100);
      return server.logText().split("\n").filter(Boolean);
    } finally {
      await server.stop();
    }
  }

  it("compact lines with UTC microseconds; settings are explained; admin keys never appear", async () => {
    const lines = await logOf({ MAX_PUSH_BYTES: "many", TRANSACTION_MAX_NUM_USER_WRITES: "17", POSTGRES_URL: "postgresql://u:hunter2@db", RUST_BACKTRACE: "1" }, async (server) => {
      await server.get(`/api/check_admin_key?adminKey=${encodeURIComponent(server.adminKey)}`);
      await server.get("/api/nothing?x=1", { headers: { Referer: "http://r.test/", "User-Agent": "a test" } });
      assert.ok(!server.logText().includes(server.adminKey.split("|")[1]));
    });
    const text = lines.join("\n");
    for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (INFO|WARN|ERROR) (hull|convex-cloud-http): /);
    assert.match(text, /WARN hull: Invalid value for MAX_PUSH_BYTES in environment, keeping 200000000/);
    assert.match(text, /INFO hull: Overriding TRANSACTION_MAX_NUM_USER_WRITES to 17 from environment/);
    assert.match(text, /WARN hull: These settings are set but have no effect here: POSTGRES_URL$/m);
    assert.doesNotMatch(text, /hunter2/);
    assert.match(text, /convex-cloud-http: \[\] 127\.0\.0\.1 "GET \/api\/check_admin_key HTTP\/1\.1" /);
    assert.match(text, /convex-cloud-http: \[\] 127\.0\.0\.1 "GET \/api\/nothing\?x=1 HTTP\/1\.1" 404 "http:\/\/r\.test\/" "a test" - 0 \d+\.\d{3}ms$/m);
    assert.match(text, /INFO hull: Ready in \d+ ms: API http/);
  });

  it("RUST_LOG and LOG_FORMAT", async () => {
    const json = await logOf({ LOG_FORMAT: "json", RUST_LOG: "warn,convex-cloud-http=debug" }, (server) => server.get("/instance_name"));
    const parsed = json.map((line) => JSON.parse(line));
    assert.ok(parsed.some((line) => line.target === "convex-cloud-http" && line.level === "DEBUG" && /instance_name/.test(line.fields.message)));
    assert.ok(parsed.every((line) => line.target === "convex-cloud-http" || line.level !== "INFO"));
    assert.ok(parsed.every((line) => !Number.isNaN(Date.parse(line.timestamp))));
    const malformed = await logOf({ RUST_LOG: "verbose" });
    assert.match(malformed.join("\n"), /WARN hull: RUST_LOG is malformed \('verbose'\), logging at level info/);
    assert.deepEqual(await logOf({ RUST_LOG: "off" }, (server) => server.get("/api/nothing")), []);
  });

  it("warns once when clients use another host than the configured one", async () => {
    const port = await freePort();
    const raw = (host) => new Promise((done) => get({ port: server.port, host: "127.0.0.1", path: "/version", headers: { Host: host } }, (response) => response.resume().on("end", done)));
    const server = await HullServer.start({ env: { CONVEX_CLOUD_ORIGIN: `http://127.0.0.1:${port}`, CONVEX_SITE_ORIGIN: "http://127.0.0.1:1" } });
    try {
      for (const host of ["localhost:3210", "api.example.com", "api.example.com", "else.example.com"]) await raw(host);
      await sleep(100);
      const warnings = server.logText().split("\n").filter((line) => line.includes("A request came for the host"));
      assert.equal(warnings.length, 1);
      assert.match(warnings[0], /'api\.example\.com', but the configured origin is http:\/\/127\.0\.0\.1:\d+\. If clients use that host, set CONVEX_CLOUD_ORIGIN\.$/);
    } finally {
      await server.stop();
    }
  });
});
