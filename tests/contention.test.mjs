// Many clients write the same document, or read a whole table and insert into it: every call succeeds, nothing is lost, nobody starves.
//   HULL_CONTENTION_SECONDS  how long each part takes (8)
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { useApp } from "./lib/fixture.mjs";
import { sleep } from "./lib/server.mjs";

const SECONDS = Number(process.env.HULL_CONTENTION_SECONDS ?? 8);
/** The writer with the fewest acknowledged calls has at least this part of what the one with the most of its kind has. */
const FAIR = 0.2;
/** On a slow machine everybody has few calls, and one more or less means nothing. */
const SLACK = 1;
const hull = useApp("tests/app");

/** Websocket and HTTP writers, half of each. `failures` collects errors and closed sockets. */
function makeWriters(count, failures) {
  return Array.from({ length: count }, (_, n) => {
    const kind = n % 2 === 0 ? "websocket" : "http";
    const onServerDisconnectError = (reason) => failures.push(`${kind} ${n}: disconnected: ${reason}`);
    const client =
      kind === "websocket"
        ? new ConvexClient(hull.server.url, { logger: false, onServerDisconnectError })
        : new ConvexHttpClient(hull.server.url, { logger: false });
    return { kind, name: `${kind} ${n}`, client, acknowledged: 0 };
  });
}

/** Calls `mutate(writer)` over and over with all writers at once. */
async function contend(t, writers, failures, mutate) {
  const end = Date.now() + SECONDS * 1000;
  await Promise.all(
    writers.map(async (writer) => {
      while (Date.now() < end) {
        try {
          await mutate(writer);
          writer.acknowledged++;
        } catch (error) {
          failures.push(`${writer.name}: ${error.message}`);
          await sleep(10);
        }
      }
    }),
  );
  const unfair = [];
  for (const kind of ["websocket", "http"]) {
    const counts = writers.filter((writer) => writer.kind === kind).map(({ acknowledged }) => acknowledged);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    t.diagnostic(`${kind}: ${counts.reduce((a, b) => a + b)} acknowledged, ${least} to ${most} per writer`);
    if (least + SLACK < most * FAIR) unfair.push(`${kind}: ${least} to ${most}`);
  }
  t.diagnostic(`${failures.length} failures`);
  await Promise.all(writers.map(({ client }) => client.close?.()));
  return unfair;
}

/** How often each text occurs, with digits left out. */
function summary(texts) {
  const counts = {};
  for (const text of texts) {
    const general = text.replaceAll(/\b\d+\b/g, "#").replaceAll(/\b[0-9a-z]{32}\b/g, "…");
    counts[general] = (counts[general] ?? 0) + 1;
  }
  return counts;
}

describe("contention", () => {
  it("64 writers of one counter", { timeout: (SECONDS + 120) * 1000 }, async (t) => {
    const failures = [];
    const writers = makeWriters(64, failures);
    await hull.server.call("mutation", "counters:bump", { name: "contended" });
    const results = [];
    const unfair = await contend(t, writers, failures, async ({ client }) => results.push(await client.mutation(api.counters.bump, { name: "contended" })));
    assert.equal(new Set(results).size, results.length, "each value was returned once");
    const total = writers.reduce((sum, { acknowledged }) => sum + acknowledged, 1);
    assert.equal((await hull.server.call("query", "counters:get", { name: "contended" })).value, total);
    assert.deepEqual(summary(failures), {});
    assert.deepEqual(unfair, []);
  });

  it("32 writers that read a whole table and insert into it", { timeout: (SECONDS + 120) * 1000 }, async (t) => {
    const failures = [];
    const writers = makeWriters(32, failures);
    const places = [];
    const unfair = await contend(t, writers, failures, async ({ name, client }) => places.push(await client.mutation(api.counters.join, { writer: name })));
    const total = writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
    const all = [...Array(total).keys()];
    assert.deepEqual(places.sort((a, b) => a - b), all, "each place was given once");
    assert.deepEqual((await hull.server.call("query", "counters:queue")).value, all.slice(-50));
    assert.deepEqual(summary(failures), {});
    assert.deepEqual(unfair, []);
  });
});
