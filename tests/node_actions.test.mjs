// "use node" actions with the real CLI: built-in modules, external packages, logs, errors, crashes, redeploys.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { App } from "./lib/cli.mjs";
import { HullServer, ROOT, sleep } from "./lib/server.mjs";

const source = join(ROOT, "tests/apps/node");
// How npm reaches its registry here.
const forNpm = Object.fromEntries(
  ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "npm_config_registry", "HOME"]
    .filter((name) => name in process.env)
    .map((name) => [name, process.env[name]]),
);
const value = (result) => {
  assert.equal(result.status, "success", JSON.stringify(result));
  return result.value;
};
const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const until = async (what, check) => {
  for (let i = 0; i < 400; i++) {
    if (await check()) return;
    await sleep(25);
  }
  assert.fail(what);
};

describe("node actions", () => {
  let server;
  let app;
  const action = (path, args, options) => server.call("action", path, args, options);
  const edit = (from, to) => {
    const file = join(app.dir, "convex/node.ts");
    const text = readFileSync(file, "utf8");
    assert.ok(text.includes(from));
    writeFileSync(file, text.replace(from, to));
  };
  // The pid that a running nap has logged.
  const napping = async (ms) => {
    const from = (await logLines()).length;
    const outcome = action("node:nap", { ms });
    let pid;
    await until("the nap has begun", async () => {
      const line = (await logLines()).slice(from).find((text) => text.includes("'pid'"));
      pid = line && Number(/'pid' (\d+)/.exec(line)[1]);
      return pid;
    });
    return { outcome, pid };
  };
  const logLines = async () => {
    const { entries } = await (await server.get("/api/stream_function_logs?cursor=0", { key: true })).json();
    return entries.flatMap((entry) => entry.logLines ?? []).map((line) => (typeof line === "string" ? line : `[${line.level}] ${line.messages.join(" ")}`));
  };

  before(async () => {
    server = await HullServer.start({
      env: { ...forNpm, NODE_ACTION_USER_TIMEOUT_SECS: "3", HULL_NODE_PROCESS_IDLE_SECONDS: "4", INSTANCE_NOTE: "server only" },
    });
    app = new App(source, server);
    // The CLI takes the versions of external packages from here.
    symlinkSync(join(ROOT, "node_modules"), join(app.dir, "node_modules"));
    await app.push();
  });
  after(async () => {
    app?.remove();
    await server?.stop();
  });

  it("built-in modules, Buffer, fetch and an external package", async () => {
    const { sha, random, back } = value(await action("node:builtins", { text: "hull" }));
    assert.equal(sha.length, 64);
    assert.deepEqual([random, back], [4, Buffer.from("hull").toString("base64")]);
    assert.equal(value(await action("node:external")), 7);
    const peer = createServer((request, response) => request.on("data", (data) => response.end(`got ${data}`)));
    await new Promise((done) => peer.listen(0, "127.0.0.1", done));
    assert.equal(value(await action("node:fetches", { url: `http://127.0.0.1:${peer.address().port}` })), "got ping");
    peer.close();
    assert.ok(readdirSync(join(server.dataDir, "node_packages")).some((name) => existsSync(join(server.dataDir, "node_packages", name, "node_modules/nanoid"))));
  });

  it("calls between both runtimes, identity, errors of callees", async () => {
    assert.deepEqual(value(await action("node:relay", { text: "one" })), ["one"]);
    assert.equal(value(await action("facts:viaNode")), "from node");
    assert.match(value(await action("node:refused")), /^Uncaught Error: refused\n    at handler \(\.\.\/convex\/facts\.ts:/);
    const asAda = await app.run(["run", "--identity", '{"subject":"ada"}', "node:whoami"]);
    assert.equal(asAda.stdout.trim(), '"ada"');
    assert.match((await action("node:nested")).errorMessage, /Could not find public function for 'node:nested'/);
    assert.match((await action("node:builtins", {})).errorMessage, /ArgumentValidationError: Object is missing the required field `text`/);
  });

  it("environment variables, and not those of the server", async () => {
    const before = value(await action("node:env"));
    assert.equal(before.greeting, null);
    assert.equal((await app.run(["env", "set", "GREETING", "hello"])).code, 0);
    const { greeting, names } = value(await action("node:env"));
    assert.equal(greeting, "hello");
    const allowed = ["CONVEX_CLOUD_URL", "CONVEX_SITE_URL", "GREETING", "LANG", "NODE_PATH", "PATH", "PWD", "TZ", "UTC"];
    assert.deepEqual(names.filter((name) => !allowed.includes(name)), []);
  });

  it("log lines reach the caller and `convex logs`", async () => {
    const logs = app.follow(["logs", "--history", "5"]);
    try {
      await logs.seen(/Watching logs|logs/i);
      const result = await action("node:logs");
      assert.deepEqual(result.logLines, ["[LOG] 'from node' { deep: [ 1, 2 ] }", "[ERROR] 'trouble'"]);
      await logs.seen(/'from node' \{ deep: \[ 1, 2 \] \}/);
      await logs.seen("'trouble'");
    } finally {
      await logs.stop();
    }
    assert.match((await app.run(["run", "node:logs"])).all, /'from node'/);
  });

  it("errors are mapped to the sources", async () => {
    const failed = await action("node:throws");
    assert.match(failed.errorMessage, /^\[Request ID: [0-9a-f]{16}\] Server Error\nUncaught RangeError: node boom\n    at broken \(\.\.\/convex\/node\.ts:\d+:\d+\)\n    at handler \(\.\.\/convex\/node\.ts:\d+:\d+\)\n/);
    const line = readFileSync(join(app.dir, "convex/node.ts"), "utf8").split("\n")[Number(/node\.ts:(\d+)/.exec(failed.errorMessage)[1]) - 1];
    assert.match(line, /throw new RangeError/);
    const convexError = await action("node:convexError");
    assert.deepEqual(convexError.errorData, { code: { $integer: "BwAAAAAAAAA=" }, why: "no" });
  });

  it("a fault fails its own call; the process is replaced", async () => {
    for (const [path, text] of [
      ["node:rejects", /Uncaught unhandledRejection: nobody looks\n    at .*\.\.\/convex\/node\.ts:/],
      ["node:exits", /process\.exit\(\) called with exit code 3/],
    ]) {
      const { pid } = value(await action("node:warm"));
      const beside = action("node:nap", { ms: 700 });
      assert.match((await action(path)).errorMessage, text);
      assert.equal(value(await beside), "version 1");
      const next = value(await action("node:warm"));
      assert.ok(next.pid !== pid || next.calls > 1, "the process that failed takes no more calls");
    }
  });

  it("a killed process costs its own calls only", async () => {
    const doomed = await napping(2500);
    const healthy = await napping(1500);
    assert.notEqual(doomed.pid, healthy.pid);
    process.kill(doomed.pid, "SIGKILL");
    assert.match((await doomed.outcome).errorMessage, /The Node\.js process that ran this action ended unexpectedly/);
    assert.equal(value(await healthy.outcome), "version 1");
    assert.equal(value(await action("node:external")), 7);
  });

  it("an endless loop is stopped", { timeout: 60_000 }, async () => {
    const [looping, healthy] = await Promise.all([action("node:loops"), action("node:nap", { ms: 100 })]);
    assert.match(looping.errorMessage, /Function execution unexpectedly timed out\. Check your function for infinite loops/);
    assert.equal(value(healthy), "version 1");
    assert.match((await action("node:nap", { ms: 20_000 })).errorMessage, /Action `nap` execution timed out \(maximum duration 3s\)/);
  });

  it("a call ends with the code it began with", async () => {
    const running = await napping(2500);
    edit('return "version 1"', 'return "version 2"');
    await app.push();
    assert.equal(value(await action("node:nap", { ms: 1 })), "version 2");
    assert.equal(value(await running.outcome), "version 1");
    await until("the old process ends", () => !alive(running.pid));
  });

  it("warm calls are fast, idle processes end", async () => {
    const before = value(await action("node:warm"));
    await until("the process ends when nobody uses it", () => !alive(before.pid));
    const cold = performance.now();
    const { pid, calls } = value(await action("node:warm"));
    const first = performance.now() - cold;
    assert.equal(calls, 1);
    const times = [];
    for (let i = 0; i < 50; i++) {
      const begin = performance.now();
      value(await action("node:warm"));
      times.push(performance.now() - begin);
    }
    times.sort((a, b) => a - b);
    console.log(`first call ${first.toFixed(0)} ms, warm call median ${times[25].toFixed(1)} ms`);
    assert.ok(times[25] < first, "no process was started for it");
    assert.equal(value(await action("node:warm")).pid, pid);
  });

  it("what cannot be run is refused at the push", async () => {
    const file = join(app.dir, "convex/other.ts");
    writeFileSync(file, '"use node";\nimport { query } from "./_generated/server";\nexport const q = query(async () => 1);\n');
    const refused = await app.run(["dev", "--once", "--typecheck", "disable"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.all, /`q` defined in `other\.js` is a Query function\. Only actions can be defined in Node\.js\./);
    writeFileSync(file, '"use node";\nthrow new Error("no " + process.env.GREETING);\nexport const x = 1;\n');
    const failed = await app.run(["dev", "--once", "--typecheck", "disable"]);
    assert.match(failed.all, /Failed to analyze other\.js: Uncaught Error: no hello\n    at .*\.\.\/convex\/other\.ts:2:/);
    rmSync(file);
    await app.push();
  });

  it("the node version of the project", async () => {
    writeFileSync(join(app.dir, "convex.json"), JSON.stringify({ node: { nodeVersion: "22" } }));
    await app.push();
    const hashes = await (await server.post("/api/get_config_hashes", { version: "1.48.0", adminKey: server.adminKey })).json();
    assert.equal(hashes.nodeVersion, "22");
    assert.equal(value(await action("node:external")), 7); // bundled now
  });
});

describe("a server without Node.js", () => {
  it("says so at the push of node actions, and runs everything else", async () => {
    const server = await HullServer.start({ env: { HULL_NODE_EXECUTABLE: "/nowhere/node" } });
    const app = new App(source, server);
    try {
      const refused = await app.run(["dev", "--once", "--typecheck", "disable"]);
      assert.notEqual(refused.code, 0);
      assert.match(refused.all, /Deployment is not configured to deploy "use node" actions\. Node\.js v20, 22, or 24 is not installed\./);
      rmSync(join(app.dir, "convex/node.ts"));
      writeFileSync(join(app.dir, "convex/facts.ts"), 'import { query } from "./_generated/server";\nexport const one = query({ args: {}, handler: async () => 1 });\n');
      await app.push();
      assert.equal(value(await server.call("query", "facts:one")), 1);
    } finally {
      app.remove();
      await server.stop();
    }
  });
});
