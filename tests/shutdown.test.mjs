// Stopping under load and coming back on the same ports (operations.md §7): nothing acknowledged is lost, what was accepted is answered, clients come back by themselves.
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import { join } from "node:path";
import { ConvexClient } from "convex/browser";
import { App } from "./lib/cli.mjs";
import { rawRequest } from "./lib/raw_http.mjs";
import { HullServer, ROOT, sleep, until } from "./lib/server.mjs";

let server;
let app;
before(async () => {
  server = await HullServer.start();
  app = new App(join(ROOT, "tests/app"), server);
  await app.push();
});
beforeEach(async () => {
  if (server.process.exitCode !== null || server.process.signalCode !== null) await server.launch();
});
after(async () => {
  app?.remove();
  await server?.stop();
});

/** One POST over its own connection or the agent's: { status } or { error } and whether its bytes had been sent. */
function post(path, body, agent = false) {
  return new Promise((done) => {
    const text = JSON.stringify(body);
    const call = request(`${server.url}${path}`, { method: "POST", agent, headers: { "Content-Type": "application/json", "Content-Length": text.length } }, (response) => {
      let data = "";
      response.on("data", (chunk) => (data += chunk));
      response.on("end", () => done({ status: response.statusCode, body: data }));
      response.on("error", (error) => done({ error }));
    });
    call.on("error", (error) => done({ error }));
    call.end(text);
  });
}
const add = (writer, n, agent) => post("/api/mutation", { path: "entries:add", args: { writer, n, rank: n }, format: "json" }, agent);

/** Callers that write one entry after the other until `stopped()`; returns what was acknowledged and what went wrong. */
function load(callers, stopped, keepAlive, name) {
  const acknowledged = [];
  const errors = [];
  const runs = Array.from({ length: callers }, async (_, caller) => {
    const agent = keepAlive ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    for (let n = 0; !stopped(); n++) {
      const answer = await add(`${name}${caller}`, n, agent);
      if (answer.status === 200) acknowledged.push(`${name}${caller}/${n}`);
      else errors.push({ what: answer.error?.code ?? answer.status, entry: `${name}${caller}/${n}` });
      if (answer.error) break;
    }
    if (agent) agent.destroy();
  });
  return { acknowledged, errors, finished: Promise.all(runs) };
}

async function entries() {
  const all = new Set();
  let cursor = null;
  for (;;) {
    const { value } = await server.call("query", "entries:page", { index: null, cursor });
    for (const line of value.lines.split("\n").filter(Boolean)) {
      const { writer, n } = JSON.parse(line);
      all.add(`${writer}/${n}`);
    }
    cursor = value.cursor;
    if (cursor === null) return all;
  }
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  describe(`${signal} under load`, () => {
    it("answers what it accepted, loses nothing, exits with 0; websocket clients go on after the restart", async (t) => {
      let stopped = false;
      const fresh = load(6, () => stopped, false, signal);
      const client = new ConvexClient(server.url);
      t.after(() => client.close());
      let seen = 0;
      client.onUpdate("counters:get", { name: signal }, (value) => (seen = value));
      let sent = 0;
      const socketLoad = (async () => {
        const running = [];
        while (!stopped) {
          sent++;
          running.push(client.mutation("counters:bump", { name: signal }));
          await sleep(10);
        }
        await Promise.all(running); // resent after the reconnect where they had no answer
      })();
      await until(() => fresh.acknowledged.length > 20);
      const { code, signal: killedBy } = await server.kill(signal);
      assert.deepEqual([code, killedBy], [0, null], server.logText().slice(-1500));
      await fresh.finished;
      // Connections that the system refused, or still held when the port was closed. Everything else must have been answered.
      assert.deepEqual(fresh.errors.filter(({ what }) => what !== "ECONNREFUSED" && what !== "ECONNRESET"), []);
      assert.ok(fresh.acknowledged.length > 20, `${fresh.acknowledged.length}`);

      await server.launch();
      const stored = await entries();
      assert.deepEqual(fresh.acknowledged.filter((each) => !stored.has(each)), []);
      assert.deepEqual(fresh.errors.filter(({ entry }) => stored.has(entry)), [], "what had no answer was not accepted");
      await sleep(300);
      stopped = true;
      await socketLoad;
      // Each exactly once, however often it was sent.
      assert.equal((await server.call("query", "counters:get", { name: signal })).value, sent);
      for (let i = 0; i < 200 && seen !== sent; i++) await sleep(20);
      assert.equal(seen, sent);
    });
  });
}

describe("stopping", () => {
  let naps = 0;
  /** An action that runs for so long. */
  async function napping(ms) {
    const counter = `nap${naps++}`;
    const nap = server.call("action", "actions:nap", { ms, counter }).catch(() => "cut");
    await until(async () => (await server.call("query", "counters:get", { name: counter })).value > 0);
    return { nap };
  }

  it("closes idle keep-alive connections, finishes a running action within its patience, then exits", async () => {
    const idle = rawRequest(server.port, ["GET /version HTTP/1.1", "Host: x"]);
    await idle.seen("200 OK");
    const { nap } = await napping(1800);
    server.process.kill("SIGTERM");
    assert.equal(await Promise.race([idle.closed.then(() => "closed"), nap]), "closed", "idle connections do not wait for the action");
    assert.equal((await nap).status, "success");
    assert.equal((await server.exited).code, 0);
  });

  it("ends actions that take too long, and answers their callers", async () => {
    const { nap } = await napping(60_000);
    server.process.kill("SIGTERM");
    assert.equal((await nap).http, 503);
    assert.equal((await server.exited).code, 0);
  });

  it("answers a request that arrives on a connection it had accepted before", async () => {
    await server.call("query", "notes:list"); // a worker has started
    const late = rawRequest(server.port, ["POST /api/query HTTP/1.1", "Host: x", "Content-Type: application/json", "Content-Length: 52"]);
    await sleep(200);
    server.process.kill("SIGTERM");
    await sleep(100);
    late.send('{"path":"notes:list","args":{},"format":"json"     }');
    await late.seen('"status":"success"');
    assert.match(late.text, /Connection: close/i);
    assert.equal((await server.exited).code, 0);
  });

  it("a second signal ends it at once", async () => {
    const { nap } = await napping(60_000);
    server.process.kill("SIGTERM");
    await sleep(200);
    const { code } = await server.kill("SIGINT");
    assert.equal(code, 130, "not after the patience for actions, which would be 0");
    await nap;
  });
});
