// The scheduler seen by those who operate a deployment: restarts, pauses, routes, system functions, charts.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { sleep, until } from "./lib/server.mjs";

describe("operating the scheduler", () => {
  const hull = useApp("tests/apps/scheduling", { env: { SCHEDULED_JOB_RETENTION: "600" } });
  const call = async (kind, path, args, options) => {
    const result = await hull.server.call(kind, path, args, options);
    assert.equal(result.status, "success", JSON.stringify(result));
    return result.value;
  };
  const one = (name, args, more = {}) => call("mutation", "schedule:one", { name, args, ...more });
  const state = async (id) => (await call("query", "schedule:get", { id }))?.state;
  const runs = async (tag) => (await call("query", "jobs:runs", { tag })).length;
  const system = (path, args) => call("query", path, args, { key: true });
  const post = async (path, body, expected = 200) => {
    const response = await hull.server.post(path, body, { key: true });
    const text = await response.text();
    assert.equal(response.status, expected, text);
    return text;
  };

  it("waits while the deployment is paused, and runs when it is resumed", async () => {
    const due = Date.now() + 4000;
    const id = await one("jobs:note", { tag: "paused" }, { at: due });
    await post("/api/v1/pause_deployment", {});
    assert.ok(Date.now() < due, "paused in time");
    await sleep(due + 500 - Date.now());
    await post("/api/v1/unpause_deployment", {});
    await until(async () => (await state(id)).kind === "success");
    const [run] = await call("query", "jobs:runs", { tag: "paused" });
    const job = await call("query", "schedule:get", { id });
    assert.ok(run._creationTime - job.scheduledTime > 400, `${run._creationTime - job.scheduledTime}`);
  });

  it("keeps pending jobs over a restart; a running action has failed", async () => {
    const action = await one("jobs:sleep", { tag: "interrupted", ms: 60_000 });
    await until(async () => (await runs("interrupted:begun")) === 1);
    const pending = await one("jobs:note", { tag: "restart" }, { delay: 3000 });
    assert.equal((await state(pending)).kind, "pending");
    await hull.server.kill("SIGTERM");
    await hull.server.launch();
    await until(async () => (await state(action)).kind === "failed");
    assert.equal((await state(action)).error.trim(), "Transient error while executing action");
    await until(async () => (await state(pending)).kind === "success");
    assert.equal(await runs("restart"), 1);
    assert.equal(await runs("interrupted:begun"), 1);
  });

  it("shows and cancels jobs by the dashboard's ways", async () => {
    const later = Date.now() + 3_600_000;
    for (let i = 0; i < 3; i++) await one("jobs:note", { tag: "listed" }, { at: later + i * 1000 });
    await one("jobs:sleep", { tag: "listed", ms: 1 }, { delay: 7_200_000 });
    const paginationOpts = { cursor: null, numItems: 10 };
    const jobs = (udfPath) => system("_system/frontend/paginatedScheduledJobs", { paginationOpts, udfPath });
    const notes = (await jobs("jobs.js:note")).page;
    assert.equal(notes.length, 3);
    assert.deepEqual(notes.map((job) => job.state.type), ["pending", "pending", "pending"]);
    const args = await system("_system/frontend/scheduler:getArgs", { argsId: notes[0].argsId });
    assert.equal(Buffer.from(args.args.$bytes, "base64").toString(), '[{"tag":"listed"}]');
    await post("/api/cancel_job", { id: notes[0]._id });
    assert.equal((await state(notes[0]._id)).kind, "canceled");
    assert.match(await post("/api/cancel_job", { id: "nonsense" }, 400), /Invalid ID for table _scheduled_jobs/);
    await post("/api/cancel_all_jobs", { udfPath: "jobs.js:note", endNextTs: (later + 1500) * 1e6 });
    assert.deepEqual((await jobs()).page.map((job) => job.udfPath), ["jobs.js:note", "jobs.js:sleep"]);
    await post("/api/cancel_all_jobs", {});
    assert.deepEqual((await jobs()).page, []);
    await post("/api/delete_scheduled_functions_table", {});
    assert.equal(await state(notes[0]._id), undefined);
    const refused = await hull.server.post("/api/cancel_all_jobs", {});
    assert.equal(refused.status, 403);
  });

  it("names the call of a running action as the function log does", async () => {
    const id = await one("jobs:sleep", { tag: "named", ms: 4000 });
    const args = { paginationOpts: { cursor: null, numItems: 10 }, udfPath: "jobs.js:sleep" };
    const row = await until(async () =>
      (await system("_system/frontend/paginatedScheduledJobs", args)).page.find((job) => job._id === id && job.state.type === "inProgress"),
    );
    await until(async () => (await state(id)).kind === "success");
    const { entries } = await (await hull.server.get("/api/stream_function_logs?cursor=0", { key: true })).json();
    const ended = entries.find((entry) => entry.kind === "Completion" && entry.executionId === row.state.execution_id);
    assert.equal(ended?.identifier, "jobs:sleep");
    assert.equal(ended.requestId, row.state.request_id);
  });

  it("has a chart of the lag and series for monitoring", async () => {
    const id = await one("jobs:note", { tag: "counted" });
    await until(async () => (await state(id)).kind === "success");
    const now = Math.floor(Date.now() / 1000);
    const at = (s) => ({ secs_since_epoch: s, nanos_since_epoch: 0 });
    const window = encodeURIComponent(JSON.stringify({ start: at(now - 120), end: at(now + 60), num_buckets: 3 }));
    const chart = await (await hull.server.get(`/api/app_metrics/scheduled_job_lag?window=${window}`, { key: true })).json();
    assert.equal(chart.length, 3);
    assert.ok(chart.some(([, lag]) => lag !== null && lag >= 0), JSON.stringify(chart));
    const text = await (await hull.server.get("/metrics")).text();
    assert.match(text, /hull_scheduled_jobs_started_total\{type="Mutation"\} [1-9]/);
    assert.match(text, /hull_scheduled_job_lag_seconds 0/);
    assert.match(text, /convex_local_backend_scheduled_job_result_total\{status="success"\} [1-9]/);
    assert.match(text, /convex_local_backend_scheduled_job_execution_lag_seconds_bucket\{le="\+Inf"\} [1-9]/);
  });

  it("removes finished jobs after their retention", async () => {
    await one("jobs:note", { tag: "old" });
    const id = await one("jobs:note", { tag: "old" });
    await until(async () => (await state(id)).kind === "success");
    await hull.server.kill("SIGTERM");
    hull.server.env = { ...hull.server.env, SCHEDULED_JOB_RETENTION: "0", SCHEDULED_JOB_GARBAGE_COLLECTION_DELAY: "0.2" };
    await hull.server.launch();
    await until(async () => (await call("query", "schedule:list", { name: "jobs.js:note" })).length === 0);
    assert.equal(await runs("old"), 2);
  });

  it("does not slow commits down with many jobs that wait", async () => {
    const total = Number(process.env.HULL_PENDING_JOBS ?? 20_000);
    const commits = async () => {
      const times = [];
      for (let i = 0; i < 150; i++) {
        const began = performance.now();
        await call("mutation", "jobs:publicNote", { tag: "timed" });
        times.push(performance.now() - began);
      }
      return times.sort((a, b) => a - b)[75];
    };
    await commits();
    const before = await commits();
    for (let i = 0; i < total / 1000; i++) {
      await call("mutation", "schedule:many", { count: 1000, name: "jobs:note", args: { tag: "x" }, delay: 3_600_000 });
    }
    await sleep(2000);
    // What others do on the machine makes it slower, never faster.
    let after = await commits();
    for (let round = 0; round < 8 && after >= before * 2 + 3; round++) after = Math.min(after, await commits());
    console.log(`median commit before ${before.toFixed(2)} ms, with ${total} pending jobs ${after.toFixed(2)} ms`);
    assert.ok(after < before * 2 + 3, `${before} ms, then ${after} ms`);
    const began = performance.now();
    await one("jobs:note", { tag: "prompt" });
    await until(async () => (await runs("prompt")) === 1);
    assert.ok(performance.now() - began < 10_000);
  });
});
