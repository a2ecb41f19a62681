// Strict serializability of the whole server: concurrent HTTP and websocket clients with live queries over few lists, kill -9 at
// random moments, then the checker (tests/lib/history/checker.mjs) over everything that they saw.
//   HULL_HISTORY_SECONDS  how long (60); checked and forgotten every 30 s, so any length will do
//   HULL_HISTORY_SEED     repeats the same choices (not the same timing)
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { anyApi as api } from "convex/server";
import { ConvexHttpClient } from "convex/browser";
import { useApp } from "./lib/fixture.mjs";
import { checkHistory, describeAnomaly } from "./lib/history/checker.mjs";
import { HttpClient, SocketClient } from "./lib/history/clients.mjs";
import { EPOCH, Recorder } from "./lib/history/recorder.mjs";
import { Workload } from "./lib/history/workload.mjs";
import { sleep, until } from "./lib/server.mjs";

const SECONDS = Number(process.env.HULL_HISTORY_SECONDS ?? 60);
const SEED = Number(process.env.HULL_HISTORY_SEED ?? Math.floor(Math.random() * 2 ** 32));
const SEGMENT_SECONDS = 30;
const COMMITS_PER_SECOND = 2;
const COMMITS_BETWEEN_KILLS = 5;
const SOCKET_CLIENTS = 6;
const HTTP_CLIENTS = 6;
const hull = useApp("tests/app");

/** Runs all clients with kills until the time is over and everything is answered; returns what happened. */
async function runSegment(workload, seconds) {
  const recorder = new Recorder();
  const errors = [];
  workload.startSegment();
  const clients = [
    ...Array.from({ length: SOCKET_CLIENTS }, (_, n) => new SocketClient(`socket${n}`, hull.server, workload, recorder, errors)),
    ...Array.from({ length: HTTP_CLIENTS }, (_, n) => new HttpClient(`http${n}`, hull.server, workload, recorder, errors)),
  ];
  for (const client of clients) client.start();
  const end = Date.now() + seconds * 1000;
  const committed = () => recorder.count("ok", "mutation");
  let kills = 0;
  for (;;) {
    // However slow the machine is: something happens between two kills, and enough in all.
    const before = committed();
    await sleep(Math.max(0, Math.min(end - Date.now(), 1500 + Math.random() * 4000)));
    await until(() => committed() >= before + COMMITS_BETWEEN_KILLS, 120_000);
    if (Date.now() >= end && committed() >= COMMITS_PER_SECOND * seconds) break;
    await hull.server.kill("SIGKILL");
    kills++;
    await hull.server.launch();
  }
  await Promise.all(clients.map((client) => client.stop()));
  const http = new ConvexHttpClient(hull.server.url, { logger: false });
  const stale = await staleLiveQueries(http, clients);
  const final = [];
  const [from, to] = workload.segment;
  for (let key = from; key < to; key += EPOCH) final.push(...(await http.query(api.history.lists, { from: key, to: key + EPOCH })));
  await Promise.all(clients.map((client) => client.close()));
  return { recorder, final, kills, errors, stale };
}

/** Live queries that do not arrive at the result of a fresh query. */
async function staleLiveQueries(http, clients) {
  const live = clients.flatMap((client) => (client.live ?? []).map((each) => ({ ...each, name: client.name, each })));
  const deadline = Date.now() + 30_000;
  const stale = [];
  for (const { name, steps, each } of live) {
    const fresh = await http.query(api.history.look, { steps });
    while (!isDeepStrictEqual(each.value, fresh) && Date.now() < deadline) await sleep(20);
    if (!isDeepStrictEqual(each.value, fresh)) stale.push(`${name} ${JSON.stringify(steps)}: ${JSON.stringify(each.value)}, fresh: ${JSON.stringify(fresh)}`);
  }
  assert.ok(live.length >= SOCKET_CLIENTS);
  return stale;
}

describe(`histories, seed ${SEED}`, () => {
  const workload = new Workload(SEED);
  for (let start = 0; start < SECONDS; start += SEGMENT_SECONDS) {
    const seconds = Math.min(SEGMENT_SECONDS, SECONDS - start);
    it(`second ${start} to ${start + seconds}`, { timeout: (seconds + 240) * 1000 }, async (t) => {
      const { recorder, final, kills, errors, stale } = await runSegment(workload, seconds);
      const checked = performance.now();
      const { anomalies, edges } = checkHistory(recorder.transactions, final);
      const edgeText = Object.entries(edges).map(([name, count]) => `${count} ${name}`);
      t.diagnostic(
        `${recorder.transactions.length} transactions: ${recorder.count("ok", "mutation")} mutations committed, ` +
          `${recorder.count("ok", "query")} queries, ${recorder.count("ok", "delivery")} deliveries, ${recorder.count("ok", "session")} session states, ` +
          `${recorder.count("failed")} failed, ${recorder.count("unknown")} unknown; ${kills} kills; ` +
          `edges: ${edgeText.join(", ")}; checked in ${Math.round(performance.now() - checked)} ms`,
      );
      for (const anomaly of anomalies.slice(0, 10)) t.diagnostic(describeAnomaly(anomaly));
      if (errors.length + anomalies.length + stale.length > 0) t.diagnostic(`the server's log:\n${hull.server.logLines().slice(-30).join("\n")}`);
      assert.deepEqual(anomalies.map(({ type, text }) => `${type}: ${text}`), []);
      assert.deepEqual(stale, [], "live queries end at the value of a fresh query");
      assert.deepEqual(errors, []);
      assert.ok(kills > 0);
    });
  }
});
