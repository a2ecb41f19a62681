// The dashboard's charts and the function log over HTTP (http-api.md §8).
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { ConvexClient } from "convex/browser";
import { useApp } from "./lib/fixture.mjs";
import { sleep } from "./lib/server.mjs";

const hull = useApp("tests/app");
const at = (ms) => ({ secs_since_epoch: Math.floor(ms / 1000), nanos_since_epoch: (ms % 1000) * 1e6 });
const hour = (buckets = 60) => JSON.stringify({ start: at(Date.now() - 3_600_000), end: at(Date.now() + 1000), num_buckets: buckets });
const get = (route, params = {}) => hull.server.get(`/api/app_metrics/${route}?${new URLSearchParams({ window: hour(), ...params })}`, { key: true });
async function chart(route, params) {
  const response = await get(route, params);
  assert.equal(response.status, 200, await response.clone().text());
  return await response.json();
}
const sum = (series) => series.reduce((total, [, value]) => total + (value ?? 0), 0);
const last = (series) => series.filter(([, value]) => value !== null).at(-1)?.[1];

describe("charts", { concurrency: false }, () => {
  before(async () => {
    for (let i = 0; i < 5; i++) await hull.server.call("mutation", "notes:add", { text: "x", rank: i });
    for (let i = 0; i < 4; i++) await hull.server.call("query", "notes:list", {});
    await hull.server.call("action", "actions:explode", {});
    await hull.server.call("action", "actions:nap", { ms: 300 });
  });

  it("a timeseries has a pair per bucket, with its start", async () => {
    const series = await chart("udf_rate", { path: "notes:add", udfType: "Mutation", metric: "invocations" });
    assert.equal(series.length, 60);
    for (let i = 1; i < 60; i++) {
      const step = series[i][0].secs_since_epoch - series[i - 1][0].secs_since_epoch + (series[i][0].nanos_since_epoch - series[i - 1][0].nanos_since_epoch) / 1e9;
      assert.ok(Math.abs(step - 3601 / 60) < 0.01, `${step}`);
    }
    assert.equal(series[0][1], null); // the server did not run yet
    assert.equal(sum(series), 5);
  });

  it("rates, cache and latency of one function", async () => {
    const rate = async (path, metric, extra) => sum(await chart("udf_rate", { path, metric, ...extra }));
    assert.equal(await rate("notes:list", "cacheHits"), 3);
    assert.equal(await rate("notes.js:list", "cacheMisses"), 1);
    assert.equal(await rate("actions:explode", "errors"), 1); // the kind is that of the deployed function
    assert.equal(await rate("notes:nothing", "invocations"), 0);
    assert.equal(last(await chart("cache_hit_percentage", { path: "notes:list" })), 75);
    const [[low, fast], [high, slow]] = await chart("latency_percentiles", { path: "actions:nap", udfType: "Action", percentiles: "[50,95]" });
    assert.deepEqual([low, high], [50, 95]);
    assert.ok(last(fast) > 0.2 && last(slow) < 2, `${last(fast)} ${last(slow)}`);
  });

  it("rows of a table", async () => {
    assert.equal(sum(await chart("table_rate", { name: "notes", metric: "rowsWritten" })), 5);
    assert.ok(sum(await chart("table_rate", { name: "notes", metric: "rowsRead" })) >= 5);
  });

  it("rankings name modules with .js and sum up the rest", async () => {
    const calls = await chart("function_call_count_top_k", { k: "1" });
    assert.deepEqual(calls.map(([name]) => name), ["notes.js:add", "_rest"]);
    assert.ok(sum(calls[1][1]) >= 6);
    const failures = Object.fromEntries(await chart("failure_percentage_top_k", { k: "25" }));
    assert.equal(last(failures["actions.js:explode"]), 100);
    assert.equal(last(failures["notes.js:list"]), 0);
    const hits = await chart("cache_hit_percentage_top_k");
    assert.deepEqual(hits.map(([name]) => name), ["notes.js:list"]);
  });

  it("which mutation invalidates what", async () => {
    const client = new ConvexClient(hull.server.url);
    let updates = 0;
    client.onUpdate("notes:list", {}, () => updates++);
    while (updates === 0) await sleep(10);
    await client.mutation("notes:add", { text: "seen", rank: 9 });
    while (updates === 1) await sleep(10);
    await client.close();
    const pairs = Object.fromEntries(await chart("subscription_invalidations_top_k"));
    assert.ok(sum(pairs["notes:add:notes"]) >= 1, JSON.stringify(Object.keys(pairs)));
    const filtered = await chart("subscription_invalidations_top_k", { path: "notes:add", udfType: "Mutation" });
    assert.deepEqual(filtered.map(([name]) => name), ["notes"]);
    assert.ok(sum(await chart("udf_rate", { path: "notes:add", udfType: "Mutation", metric: "subscriptionInvalidations" })) >= 1);
  });

  it("concurrency and scheduler lag", async () => {
    const napping = hull.server.call("action", "actions:nap", { ms: 6000 });
    await sleep(5500); // samples are taken every five seconds
    const concurrency = await chart("function_concurrency");
    assert.equal(Object.keys(concurrency).length, 16);
    assert.ok(last(concurrency["outstanding_functions:isolate:Action:running"]) >= 1);
    assert.equal(last(concurrency["outstanding_functions:node:Action:running"]), 0);
    const lag = (await chart("scheduled_job_lag")).map(([, value]) => value);
    assert.ok(lag.every((seconds) => seconds === null || seconds === 0), `${lag}`);
    assert.ok(lag.includes(0));
    await napping;
  });

  it("bad questions are answered with 400", async () => {
    const bad = async (route, params, code, message) => {
      const response = await get(route, params);
      assert.equal(response.status, 400, `${route} ${JSON.stringify(params)}`);
      const body = await response.json();
      assert.equal(body.code, code);
      if (message) assert.equal(body.message, message);
    };
    await bad("function_call_count_top_k", { k: "0" }, "InvalidTopKParameter", "k must be between 1 and 25, got 0");
    await bad("function_call_count_top_k", { k: "26" }, "InvalidTopKParameter", "k must be between 1 and 25, got 26");
    await bad("udf_rate", { path: "a:b", metric: "nonsense" }, "BadQueryArgs");
    await bad("udf_rate", { metric: "errors" }, "BadQueryArgs");
    await bad("table_rate", { name: "notes", metric: "x" }, "BadQueryArgs");
    await bad("latency_percentiles", { path: "a:b", percentiles: "[101]" }, "BadQueryArgs");
    for (const window of ["", "{}", "[]", JSON.stringify({ start: at(2000), end: at(1000), num_buckets: 5 }), hour(0), hour(10_001), hour(1.5)])
      await bad("scheduled_job_lag", { window }, "BadQueryArgs");
    assert.equal((await hull.server.get(`/api/app_metrics/scheduled_job_lag?window=${hour()}`)).status, 403);
  });
});

describe("function log", { concurrency: false }, () => {
  const logs = async (cursor, headers = {}) =>
    await (await hull.server.get(`/api/stream_function_logs?cursor=${cursor}`, { key: true, headers })).json();

  it("has every field, and one request id through nested calls", async () => {
    const { newCursor } = await logs(0);
    const requestId = "feedfacecafe0001";
    await hull.server.call("action", "actions:relay", { text: "logged" }, { headers: { "Convex-Request-Id": requestId } });
    const { entries } = await logs(newCursor, { "Convex-Client": "npm-cli-1.48.0" });
    const of = entries.filter((entry) => entry.requestId === requestId);
    const completions = of.filter((entry) => entry.kind === "Completion");
    const action = completions.find((entry) => entry.udfType === "Action");
    const mutation = completions.find((entry) => entry.udfType === "Mutation");
    assert.equal(action.identifier, "actions:relay");
    assert.equal(action.caller, "HttpApi");
    assert.equal(action.environment, "isolate");
    assert.equal(action.parentExecutionId, null);
    assert.deepEqual(action.logLines, []);
    assert.ok(action.returnBytes > 0);
    assert.equal(mutation.caller, "Action");
    assert.equal(mutation.parentExecutionId, action.executionId);
    assert.equal(mutation.identityType, "unknown");
    assert.equal(mutation.usageStats.databaseWriteDocuments, 1);
    assert.equal(Object.keys(mutation.usageStats).length, 17);
    assert.deepEqual(completions.filter((entry) => entry.udfType === "Query").map((entry) => entry.parentExecutionId), [action.executionId, action.executionId]);
    const progress = of.find((entry) => entry.kind === "Progress");
    assert.equal(progress.logLines[0].level, "INFO");
    assert.ok(of.every((entry) => entry.timestamp > 1e9 && entry.timestamp < 1e10));
  });

  it("errors carry the id of the request", async () => {
    const requestId = "feedfacecafe0002";
    const { newCursor } = await logs(0);
    const failed = await hull.server.call("action", "actions:explode", {}, { headers: { "Convex-Request-Id": requestId } });
    assert.match(failed.errorMessage, /^\[Request ID: feedfacecafe0002\] Server Error/);
    const [entry] = (await logs(newCursor)).entries;
    assert.equal(entry.requestId, requestId);
    assert.match(entry.error, /^Uncaught Error: action boom\n/);
    assert.equal(entry.success, null);
  });

  it("conflicts say what was in the way, and who retries", async () => {
    const { newCursor } = await logs(0);
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 30 }, () => hull.server.call("mutation", "counters:bump", { name: "hot" })));
      const lost = (await logs(newCursor)).entries.find((entry) => entry.occInfo);
      if (!lost) continue;
      assert.equal(lost.occInfo.tableName, "counters");
      assert.equal(typeof lost.occInfo.retryCount, "number");
      assert.equal(lost.willRetry, true);
      return;
    }
    assert.fail("no conflict in 600 calls");
  });
});
