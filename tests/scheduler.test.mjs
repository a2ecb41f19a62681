// ctx.scheduler and _scheduled_functions as apps see them.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConvexClient } from "convex/browser";
import { useApp } from "./lib/fixture.mjs";
import { sleep, until } from "./lib/server.mjs";

let tags = 0;
const freshTag = () => `tag${tags++}`;
const value = (result) => {
  assert.equal(result.status, "success", JSON.stringify(result));
  return result.value;
};
const failure = (result, text) => {
  assert.equal(result.status, "error", JSON.stringify(result));
  assert.ok(result.errorMessage.includes(text), result.errorMessage);
};

describe("scheduler", () => {
  const hull = useApp("tests/apps/scheduling");
  const call = async (kind, path, args) => value(await hull.server.call(kind, path, args));
  const one = (name, args, more = {}) => call("mutation", "schedule:one", { name, args, ...more });
  const get = (id) => call("query", "schedule:get", { id });
  const runs = async (tag) => await call("query", "jobs:runs", { tag });
  const ended = (id) =>
    until(async () => {
      const job = await get(id);
      return ["success", "failed", "canceled"].includes(job.state.kind) && job;
    });

  it("runs a mutation at its time, and shows it until then and afterwards", async () => {
    const tag = freshTag();
    const before = Date.now();
    const id = await one("jobs:note", { tag }, { delay: 1500 });
    const pending = await get(id);
    assert.deepEqual(Object.keys(pending).sort(), ["_creationTime", "_id", "args", "name", "scheduledTime", "state"]);
    assert.equal(pending._id, id);
    assert.equal(pending.name, "jobs.js:note");
    assert.deepEqual(pending.args, [{ tag }]);
    assert.deepEqual(pending.state, { kind: "pending" });
    assert.ok(pending.scheduledTime >= before + 1500 && pending.scheduledTime <= Date.now() + 1500);
    const job = await ended(id);
    assert.deepEqual(job.state, { kind: "success" });
    assert.equal(job.scheduledTime, pending.scheduledTime);
    assert.ok(job.completedTime >= job.scheduledTime, `${job.completedTime} ${job.scheduledTime}`);
    const [run] = await runs(tag);
    assert.ok(run._creationTime >= pending.scheduledTime);
    assert.equal((await runs(tag)).length, 1);
  });

  it("runs what was due in the past at once, with its original time", async () => {
    const tag = freshTag();
    const at = Date.now() - 60_000;
    const job = await ended(await one("jobs:publicNote", { tag }, { at }));
    assert.equal(job.scheduledTime, at);
    assert.equal((await runs(tag)).length, 1);
  });

  it("schedules from actions, HTTP actions and Node.js actions", async () => {
    const tag = freshTag();
    const fromAction = await call("action", "schedule:oneFromAction", { name: "jobs:note", args: { tag } });
    const fromNode = await call("action", "node:scheduleNote", { tag, delay: 0 });
    const response = await fetch(`${hull.server.siteUrl}/schedule`, { method: "POST", body: tag });
    for (const id of [fromAction, fromNode, await response.text()]) assert.equal((await ended(id)).state.kind, "success");
    assert.equal((await runs(tag)).length, 3);
  });

  it("cancels from mutations, actions and Node.js actions; what has ended stays as it is", async () => {
    const tag = freshTag();
    let due;
    for (const [kind, path] of [["mutation", "schedule:cancel"], ["action", "schedule:cancelFromAction"], ["action", "node:cancel"]]) {
      due = Date.now() + 4000;
      const id = await one("jobs:note", { tag }, { at: due });
      assert.equal(await call(kind, path, { id }), null);
      const job = await get(id);
      assert.equal(job.state.kind, "canceled");
      assert.ok(job.completedTime > 0);
      assert.equal(await call(kind, path, { id }), null);
    }
    await sleep(due + 300 - Date.now());
    assert.equal((await runs(tag)).length, 0);
    const job = await ended(await one("jobs:note", { tag }));
    await call("mutation", "schedule:cancel", { id: job._id });
    assert.deepEqual(await get(job._id), job);
  });

  it("is part of the mutation: nothing is left of one that fails, or of a nested one that is caught", async () => {
    const tag = freshTag();
    failure(await hull.server.call("mutation", "schedule:thenThrow", { name: "jobs:note", args: { tag } }), "after scheduling");
    await call("mutation", "schedule:nestedRollback", { tag });
    await until(async () => (await runs(`${tag}:outer`)).length === 1);
    await sleep(100);
    assert.equal((await runs(tag)).length + (await runs(`${tag}:inner`)).length, 0);
    const jobs = await call("query", "schedule:list", { name: "jobs.js:note" });
    assert.deepEqual(jobs.filter((job) => job.args[0].tag.startsWith(tag)).map((job) => job.args[0].tag), [`${tag}:outer`]);
  });

  it("counts every job once, however much they conflict", async () => {
    const name = freshTag();
    await Promise.all([1, 2, 3, 4].map(() => call("mutation", "schedule:many", { count: 25, name: "jobs:increment", args: { name } })));
    await until(async () => (await call("query", "jobs:counter", { name })) >= 100, 120_000);
    await sleep(200);
    assert.equal(await call("query", "jobs:counter", { name }), 100);
  });

  it("has failed with the text of the error, and nothing of a failed mutation is left", async () => {
    const tag = freshTag();
    const job = await ended(await one("jobs:fail", { tag }));
    assert.equal(job.state.kind, "failed");
    assert.match(job.state.error, /^Uncaught Error: job failed on purpose\n {4}at handler \(.*jobs\.ts:\d+:\d+\)\n/);
    assert.equal((await runs(tag)).length, 0);
    const action = await ended(await one("jobs:failAction", {}));
    assert.match(action.state.error, /^Uncaught Error: action failed on purpose\n/);
    const wrong = await ended(await one("jobs:note", { nonsense: 1 }));
    assert.match(wrong.state.error, /ArgumentValidationError/);
    const query = await ended(await one("jobs:aQuery", {}));
    assert.equal(
      query.state.error.trim(),
      "Unsupported function type. jobs.js:aQuery is defined as a Query. Only Mutation and Action can be scheduled.",
    );
  });

  it("runs an action once, cancels it while it runs, and its children with it", async () => {
    const tag = freshTag();
    const id = await one("jobs:parent", { tag, ms: 2500 });
    await until(async () => (await runs(`${tag}:begun`)).length === 1);
    assert.equal((await get(id)).state.kind, "inProgress");
    await call("mutation", "schedule:cancel", { id });
    assert.equal((await get(id)).state.kind, "canceled");
    await until(async () => (await runs(`${tag}:children`)).length === 1);
    const [{ data: children }] = await runs(`${tag}:children`);
    for (const child of children) {
      const job = await get(child);
      assert.equal(job.state.kind, "canceled");
      assert.equal(job.scheduledTime, job.completedTime);
    }
    await sleep(200);
    assert.equal((await get(id)).state.kind, "canceled");
    assert.equal((await runs(`${tag}:child`)).length, 0);
    const other = await ended(await one("jobs:parent", { tag: `${tag}b`, ms: 0 }));
    assert.equal(other.state.kind, "success");
    await until(async () => (await runs(`${tag}b:child`)).length === 2);
  });

  it("runs without an identity, and sees itself in progress", async () => {
    const tag = freshTag();
    const id = await one("jobs:inspect", { tag });
    await ended(id);
    const [{ data }] = await runs(tag);
    assert.deepEqual(data, { identity: null, running: [id] });
  });

  it("lets a mutation that cancels itself go on, with a warning for old packages", async () => {
    const tag = freshTag();
    assert.equal((await ended(await one("jobs:cancelSelf", { tag }))).state.kind, "success");
    assert.equal((await runs(tag)).length, 1);
    const { entries } = await (await hull.server.get("/api/stream_function_logs?cursor=0", { key: true })).json();
    assert.match(JSON.stringify(entries), /A scheduled mutation canceling itself is deprecated/);
  });

  it("refuses with the documented texts", async () => {
    const refused = async (args, text) => failure(await hull.server.call("mutation", "schedule:one", { args: {}, ...args }), text);
    await refused({ name: "nowhere:f" }, "Attempted to schedule function at nonexistent path: nowhere.js");
    await refused(
      { name: "jobs:nothing" },
      "Attempted to schedule function, but no exported function nothing found in the file: jobs.js. Did you forget to export it?",
    );
    await refused({ name: "jobs:note", at: Date.now() + 6 * 366 * 86_400_000 }, "is more than 5 years in the future");
    await refused({ name: "jobs:note", at: 1 }, "is more than 5 years in the past");
    failure(await hull.server.call("mutation", "schedule:cancel", { id: "nonsense" }), "Invalid argument `id` for `db.cancel_job`: ");
    const id = await call("mutation", "schedule:tableId");
    failure(
      await hull.server.call("mutation", "schedule:cancel", { id }),
      "Invalid scheduled function ID. The ID must be an ID on the '_scheduled_functions' table.",
    );
    const tag = freshTag();
    failure(
      await hull.server.call("mutation", "schedule:many", { count: 1001, name: "jobs:note", args: { tag } }),
      "Too many functions scheduled by this mutation (limit: 1000)",
    );
  });

  it("pages and live queries follow the jobs", async () => {
    const tag = freshTag();
    const client = new ConvexClient(hull.server.url, { logger: false });
    const seen = [];
    const later = await one("jobs:note", { tag }, { delay: 3_600_000 });
    client.onUpdate("schedule:get", { id: later }, (job) => seen.push(job.state.kind));
    await until(() => seen.at(-1) === "pending");
    await call("mutation", "schedule:cancel", { id: later });
    await until(() => seen.at(-1) === "canceled");
    assert.deepEqual(seen, ["pending", "canceled"]);
    const id = await one("jobs:note", { tag }, { delay: 100 });
    client.onUpdate("schedule:get", { id }, (job) => seen.push(job.state.kind));
    await until(() => seen.at(-1) === "success");
    await client.close();
    const first = await call("query", "schedule:page", { cursor: null });
    assert.deepEqual(first.page[0]._id, id);
    assert.deepEqual(first.page[0].args, [{ tag }]);
    const second = await call("query", "schedule:page", { cursor: first.continueCursor });
    assert.equal(second.page.length, 2);
    assert.ok(second.page[0]._creationTime < first.page[1]._creationTime);
  });

  it("runs 100 sleeping actions at the same time", async () => {
    const tag = freshTag();
    await call("mutation", "schedule:many", { count: 100, name: "jobs:sleep", args: { tag, ms: 60_000 } });
    await until(async () => (await runs(`${tag}:begun`)).length === 100, 50_000);
    assert.equal((await runs(tag)).length, 0);
  });
});
