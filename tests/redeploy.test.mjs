// 300 live clients with 5 queries each and a steady writer while the app is redeployed 5 times: no call fails.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { join } from "node:path";
import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { useApp } from "./lib/fixture.mjs";
import { sleep } from "./lib/server.mjs";

const CLIENTS = 300;
const WRITES_PER_SECOND = 20;
const hull = useApp("tests/app");

describe("redeploy under load", () => {
  it("zero failed calls", { timeout: 300_000 }, async () => {
    const errors = [];
    const watched = Array.from({ length: CLIENTS }, (_, n) => {
      const client = new ConvexClient(hull.server.url, { logger: false, onServerDisconnectError: (e) => errors.push(`disconnect: ${e}`) });
      const latest = {};
      const follow = (name, reference, args) =>
        client.onUpdate(reference, args, (value) => (latest[name] = value), (error) => errors.push(`${name}: ${error}`));
      follow("counter", api.counters.get, { name: "steady" });
      follow("fresh", api.facts.fresh, {});
      follow("own", api.counters.get, { name: `own${n % 10}` });
      follow("page", api.notes.page, { paginationOpts: { numItems: 5, cursor: null, id: n % 5 } });
      follow("filtered", api.notes.filtered, { least: n % 7 });
      return { client, latest };
    });
    const writer = new ConvexClient(hull.server.url, { logger: false });
    let running = true;
    let written = 0;
    const writing = (async () => {
      const calls = [];
      while (running) {
        calls.push(writer.mutation(api.counters.bump, { name: "steady" }).then(() => written++, (error) => errors.push(`write: ${error}`)));
        await sleep(1000 / WRITES_PER_SECOND);
      }
      await Promise.all(calls);
    })();
    const facts = join(hull.app.dir, "convex/facts.ts");
    const original = readFileSync(facts, "utf8");
    for (let version = 1; version <= 5; version++) {
      writeFileSync(facts, original.replace("++calls }", `++calls + ${version * 100} }`));
      await hull.app.push(["deploy", "-y", "--typecheck", "disable", "--codegen", "disable"]);
      const deadline = Date.now() + 20_000;
      while (!watched.every(({ latest }) => latest.fresh === version * 100 + 1)) {
        assert.ok(Date.now() < deadline, "every client sees the new code");
        await sleep(20);
      }
    }
    running = false;
    await writing;
    const deadline = Date.now() + 10_000;
    while (!watched.every(({ latest }) => latest.counter === written)) {
      assert.ok(Date.now() < deadline, "every client sees the last write");
      await sleep(20);
    }
    await Promise.all([writer, ...watched.map(({ client }) => client)].map((client) => client.close()));
    assert.deepEqual(errors, []);
    assert.ok(written > 50);
  });
});
