// kill -9 in a loop while cron jobs run: every due run of a mutation is run once or counted as left out, no action runs twice.
//   HULL_CRON_KILL_SECONDS  for how long (20)
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { cronJobs, cronRuns, rows, writeCrons } from "./lib/crons.mjs";
import { useApp } from "./lib/fixture.mjs";
import { sleep, until } from "./lib/server.mjs";

const STEP = 2_000_000_000n;
const MILLIS = Number(process.env.HULL_CRON_KILL_SECONDS ?? 20) * 1000;
const hull = useApp("tests/apps/crons", { push: false, env: { CRON_SPLAY_SECONDS: "0" } });
const NAMES = ["tick", "act"];

describe("cron jobs of a server that is killed", () => {
  before(async () => {
    writeCrons(hull.app, {
      tick: ["interval", { seconds: 2 }, "jobs:tick", { name: "tick" }],
      act: ["interval", { seconds: 2 }, "jobs:act", { name: "act", ms: 1000 }],
    });
    await hull.app.push();
  });

  it("loses no run and runs none twice", async () => {
    const logs = Object.fromEntries(NAMES.map((name) => [name, new Map()]));
    const collect = async () => {
      for (const name of NAMES) for (const run of await cronRuns(hull.server, name)) logs[name].set(run.ts, run.status);
    };
    let kills = 0;
    for (const end = Date.now() + MILLIS; Date.now() < end || kills < 5; kills++) {
      await collect();
      await sleep(700 + Math.random() * 1200);
      await collect();
      await hull.server.kill("SIGKILL");
      await hull.server.launch();
    }
    await until(async () => (await rows(hull.server, "tick")).at(-1).at > Date.now() - 1000);
    assert.equal((await hull.server.post("/api/v1/pause_deployment", {}, { key: true })).status, 200);
    await sleep(1000);
    await collect();
    const jobs = await cronJobs(hull.server);
    const counted = Date.now();
    assert.equal((await hull.server.post("/api/v1/unpause_deployment", {}, { key: true })).status, 200);

    for (const name of NAMES) {
      // From the first run to the next one, step by step.
      const seen = [...logs[name]].sort(([a], [b]) => Number(a - b));
      let due = seen[0][0];
      for (const [ts, status] of seen) {
        assert.equal(ts, due, `${name}: ${JSON.stringify(seen.map(([at, { type }]) => `${at} ${type}`))}`);
        due += STEP * (status.num_canceled ?? 1n);
      }
      assert.equal(jobs[name].nextRun.nextTs, due, name);
    }
    const statuses = (name) => [...logs[name].values()].filter(({ type }) => type !== "canceled");
    const countedRows = async (name) => (await rows(hull.server, name)).filter(({ at }) => at < counted);
    assert.ok(statuses("tick").every(({ type }) => type === "success"));
    assert.equal((await countedRows("tick")).length, statuses("tick").length);
    const done = statuses("act").filter(({ type }) => type === "success").length;
    const lost = statuses("act").filter(({ type }) => type === "err");
    const killed = lost.filter(({ error }) => error === "Transient error while executing action");
    // The run that the pause caught: what it calls is refused.
    const paused = lost.filter(({ error }) => error.startsWith("Uncaught Error: Cannot run functions while this deployment is paused."));
    assert.ok(killed.length > 0 && paused.length <= 1 && killed.length + paused.length === lost.length, JSON.stringify(lost));
    const begun = (await countedRows("act")).filter(({ what }) => what === "begin").length;
    assert.ok(begun >= done && begun <= done + lost.length, `${done} done, ${lost.length} lost, ${begun} begun`);
  });
});
