// Jobs that run when the server is told to stop: what ends while it drains is recorded as what it is, nothing new starts, and what
// takes too long was interrupted.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cronRuns, writeCrons } from "./lib/crons.mjs";
import { useApp } from "./lib/fixture.mjs";
import { until } from "./lib/server.mjs";

const INTERRUPTED = "Transient error while executing action";

/** Stops the server, which must end well and soon. */
async function stop(server) {
  const began = performance.now();
  const { code } = await server.kill("SIGTERM");
  assert.equal(code, 0, server.logText().slice(-1500));
  return performance.now() - began;
}

describe("scheduled functions of a server that stops", () => {
  const hull = useApp("tests/apps/scheduling");
  const call = async (kind, path, args) => {
    const result = await hull.server.call(kind, path, args);
    assert.equal(result.status, "success", JSON.stringify(result));
    return result.value;
  };
  const one = (name, args, more = {}) => call("mutation", "schedule:one", { name, args, ...more });
  const get = (id) => call("query", "schedule:get", { id });
  const runs = async (tag) => (await call("query", "jobs:runs", { tag })).length;
  const ended = (id) =>
    until(async () => {
      const job = await get(id);
      return !["pending", "inProgress"].includes(job.state.kind) && job;
    });
  const begin = async (tag, ms) => {
    const id = await one("jobs:sleep", { tag, ms });
    await until(async () => (await runs(`${tag}:begun`)) === 1);
    return id;
  };

  it("an action that ends meanwhile has succeeded", async () => {
    // Several attempts: on a slow machine it may end before the signal, or take too long.
    let seen = false;
    for (let attempt = 0; attempt < 5 && !seen; attempt++) {
      const id = await begin(`short${attempt}`, 1000);
      const stopped = Date.now();
      await stop(hull.server);
      const exited = Date.now();
      await hull.server.launch();
      const job = await ended(id);
      seen = job.state.kind === "success" && job.completedTime > stopped && job.completedTime < exited;
      if (seen) assert.equal(await runs(`short${attempt}`), 1);
    }
    assert.ok(seen, "no action ended while the server was draining");
  });

  it("an action that takes too long was interrupted; it does not run again", async () => {
    const id = await begin("long", 60_000);
    assert.ok((await stop(hull.server)) < 30_000);
    await hull.server.launch();
    const job = await ended(id);
    assert.equal(job.state.kind, "failed");
    assert.equal(job.state.error.trim(), INTERRUPTED);
    assert.equal(await runs("long:begun"), 1);
    assert.equal(await runs("long"), 0);
  });

  it("what comes due meanwhile starts after the restart", async () => {
    // Several attempts: on a slow machine it may come due before the server has heard of the signal, or the action take too long.
    let seen = false;
    for (let attempt = 0; attempt < 5 && !seen; attempt++) {
      const id = await begin(`parent${attempt}`, 1000);
      const due = Date.now() + 500;
      const next = await one("jobs:note", { tag: `next${attempt}` }, { at: due });
      await stop(hull.server);
      const exited = Date.now();
      await hull.server.launch();
      const job = await ended(next);
      assert.equal(job.state.kind, "success");
      assert.equal(await runs(`next${attempt}`), 1);
      seen = exited > due && job.completedTime > exited && (await get(id)).state.kind === "success";
    }
    assert.ok(seen, "nothing was due and left alone");
  });

  it("mutations that conflict happen once each", async () => {
    const total = 100;
    await call("mutation", "schedule:many", { count: total, name: "jobs:increment", args: { name: "stops" } });
    const counter = () => call("query", "jobs:counter", { name: "stops" });
    for (let stops = 0; stops < 3 && (await counter()) < total; stops++) {
      await stop(hull.server);
      await hull.server.launch();
    }
    const settled = async () =>
      (await call("query", "schedule:list", { name: "jobs.js:increment" })).every((job) => job.state.kind === "success");
    await until(settled, 60_000);
    assert.equal(await counter(), total);
  });
});

describe("cron jobs of a server that stops", () => {
  const hull = useApp("tests/apps/crons", { push: false, env: { CRON_SPLAY_SECONDS: "0" } });
  const runs = (name) => cronRuns(hull.server, name);

  const begun = async (name) => (await hull.server.call("query", "jobs:list", { name })).value.length > 0;

  it("a run that ends meanwhile has succeeded", async () => {
    // Several attempts: on a slow machine it may end before the signal, or take too long.
    let seen = false;
    for (let attempt = 0; attempt < 5 && !seen; attempt++) {
      const name = `short${attempt}`;
      writeCrons(hull.app, { [name]: ["interval", { hours: 1 }, "jobs:act", { name, ms: 1000 }] });
      await hull.app.push();
      await until(() => begun(name));
      const running = (await runs(name)).length === 0;
      await stop(hull.server);
      await hull.server.launch();
      const found = await until(async () => {
        const all = await runs(name);
        return all.length > 0 && all;
      });
      assert.equal(found.length, 1);
      seen = running && found[0].status.type === "success";
    }
    assert.ok(seen, "no run ended while the server was draining");
  });

  it("a run that takes too long was interrupted", async () => {
    writeCrons(hull.app, { long: ["interval", { hours: 1 }, "jobs:act", { name: "long", ms: 60_000 }] });
    await hull.app.push();
    await until(() => begun("long"));
    assert.ok((await stop(hull.server)) < 30_000);
    await hull.server.launch();
    const [lost] = await until(async () => {
      const found = await runs("long");
      return found.length > 0 && found;
    });
    assert.deepEqual(lost.status, { type: "err", error: INTERRUPTED });
  });
});
