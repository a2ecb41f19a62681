// kill -9 in a loop while mutations run: what was acknowledged is there, nothing twice; a second server on the data is refused.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { useApp } from "./lib/fixture.mjs";
import { HULL, freePort, sleep } from "./lib/server.mjs";

const ROUNDS = Number(process.env.HULL_KILL_ROUNDS ?? 50);
const hull = useApp("tests/app");

describe("crash safety", () => {
  it(`kill -9, ${ROUNDS} rounds`, { timeout: 600_000 }, async () => {
    const clients = Array.from({ length: 4 }, () => new ConvexClient(hull.server.url, { logger: false }));
    const acknowledged = new Set();
    const sent = new Set();
    let running = true;
    const writers = clients.map(async (client, writer) => {
      for (let n = 0; running; n++) {
        const text = `w${writer}-${n}`;
        sent.add(text);
        await client.mutation(api.notes.add, { text, rank: n });
        acknowledged.add(text);
      }
    });
    for (let round = 0; round < ROUNDS; round++) {
      const goal = acknowledged.size + 4;
      while (acknowledged.size < goal) await sleep(5);
      await sleep(Math.random() * 40);
      await hull.server.kill("SIGKILL");
      await hull.server.launch();
    }
    running = false;
    await Promise.all(writers);
    const texts = (await clients[0].query(api.notes.list, {})).map((note) => note.text);
    await Promise.all(clients.map((client) => client.close()));
    assert.equal(new Set(texts).size, texts.length, "nothing twice");
    const present = new Set(texts);
    for (const text of acknowledged) assert.ok(present.has(text), `${text} was acknowledged`);
    for (const text of present) assert.ok(sent.has(text));
    assert.ok(acknowledged.size >= ROUNDS * 4);
  });

  it("a second server on the same data is refused", async () => {
    const args = ["serve", "--data-dir", hull.server.dataDir, "--interface", "127.0.0.1", "--port", `${await freePort()}`, "--site-port", `${await freePort()}`];
    await assert.rejects(promisify(execFile)(HULL, args, { timeout: 20_000 }), (error) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, /another Hull|in use/i);
      return true;
    });
  });
});
