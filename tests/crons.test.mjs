// Cron jobs of a pushed app: they run when they should, one run at a time, and what pushes, pauses and restarts make of them.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { cronJobs, cronRuns, rows, system, writeCrons } from "./lib/crons.mjs";
import { useApp } from "./lib/fixture.mjs";
import { sleep, until } from "./lib/server.mjs";

const SECOND = 1_000_000_000n;
const hull = useApp("tests/apps/crons", { push: false, env: { CRON_SPLAY_SECONDS: "0" } });
const decoded = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

const JOBS = {
  tick: ["interval", { seconds: 1 }, "jobs:tick", { name: "tick" }],
  act: ["interval", { seconds: 1 }, "jobs:act", { name: "act", ms: 10 }],
  slow: ["interval", { seconds: 1 }, "jobs:act", { name: "slow", ms: 2300 }],
  boom: ["interval", { seconds: 2 }, "jobs:boom"],
  big: ["interval", { seconds: 2 }, "jobs:big"],
  hour: ["interval", { hours: 1 }, "jobs:tick", { name: "hour" }],
  minutely: ["cron", "* * * * *", "jobs:tick", { name: "minutely" }],
  daily: ["daily", { hourUTC: 3, minuteUTC: 15 }, "jobs:tick", { name: "daily" }],
};

async function pushDiff(jobs) {
  writeCrons(hull.app, jobs);
  await hull.app.push();
  const event = await system(hull.server, "deploymentEvents:lastPushEvent");
  return event.metadata.component_diffs[0].component_diff.cronDiff;
}
const ended = (run) => run.status.type !== "canceled";

describe("cron jobs", () => {
  before(async () => {
    assert.deepEqual(await pushDiff(JOBS), { added: Object.keys(JOBS).sort(), updated: [], deleted: [] });
  });

  it("an interval runs a mutation and an action at once and then at every step", async () => {
    const ticks = await until(async () => {
      const found = await rows(hull.server, "tick");
      return found.length >= 4 && found;
    });
    // Steps of the schedule, not of the clock: within each second after the first run there is one.
    const started = Number((await cronRuns(hull.server, "tick"))[0].ts / 1_000_000n);
    const seconds = ticks.map((row) => Math.floor((row.at - (started % 1000)) / 1000));
    assert.equal(new Set(seconds).size, seconds.length, `${ticks.map((row) => row.at)} since ${started}`);
    assert.ok(ticks.every((row) => row.user === null));
    assert.ok((await rows(hull.server, "act")).length >= 4);
    const [run] = (await cronRuns(hull.server, "act")).filter(ended);
    assert.deepEqual(run.status, { type: "success", result: { type: "default", value: '{"user":null}' } });
    assert.ok(run.executionTime >= 0.01 && run.executionTime < 5, `${run.executionTime}`);
  });

  it("the dashboard's functions show jobs and runs", async () => {
    const jobs = await cronJobs(hull.server);
    assert.deepEqual(Object.keys(jobs).sort(), Object.keys(JOBS).sort());
    const { tick, daily, slow } = jobs;
    assert.equal(tick.cronSpec.udfPath, "jobs.js:tick");
    assert.deepEqual(decoded(tick.cronSpec.udfArgs), [{ name: "tick" }]);
    assert.deepEqual(tick.cronSpec.cronSchedule, { type: "interval", seconds: 1n });
    assert.deepEqual(daily.cronSpec.cronSchedule, { type: "daily", hourUTC: 3n, minuteUTC: 15n });
    assert.ok(tick.lastRun.ts >= tick.nextRun.prevTs);
    const run = (await cronRuns(hull.server, "tick")).find(ended);
    assert.deepEqual(run.status, { type: "success", result: { type: "default", value: '"tick"' } });
    assert.deepEqual(run.logLines, { logLines: [], isTruncated: false });
    assert.equal(run.udfPath, "jobs.js:tick");
    assert.equal(tick.nextRun.cronJobId, tick._id);
    assert.deepEqual(daily.nextRun.state, { type: "pending" });
    assert.equal(daily.nextRun.prevTs, null);
    assert.equal(daily.lastRun, null);
    assert.equal(daily.nextRun.nextTs % (86_400n * SECOND), 11_700n * SECOND);
    assert.equal(slow.cronSpec.cronSchedule.seconds, 1n);
    assert.ok((await cronRuns(hull.server, "tick")).length <= 5);
    const [[component, modules]] = await system(hull.server, "modules:listForAllComponents");
    assert.equal(component, null);
    const specs = Object.fromEntries(modules.find(([path]) => path === "crons.js")[1].cronSpecs);
    assert.deepEqual(specs.tick, tick.cronSpec);
    assert.ok(modules.filter(([path]) => path !== "crons.js").every(([, module]) => module.cronSpecs === undefined));
    const denied = await hull.server.call("query", "_system/frontend/listCronJobs:default", {});
    assert.equal(denied.status, "error");
  });

  it("a function that throws is recorded, leaves nothing and runs again", async () => {
    await until(async () => (await cronRuns(hull.server, "boom")).length >= 2);
    for (const run of await cronRuns(hull.server, "boom")) {
      assert.equal(run.status.type, "err");
      assert.match(run.status.error, /^Uncaught Error: boom\n {4}at .*convex\/jobs\.ts:\d+:\d+\)?\n$/s);
    }
    assert.deepEqual(await rows(hull.server, "boom"), []);
  });

  it("ends are counted for monitoring", async () => {
    const text = await (await hull.server.get("/metrics")).text();
    for (const status of ["success", "error"]) assert.match(text, new RegExp(`convex_local_backend_cron_job_result_total\\{status="${status}"\\} [1-9]`));
    assert.match(text, /convex_local_backend_cron_job_execution_lag_seconds_bucket\{le="\+Inf"\} [1-9]/);
  });

  it("large results and many lines are cut", async () => {
    const run = await until(async () => (await cronRuns(hull.server, "big"))[0]);
    assert.deepEqual(run.status.result, { type: "truncated", truncated_log: `"${"y".repeat(999)}` });
    assert.equal(run.logLines.isTruncated, true);
    assert.equal(run.logLines.logLines.join("").length, 1000);
    assert.match(run.logLines.logLines[0], /^\[LOG\] 'line 0 x+'$/);
  });

  it("runs of one job never overlap; the steps they miss are counted", async () => {
    const canceled = await until(async () => (await cronRuns(hull.server, "slow")).find((run) => run.status.type === "canceled"));
    assert.ok(canceled.status.num_canceled >= 2n, `${canceled.status.num_canceled}`);
    await until(async () => (await rows(hull.server, "slow")).length >= 5);
    const found = await rows(hull.server, "slow");
    found.forEach((row, i) => assert.equal(row.what, i % 2 === 0 ? "begin" : "end"));
    const { entries } = await (await hull.server.get("/api/stream_function_logs?cursor=0", { key: true })).json();
    const skips = entries.filter((entry) => /^Skipping \d+ run\(s\) of job \S+ because multiple scheduled runs are in the past$/.test(entry.error));
    assert.ok(skips.length > 0);
    assert.ok(skips.every((entry) => entry.caller === "Cron"));
    assert.ok(entries.some((entry) => entry.identifier === "jobs:tick" && entry.caller === "Cron" && entry.error === null));
  });

  it("a paused deployment runs none and goes on afterwards", async () => {
    assert.equal((await hull.server.post("/api/v1/pause_deployment", {}, { key: true })).status, 200);
    await sleep(300);
    const runs = async () => (await cronJobs(hull.server)).tick.nextRun.nextTs;
    const paused = await runs();
    await sleep(2500);
    assert.equal(await runs(), paused);
    assert.equal((await hull.server.post("/api/v1/unpause_deployment", {}, { key: true })).status, 200);
    // Only the newest five rows are kept.
    const [late, left] = await until(async () => {
      const found = await cronRuns(hull.server, "tick");
      const both = [paused, paused + SECOND].map((ts) => found.find((run) => run.ts === ts));
      return both.every(Boolean) && both;
    });
    assert.equal(late.status.type, "success");
    assert.equal(left.status.type, "canceled");
  });

  it("a push changes what has changed and nothing else", async () => {
    const old = await cronJobs(hull.server);
    const { minutely, ...kept } = JOBS;
    const diff = await pushDiff({
      ...kept,
      big: ["interval", { hours: 2 }, "jobs:big"],
      daily: ["daily", { hourUTC: 4, minuteUTC: 15 }, "jobs:tick", { name: "daily" }],
      boom: ["interval", { seconds: 2 }, "jobs:tick", { name: "boom" }],
      minute: minutely,
    });
    assert.deepEqual(diff, { added: ["minute"], updated: ["big", "boom", "daily"], deleted: ["minutely"] });
    const now = await cronJobs(hull.server);
    assert.equal(now.hour._id, old.hour._id);
    assert.equal(now.hour.nextRun.nextTs, old.hour.nextRun.nextTs);
    assert.equal((await rows(hull.server, "hour")).length, 1);
    assert.equal(now.tick.nextRun.nextTs % SECOND, old.tick.nextRun.nextTs % SECOND);
    assert.equal(now.daily.nextRun.nextTs % (86_400n * SECOND), 15_300n * SECOND);
    // It was to run again within 30 seconds: its next run has stayed, and the new interval counts from there.
    await until(async () => (await cronJobs(hull.server)).big.nextRun.nextTs > BigInt(Date.now()) * 1_000_000n + 60n * SECOND);
    assert.equal((await cronJobs(hull.server)).big.nextRun.nextTs % SECOND, old.big.nextRun.nextTs % SECOND);
    await until(async () => (await rows(hull.server, "boom")).length > 0);
  });

  it("after a stop one late run makes up for all that were missed", async () => {
    const stopping = Date.now();
    await hull.server.kill("SIGTERM");
    const stopped = Date.now();
    await sleep(4200);
    await hull.server.launch();
    const started = Date.now();
    const [canceled, late] = await until(async () => {
      const found = await cronRuns(hull.server, "tick");
      const left = found.find((run) => run.status.type === "canceled" && Number(run.ts / 1_000_000n) >= stopping);
      return left && [left, found.find((run) => run.ts === left.ts - SECOND)];
    });
    assert.ok(canceled.status.num_canceled >= 3n, `${canceled.status.num_canceled}`);
    assert.equal(late.status.type, "success");
    const since = (await rows(hull.server, "tick")).filter((row) => row.at > stopped);
    assert.ok(since[0].at <= started + 10_000);
    if (since.length > 1) assert.ok(since[1].at - Number(canceled.ts / 1_000_000n) >= Number(canceled.status.num_canceled) * 1000 - 1);
    assert.equal((await rows(hull.server, "hour")).length, 1);
  });

  it("a cron string runs at the start of each minute", async () => {
    const [run] = await until(async () => {
      const runs = await cronRuns(hull.server, "minute");
      return runs.length > 0 && runs;
    }, 65_000);
    assert.equal(run.ts % (60n * SECOND), 0n);
    const [row] = (await rows(hull.server, "minutely")).filter(({ at }) => at >= Number(run.ts / 1_000_000n));
    assert.ok(row.at - Number(run.ts / 1_000_000n) < 10_000, `${row.at} for ${run.ts}`);
  });

  it("without crons.ts no job is left, and no run", async () => {
    rmSync(join(hull.app.dir, "convex/crons.ts"));
    await hull.app.push();
    assert.deepEqual(await cronJobs(hull.server), {});
    assert.deepEqual(await system(hull.server, "listCronJobRuns:default"), []);
    const before = (await rows(hull.server, "tick")).length;
    await sleep(1500);
    assert.equal((await rows(hull.server, "tick")).length, before);
  });
});
