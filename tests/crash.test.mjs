// kill -9 in a loop while mutations run and indexes are pushed: what was acknowledged is there, nothing twice, every index agrees
// with the table, timestamps never go back. A second server on the data is refused.
//   HULL_KILL_ROUNDS  how often (30); 300 for a thorough run
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { useApp } from "./lib/fixture.mjs";
import { recordingSocket } from "./lib/history/recording_socket.mjs";
import { RawSession } from "./lib/raw_session.mjs";
import { freePort } from "./lib/ports.mjs";
import { HULL, sleep } from "./lib/server.mjs";
import { watchingProxy } from "./lib/watching_proxy.mjs";

const ROUNDS = Number(process.env.HULL_KILL_ROUNDS ?? 30);
/** Documents that a new index has to be back-filled with. */
const FILLED = 20_000;
const FILLED_AT_ONCE = 2000;
const PUSH_EVERY = 8;
/** How long a push takes and, from when it begins to wait for its index, the back-fill: about. */
const PUSH_MILLIS = 3500;
const BACKFILL_MILLIS = 600;
const RESENT = 5;
const hull = useApp("tests/app");

/** Sends requests of one session; after every reconnection the last ones again, answered or not. */
async function resend(session, state) {
  const answers = new Map();
  const check = (requestId, answer) => {
    const before = answers.get(requestId);
    if (!answer.success) state.errors.push(`request ${requestId} failed: ${answer.result}`);
    if (before !== undefined && (before.ts !== answer.ts || before.result !== answer.result)) {
      state.errors.push(`request ${requestId} was answered ${before.result} at ${before.ts}, then ${answer.result} at ${answer.ts}`);
    }
    const last = answers.get(requestId - 1);
    if (last !== undefined && answer.ts <= last.ts) state.errors.push(`request ${requestId} committed at ${answer.ts}, the one before it at ${last.ts}`);
    if (before !== undefined) state.resent++;
    answers.set(requestId, answer);
  };
  for (let next = 0; state.running; ) {
    try {
      await session.connect();
      const send = async (n) => check(n, await session.mutate(n, "entries:add", { writer: "raw", n, rank: n % 7 }));
      for (let n = Math.max(0, next - RESENT); n < next; n++) await send(n);
      while (state.running) {
        const sent = state.newest;
        await send(next++);
        const { ts } = answers.get(next - 1);
        if (ts <= sent) state.errors.push(`request ${next - 1} committed at ${ts}, when ${sent} was known already`);
        if (ts > state.newest) state.newest = ts;
        await sleep(5);
      }
    } catch (error) {
      if (!/connect/.test(error.message)) state.errors.push(error.message);
      await sleep(20);
    }
  }
  session.close();
  return answers;
}

/** Pushes the app with another index until that succeeds; a failure that no kill explains is an error. */
async function pushIndex(number, state) {
  const file = join(hull.app.dir, "convex/schema.ts");
  state.schema ??= readFileSync(file, "utf8");
  writeFileSync(file, state.schema.replace('.index("by_rank", ["rank"])\n    .index("by_writer"', `.index("late_${number}", ["rank", "writer"])\n    $&`));
  assert.match(readFileSync(file, "utf8"), /late_/);
  for (;;) {
    const kills = state.kills;
    const result = await hull.app.run(["dev", "--once", "--tail-logs", "disable", "--typecheck", "disable", "--codegen", "disable"], {
      env: { CONVEX_SELF_HOSTED_URL: state.proxy.url },
    });
    state.killsInPushes += state.kills - kills;
    if (result.code === 0) return;
    state.repeatedPushes++;
    if (kills === state.kills) {
      state.errors.push(`a push failed without a kill:\n${result.all}`);
      return;
    }
  }
}

/** When to kill: soon, during a push also later, or (always at first) in the middle of the back-fill that it waits for. */
async function killMoment(state, pushing) {
  const dice = state.aimedAt === pushing ? Math.random() : 1;
  state.aimedAt = pushing;
  if (pushing === null || dice < 0.2) {
    await sleep(Math.random() * 40);
  } else if (dice < 0.5) {
    await sleep(Math.random() * PUSH_MILLIS);
  } else {
    const waits = new Promise((done) => (state.onWaitForSchema = () => done(true)));
    if ((await Promise.race([waits, pushing])) === true) {
      state.killsInBackfill++;
      await sleep(Math.random() * BACKFILL_MILLIS);
    }
  }
}

/** All documents in the order of an index (null: of a scan) as of a timestamp. */
async function rowsAt(ts, index) {
  const rows = [];
  let cursor = null;
  do {
    const response = await hull.server.post("/api/query_at_ts", { path: "entries:page", args: { index, cursor }, format: "convex_encoded_json", ts });
    const { value, ...rest } = await response.json();
    assert.ok(value, JSON.stringify(rest));
    if (value.lines !== "") rows.push(...value.lines.split("\n").map((line) => JSON.parse(line)));
    cursor = value.cursor;
  } while (cursor !== null);
  return rows;
}

/** Compares an index with a scan of the table at the same moment. */
async function compareIndex(index, fields) {
  const { ts } = await (await hull.server.post("/api/query_ts", {})).json();
  const order = (a, b) => {
    const field = fields.find((name) => a[name] !== b[name]);
    return field === undefined ? 0 : a[field] < b[field] ? -1 : 1;
  };
  const expected = (await rowsAt(ts, null)).sort(order);
  const actual = await rowsAt(ts, index);
  assert.equal(actual.length, expected.length, `${index} is complete`);
  const wrong = actual.findIndex((row, n) => row._id !== expected[n]._id);
  assert.equal(wrong, -1, `${index} is in order: ${JSON.stringify(actual[wrong])}, by the table ${JSON.stringify(expected[wrong])}`);
  assert.deepEqual(actual, expected);
  return actual;
}
const INDEXES = {
  by_id: ["_id"],
  by_creation_time: ["_creationTime", "_id"],
  by_rank: ["rank", "_creationTime", "_id"],
  by_writer: ["writer", "n", "_creationTime", "_id"],
};

describe("crash safety", () => {
  it(`kill -9, ${ROUNDS} rounds`, { timeout: 120_000 + ROUNDS * 40_000 }, async (t) => {
    const state = { running: true, newest: 0n, errors: [], kills: 0, killsInPushes: 0, killsInBackfill: 0, aimedAt: null, repeatedPushes: 0, resent: 0 };
    state.proxy = await watchingProxy(hull.server.url, (path) => {
      if (path.endsWith("/wait_for_schema")) state.onWaitForSchema?.();
    });
    t.after(() => state.proxy.close());
    for (let n = 0; n < FILLED; n += FILLED_AT_ONCE) {
      const filled = await hull.server.call("mutation", "entries:fill", { writer: `fill${n}`, count: FILLED_AT_ONCE, padding: "x".repeat(100) });
      assert.equal(filled.status, "success", JSON.stringify(filled));
    }
    const saw = (ts) => {
      if (ts > state.newest) state.newest = ts;
    };
    const socket = () =>
      recordingSocket({ onMutation: (_, ts) => saw(ts), onState: saw, onError: (text) => state.errors.push(text) });
    const clients = Array.from({ length: 4 }, () => new ConvexClient(hull.server.url, { logger: false, webSocketConstructor: socket() }));
    let acknowledged = 0;
    const writers = clients.map(async (client, n) => {
      const writer = `writer${n}`;
      client.onUpdate(api.entries.newest, { writer }, () => {}, (error) => state.errors.push(String(error)));
      let next = 0;
      for (; state.running; next++) {
        await client.mutation(api.entries.add, { writer, n: next, rank: next % 5 });
        acknowledged++;
        if (next % 3 === 0) await client.mutation(api.entries.rerank, { writer, rank: 100 + (next % 7) });
      }
      return next;
    });
    const resending = resend(new RawSession(hull.server.url), state);
    let pushing = null;
    let indexes = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const goal = acknowledged + 4;
      while (acknowledged < goal) await sleep(5);
      if (pushing === null && round % PUSH_EVERY === 2) pushing = pushIndex(indexes++, state).finally(() => (pushing = null));
      await killMoment(state, pushing);
      state.kills++;
      await hull.server.kill("SIGKILL");
      const before = state.newest;
      await hull.server.launch();
      const { ts } = await (await hull.server.post("/api/query_ts", {})).json();
      assert.ok(Buffer.from(ts, "base64").readBigUInt64LE() >= before, "the new server is not behind what the old one told");
      if (round % 10 === 9) await compareIndex("by_rank", INDEXES.by_rank);
    }
    await pushing;
    state.running = false;
    const counts = await Promise.all(writers);
    const answers = await resending;
    t.diagnostic(
      `${acknowledged + answers.size} acknowledged, ${state.resent} answered again, ${indexes} indexes pushed, ${state.killsInPushes} kills meanwhile, ${state.killsInBackfill} while it waited for the index, ${state.repeatedPushes} pushes repeated`,
    );
    for (const [index, fields] of Object.entries(INDEXES)) await compareIndex(index, fields);
    const rows = await compareIndex(`late_${indexes - 1}`, ["rank", "writer", "_creationTime", "_id"]);
    const numbersOf = (writer) => rows.filter((row) => row.writer === writer).map(({ n }) => n).sort((a, b) => a - b);
    counts.forEach((count, n) => assert.deepEqual(numbersOf(`writer${n}`), [...Array(count).keys()], "each acknowledged entry once"));
    // The last request may have been cut off by the end.
    const raw = numbersOf("raw");
    assert.deepEqual(raw, [...raw.keys()], "each request once");
    assert.ok(raw.length >= answers.size);
    await Promise.all(clients.map((client) => client.close()));
    assert.deepEqual(state.errors, []);
    assert.ok(acknowledged >= ROUNDS * 4);
    assert.ok(state.resent > 0 && state.killsInBackfill > 0);
  });

  it("a second server on the same data is refused", async () => {
    const args = ["serve", "--data-dir", hull.server.dataDir, "--interface", "127.0.0.1", "--port", `${await freePort()}`, "--site-port", `${await freePort()}`];
    await assert.rejects(promisify(execFile)(HULL, args, { timeout: 20_000 }), (error) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, /another Hull|in use/i);
      return true;
    });
  });
});
