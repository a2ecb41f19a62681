// The data directory on a full file system: writes fail with a clear error while queries and live queries go on; with space again
// writes work without a restart; nothing acknowledged is lost, and nothing refused appears, also after kill -9.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { App } from "./lib/cli.mjs";
import { HullServer, ROOT, sleep } from "./lib/server.mjs";
import { SmallDisk, whyNoSmallDisk } from "./lib/small_disk.mjs";

/** Space that is left when the clients begin to write. */
const DISK_MEGABYTES = 96;
const READ_ONLY = /space|read-?only|full/i;
const skip = whyNoSmallDisk() ?? false;

async function until(what, check, timeout = 30_000) {
  const end = Date.now() + timeout;
  while (!(await check())) {
    if (Date.now() > end) assert.fail(`never: ${what}`);
    await sleep(20);
  }
}

describe("a full disk", { skip }, () => {
  let disk, logs, server, app, reader, writer;
  const live = [];
  /** Numbers of acknowledged entries, and of those that were refused. */
  const acknowledged = [];
  const refused = [];
  let next = 0;
  const numbers = async () => (await server.call("query", "entries:ofWriter", { writer: "http" })).value;

  /** Adds an entry over HTTP; returns the answer. A lost connection is an answer too. */
  async function add(padding = "x".repeat(2000)) {
    const n = next++;
    const signal = { signal: AbortSignal.timeout(20_000) };
    let answer;
    try {
      const body = JSON.stringify({ path: "entries:add", args: { writer: "http", n, rank: n, padding }, format: "convex_encoded_json" });
      const response = await fetch(`${server.url}/api/mutation`, { method: "POST", headers: { "Content-Type": "application/json" }, body, ...signal });
      const text = await response.text();
      answer = { http: response.status, text, ok: response.ok && JSON.parse(text).status === "success" };
    } catch (error) {
      answer = { http: 0, text: `${error.message} ${error.cause ?? ""}`, ok: false };
    }
    (answer.ok ? acknowledged : refused).push(n);
    return answer;
  }

  before(async () => {
    disk = new SmallDisk(DISK_MEGABYTES);
    logs = mkdtempSync(join(tmpdir(), "hull-log-"));
    server = await HullServer.start({ dataDir: join(disk.path, "data"), logFile: join(logs, "server.log") });
    app = new App(join(ROOT, "tests/app"), server);
    await app.push();
    reader = new ConvexClient(server.url, { logger: false });
    writer = new ConvexClient(server.url, { logger: false });
    reader.onUpdate(api.entries.newest, { writer: "http" }, (value) => live.push(value));
    await until("the live query has a value", () => live.length > 0);
  });
  after(async () => {
    await Promise.all([reader?.close(), writer?.close()]);
    app?.remove();
    await server?.stop();
    disk?.unmount();
    if (logs !== undefined) rmSync(logs, { recursive: true, force: true });
  });

  it("writes while there is space", async () => {
    for (let n = 0; n < 20; n++) assert.equal((await add()).http, 200);
    await until("the live query follows", () => live.at(-1) === 19);
  });

  it("without space a mutation fails with 503 and says why", { timeout: 120_000 }, async (t) => {
    let full;
    disk.fill();
    // Files with room in them may take a few more; the clients use that up.
    for (let n = 0; n < 400; n++) {
      full = await add("x".repeat(100_000));
      if (!full.ok) break;
      disk.fill();
    }
    t.diagnostic(`${full.http} ${full.text.slice(0, 300)}`);
    assert.equal(full.http, 503, full.text);
    assert.match(full.text, READ_ONLY);
    assert.match(JSON.parse(full.text).code, /\w/);
    for (let n = 0; n < 10; n++) {
      const again = await add();
      if (!again.ok) assert.match(again.text, READ_ONLY);
    }
  });

  it("the server's log says so", () => {
    assert.match(server.logLines().slice(-200).join("\n"), READ_ONLY);
  });

  it("the server is the same process", () => {
    assert.equal(server.process.exitCode, null);
    assert.equal(server.process.signalCode, null);
  });

  it("queries go on, old ones and new ones", async () => {
    assert.deepEqual(await numbers(), acknowledged);
    assert.equal((await server.call("query", "counters:get", { name: "never asked before" })).value, 0);
    assert.equal(await reader.query(api.entries.newest, { writer: "nobody" }), null);
  });

  it("a live query that begins now gets its value, and a running one is not broken", async () => {
    let value;
    const stop = reader.onUpdate(api.entries.ofWriter, { writer: "http" }, (each) => (value = each));
    await until("the new live query has a value", () => value !== undefined);
    stop();
    assert.deepEqual(value, acknowledged);
    assert.equal(live.at(-1), acknowledged.at(-1));
  });

  it("with space again writes work without a restart, and live queries follow", { timeout: 60_000 }, async () => {
    // A websocket client either sees the error or waits until the write is possible.
    const patient = writer.mutation(api.entries.add, { writer: "patient", n: 0, rank: 0 }).then(
      () => [0],
      (error) => {
        assert.match(error.message, READ_ONLY);
        return [];
      },
    );
    await sleep(500);
    disk.empty();
    await until("a write is accepted", async () => (await add()).ok);
    await until("the live query follows", () => live.at(-1) === acknowledged.at(-1));
    const [inTime] = await Promise.all([patient]);
    assert.deepEqual((await server.call("query", "entries:ofWriter", { writer: "patient" })).value, inTime);
    for (let n = 0; n < 20; n++) assert.equal((await add()).http, 200);
    assert.equal(server.process.exitCode, null);
  });

  it("after kill -9 all that was acknowledged is there and nothing that was refused", { timeout: 90_000 }, async () => {
    await server.kill("SIGKILL");
    await server.launch();
    assert.deepEqual(await numbers(), acknowledged);
    assert.ok((await add()).ok);
  });

  it("kill -9 on a full disk: it starts, or says why it cannot, and has everything when there is space", { timeout: 200_000 }, async (t) => {
    disk.fill();
    for (let n = 0; n < 400 && (await add("x".repeat(100_000))).ok; n++) disk.fill();
    await server.kill("SIGKILL");
    const refusal = await server.launch().then(
      () => null,
      (error) => error.message,
    );
    t.diagnostic(refusal === null ? "it starts" : "it does not start");
    if (refusal === null) assert.deepEqual(await numbers(), acknowledged);
    else assert.match(refusal.split("\n").slice(-3).join("\n"), READ_ONLY);
    disk.empty();
    if (refusal !== null) await server.launch();
    await until("a write is accepted", async () => (await add()).ok);
    assert.deepEqual(await numbers(), acknowledged);
    assert.ok(refused.every((n) => !acknowledged.includes(n)));
  });
});
