// What one client may cost the others, and how much work many clients share.
//   HULL_SYNC_CLIENTS  of the reconnect storm (200)
//   HULL_SYNC_QUERIES  of the heavy session (1000)
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { App } from "./lib/cli.mjs";
import { HullServer, ROOT, sleep } from "./lib/server.mjs";
import { SyncSocket, add, remove } from "./lib/sync_socket.mjs";

const CLIENTS = Number(process.env.HULL_SYNC_CLIENTS ?? 200);
const QUERIES = Number(process.env.HULL_SYNC_QUERIES ?? 1000);
const DISTINCT = 10;
let server;
let app;
const sockets = [];

before(async () => {
  server = await HullServer.start({ env: { MAX_UDF_EXECUTION: "200000" } });
  app = new App(join(ROOT, "tests/app"), server);
  await app.push();
});
after(async () => {
  sockets.forEach((socket) => socket.close());
  app?.remove();
  await server?.stop();
});

async function connected() {
  const socket = await SyncSocket.open(server);
  sockets.push(socket);
  socket.connect();
  return socket;
}

let cursor = 0;
/** The function log since the last look. */
async function newEntries() {
  const entries = [];
  for (;;) {
    const batch = await (await server.get(`/api/stream_udf_execution?cursor=${cursor}`, { key: true })).json();
    entries.push(...batch.entries);
    cursor = batch.newCursor;
    // A call that nobody shares marks the end: the poll would wait for more otherwise.
    if (batch.entries.some(({ identifier, error }) => /facts(\.js)?:echo/.test(identifier) && error === null)) return entries;
  }
}
async function runs(identifier) {
  await server.call("query", "facts:echo", { value: Math.random() });
  const mine = (await newEntries()).filter((entry) => entry.identifier.replace(".js", "") === identifier);
  return { run: mine.filter(({ cachedResult }) => !cachedResult).length, shared: mine.filter(({ cachedResult }) => cachedResult).length };
}

/** Round trips of a session that asks for little, until `done`; sorted milliseconds. */
async function roundTrips(done) {
  const socket = await connected();
  const name = `light${Math.random()}`;
  socket.modify(add(0, "counters:get", { name }));
  await socket.nextTransition();
  const times = [];
  let over = false;
  const watching = done.then(() => (over = true));
  while (!over) {
    const began = performance.now();
    const { ts } = await socket.mutate("counters:bump", { name });
    await socket.reaches(ts);
    times.push(performance.now() - began);
  }
  await watching;
  assert.equal(socket.queries.get(0).value, times.length);
  return times.sort((a, b) => a - b);
}
const median = (sorted) => sorted[Math.floor(sorted.length / 2)];
function report(t, what, times, total) {
  t.diagnostic(`${what}: ${times.length} round trips of another session in ${total.toFixed(0)} ms, median ${median(times).toFixed(1)}, longest ${times.at(-1).toFixed(1)} ms`);
}

describe("one heavy session", () => {
  it(`${QUERIES} distinct queries of the function that the other session uses`, { timeout: 240_000 }, async (t) => {
    const heavy = await connected();
    const began = performance.now();
    heavy.modify(...Array.from({ length: QUERIES }, (_, i) => add(i, "counters:get", { name: `heavy${i}` })));
    const times = await roundTrips(heavy.nextTransition(200_000));
    const total = performance.now() - began;
    report(t, "distinct queries", times, total);
    assert.equal(heavy.queries.size, QUERIES);
    assert.ok(median(times) < total / 10, "the other session did not wait for the heavy one");
  });

  it("a stream of changes of the query set", { timeout: 120_000 }, async (t) => {
    const heavy = await connected();
    const began = performance.now();
    const caughtUp = (async () => {
      for (let i = 0; performance.now() - began < 3000; i++) {
        heavy.modify(...Array.from({ length: 20 }, (_, j) => add(i * 20 + j, "facts:random", { salt: i * 20 + j })));
        if (i > 0) heavy.modify(...Array.from({ length: 20 }, (_, j) => remove(i * 20 - 20 + j)));
        await sleep(2);
      }
      while (heavy.version.querySet < heavy.querySet) await heavy.nextTransition(60_000);
    })();
    const times = await roundTrips(caughtUp);
    const total = performance.now() - began;
    report(t, `${heavy.querySet} changes`, times, total);
    assert.equal(heavy.queries.size, 20);
    assert.ok(median(times) < total / 10, "the other session did not wait for the heavy one");
  });

  it("500 queued mutations", { timeout: 120_000 }, async (t) => {
    const heavy = await connected();
    const began = performance.now();
    const all = Promise.all(Array.from({ length: 500 }, () => heavy.mutate("counters:bump", { name: "heavy" })));
    const times = await roundTrips(all);
    const total = performance.now() - began;
    report(t, "mutations", times, total);
    assert.ok(median(times) < total / 20, "turns are taken");
  });

  it("arguments of many megabytes", { timeout: 120_000 }, async (t) => {
    const heavy = await connected();
    const value = Array.from({ length: 40_000 }, (_, i) => ({ i, text: "x".repeat(100) }));
    const began = performance.now();
    const all = Promise.all(Array.from({ length: 5 }, (_, i) => heavy.mutate("facts:nothing", { i, value })));
    const times = await roundTrips(all);
    const total = performance.now() - began;
    report(t, "large arguments", times, total);
    assert.ok(times.at(-1) < total, "answers come while the arguments are read");
  });
});

describe("callers by HTTP", () => {
  it("a flood from one address does not delay another", { timeout: 120_000 }, async () => {
    const id = (await server.call("mutation", "notes:add", { text: "read often", rank: 1 })).value;
    const query = (salt, address, requestId) =>
      server.call("query", "facts:gets", { id, times: 200, salt }, { headers: { "X-Forwarded-For": address, "Convex-Request-Id": requestId } }).then((result) => {
        assert.equal(result.status, "success", JSON.stringify(result));
      });
    await runs("");
    const flood = Array.from({ length: 100 }, (_, i) => query(i, "10.0.0.1", "flood"));
    await flood[0];
    await query(-1, "10.0.0.2", "other");
    await Promise.all(flood);
    await server.call("query", "facts:echo", { value: Math.random() });
    const entries = await newEntries();
    const other = entries.find(({ requestId }) => requestId === "other");
    const waited = ({ timestamp }) => timestamp > other.executionTimestamp && timestamp < other.timestamp;
    const passed = entries.filter((entry) => entry.requestId === "flood" && waited(entry)).length;
    assert.ok(passed < 30, `${passed} calls of the flood came first`);
  });
});

describe("many clients", () => {
  it(`${CLIENTS} clients with ${DISTINCT} queries each that come at once share their runs`, { timeout: 240_000 }, async (t) => {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, connected));
    await runs("");
    const began = performance.now();
    for (const client of clients) client.modify(...Array.from({ length: DISTINCT }, (_, i) => add(i, "counters:get", { name: `shared${i}` })));
    await Promise.all(clients.map((client) => client.nextTransition(200_000)));
    t.diagnostic(`all had their results after ${(performance.now() - began).toFixed(0)} ms`);
    const initial = await runs("counters:get");
    assert.equal(initial.run, DISTINCT, "one run for each distinct query");
    assert.equal(initial.run + initial.shared, CLIENTS * DISTINCT);

    // One commit wakes all of them.
    for (let round = 1; round <= 5; round++) {
      const written = performance.now();
      await server.call("mutation", "counters:bump", { name: "shared3" });
      await Promise.all(clients.map((client) => client.shows(3, ({ value }) => value === round)));
      t.diagnostic(`all have seen the write after ${(performance.now() - written).toFixed(0)} ms`);
      const update = await runs("counters:get");
      assert.equal(update.run, 1, "one run for all");
      assert.equal(update.run + update.shared, CLIENTS);
    }
  });

  it("clients with queries of their own that come at once are served in order", { timeout: 240_000 }, async (t) => {
    const clients = await Promise.all(Array.from({ length: CLIENTS / 2 }, connected));
    const began = performance.now();
    const times = await Promise.all(
      clients.map(async (client, n) => {
        client.modify(...Array.from({ length: DISTINCT }, (_, i) => add(i, "counters:get", { name: `own${n}-${i}` })));
        await client.nextTransition(200_000);
        return performance.now() - began;
      }),
    );
    times.sort((a, b) => a - b);
    t.diagnostic(`half of them had their results after ${median(times).toFixed(0)} ms, all after ${times.at(-1).toFixed(0)} ms`);
    assert.ok(median(times) < 0.8 * times.at(-1), "not all of them at the end");
    assert.ok(clients.every((client) => client.ended === undefined));
  });
});
