// Large apps: a push, its analysis and the first calls stay within bounds of memory and time, the memory comes back, and redeploys leave
// nothing behind. HULL_SCALE_FULL=1 runs the full size: 1000 modules, 90 MB with source maps.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { bigApp, pushModules, sizeOf } from "./lib/big_app.mjs";
import { memoryOf, peakDuring } from "./lib/memory.mjs";
import { HullServer, sleep } from "./lib/server.mjs";

const FULL = process.env.HULL_SCALE_FULL === "1";
const SIZE = FULL ? { modules: 1000, bytes: 86_000 } : { modules: 250, bytes: 86_000 };
const PEAK_MIB = 600;
const IDLE_MIB = 150;
const REDEPLOYS = FULL ? { deploys: 20, modules: 150, bytes: 86_000 } : { deploys: 8, modules: 60, bytes: 86_000 };

/** Waits until the memory has come back; five minutes would be allowed. */
async function settled(server, limit, seconds) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const memory = memoryOf(server.process.pid);
    if (memory.total < limit || Date.now() > deadline) return memory;
    await sleep(500);
  }
}
const text = ({ total, server, workers }) => `${total.toFixed(0)} MiB (server ${server.toFixed(0)}, workers ${workers.map((size) => size.toFixed(0)).join(" ")})`;

describe("a large app", () => {
  let server;
  let app;
  before(async () => {
    app = bigApp(SIZE);
    server = await HullServer.start();
  });
  after(async () => await server?.stop());

  it("is pushed and called within bounds", { timeout: 600_000 }, async (t) => {
    const { result: times, peak } = await peakDuring(server.process.pid, () => pushModules(server, app));
    t.diagnostic(`${app.length} modules, ${(sizeOf(app) / 1e6).toFixed(0)} MB: ${JSON.stringify(times)}, peak ${text(peak)}`);
    assert.ok(peak.total < PEAK_MIB, `peak of the push: ${text(peak)}`);
    const last = SIZE.modules - 1;
    const called = await peakDuring(server.process.pid, async () => {
      for (const n of [0, SIZE.modules >> 1, last]) {
        assert.equal((await server.call("query", `part${n % 10}/m${n}:ping`)).value, n);
      }
      const failed = await server.call("query", `part${last % 10}/m${last}:fail`);
      assert.match(failed.errorMessage, new RegExp(`module ${last} fails\\n    at handler \\(\\.\\./convex/part${last % 10}/m${last}\\.ts:5:\\d+\\)`));
    });
    t.diagnostic(`first calls: peak ${text(called.peak)}`);
    assert.ok(called.peak.total < PEAK_MIB, `peak of the first calls: ${text(called.peak)}`);
  });

  it("serves every module, also those that no snapshot holds", { timeout: 600_000 }, async () => {
    const { peak } = await peakDuring(server.process.pid, async () => {
      for (let n = 0; n < SIZE.modules; n += 9) assert.equal((await server.call("query", `part${n % 10}/m${n}:ping`)).value, n);
    });
    assert.ok(peak.total < 400, `peak while modules are loaded: ${text(peak)}`);
  });

  it("gives the memory back", { timeout: 400_000 }, async (t) => {
    const memory = await settled(server, IDLE_MIB, 300);
    t.diagnostic(text(memory));
    assert.ok(memory.total < IDLE_MIB, text(memory));
  });

  it("is found again after a restart", { timeout: 120_000 }, async () => {
    await server.kill();
    await server.launch();
    const n = SIZE.modules - 2;
    assert.equal((await server.call("query", `part${n % 10}/m${n}:ping`)).value, n);
  });
});

describe("redeploys", () => {
  let server;
  before(async () => (server = await HullServer.start()));
  after(async () => await server?.stop());

  it("leave no memory behind", { timeout: 600_000 }, async (t) => {
    const levels = [];
    let highest = 0;
    for (let version = 1; version <= REDEPLOYS.deploys; version++) {
      const app = bigApp({ ...REDEPLOYS, seed: version, version });
      const { peak } = await peakDuring(server.process.pid, async () => {
        await pushModules(server, app);
        for (const n of [0, 1, 2]) assert.equal((await server.call("query", `part${n}/m${n}:ping`)).value, n + version);
        assert.equal((await server.call("mutation", "part3/m3:put")).status, "success");
      });
      highest = Math.max(highest, peak.total);
      // Workers of the old code retire after two seconds, freed pages are returned within five.
      await sleep(8000);
      levels.push(memoryOf(server.process.pid));
    }
    t.diagnostic(`peak ${highest.toFixed(0)} MiB; after each deploy: ${levels.map(({ server: size }) => size.toFixed(0)).join(" ")} (server), ${levels.at(-1).total.toFixed(0)} (all)`);
    assert.ok(highest < 400, `peak of a deploy: ${highest.toFixed(0)} MiB`);
    const half = levels.length >> 1;
    const mean = (list) => list.reduce((sum, { server: size }) => sum + size, 0) / list.length;
    // Allocators differ by a few pages from one deploy to the next; a leak of one package would be far more over half of them.
    assert.ok(mean(levels.slice(half)) < mean(levels.slice(2, half + 2)) + 10, `the server grows: ${levels.map(({ server: size }) => size.toFixed(0))}`);
    const idle = await settled(server, IDLE_MIB, 300);
    assert.ok(idle.total < IDLE_MIB, text(idle));
    // All modules changed each time: what is kept belongs to pushes that may still be finished.
    assert.equal(readdirSync(join(server.dataDir, "storage/modules")).length, REDEPLOYS.deploys);
  });
});
