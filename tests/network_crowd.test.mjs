// Many clients at once: a thousand that lose their connections together and come back, and some that never read.
//   HULL_CROWD_CLIENTS    how many come back (1000)
//   HULL_SILENCE_SECONDS  if given, more than 120: clients that did not read for so long are dropped
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, describe, it } from "node:test";
import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { WebSocket } from "ws";
import { BulkClient } from "./lib/bulk_client.mjs";
import { FaultyProxy } from "./lib/faulty_proxy.mjs";
import { useApp } from "./lib/fixture.mjs";
import { memoryOf, peakDuring } from "./lib/memory.mjs";
import { sleep, until } from "./lib/server.mjs";

const CLIENTS = Number(process.env.HULL_CROWD_CLIENTS ?? 1000);
const SILENCE_SECONDS = Number(process.env.HULL_SILENCE_SECONDS ?? 0);
const DEAF = 20;

describe("a crowd", { timeout: 180_000 + SILENCE_SECONDS * 1000 }, () => {
  const hull = useApp("tests/apps/faults", { env: { MAX_UDF_EXECUTION: `${10 * CLIENTS}` } });
  const open = []; // closed after each test, whether it passed or not: a client would try to connect for ever
  const closing = (client) => (open.push(client), client);
  const connect = (url) => closing(new ConvexClient(url, { logger: false }));
  afterEach(() => Promise.all(open.splice(0).map((each) => each.close())));

  const functionLog = async (cursor) => (await hull.server.get(`/api/stream_udf_execution?cursor=${cursor}`, { key: true })).json();

  it("a thousand clients are cut at once: all come back and see the next change; the query runs once per change", async () => {
    const proxy = closing(await FaultyProxy.start(hull.server.url));
    const latest = new Array(CLIENTS).fill(null);
    const returned = new Set();
    let backwards = 0;
    for (let n = 0; n < CLIENTS; n++) {
      connect(proxy.url).onUpdate(api.ledger.count, { writer: "crowd" }, (count) => {
        if (count < latest[n]) backwards++;
        latest[n] = count;
      });
    }
    const writer = connect(hull.server.url);
    await writer.mutation(api.ledger.append, { writer: "crowd", n: 0 });
    await until(() => latest.every((count) => count === 1), 60_000);

    const { newCursor } = await functionLog(0);
    proxy.onLink = (link) => returned.add(link);
    proxy.each((link) => link.cut());
    await writer.mutation(api.ledger.append, { writer: "crowd", n: 1 });
    const start = performance.now();
    await until(() => latest.every((count) => count === 2), 60_000);
    const seconds = (performance.now() - start) / 1000;
    await writer.mutation(api.ledger.append, { writer: "crowd", n: 2 });
    await until(() => latest.every((count) => count === 3), 20_000);
    assert.equal(backwards, 0);
    assert.ok(returned.size >= CLIENTS && returned.size < CLIENTS * 1.1, `${returned.size} connections, so nobody was refused`);
    assert.ok(seconds < 20, `all are back after ${seconds} s`);

    const entries = (await functionLog(newCursor)).entries.filter(({ cachedResult }) => !cachedResult);
    const runs = (name) => entries.filter(({ identifier }) => identifier === name).length;
    assert.equal(runs("ledger:append"), 2);
    assert.ok(runs("ledger:count") >= 2 && runs("ledger:count") <= 6, `${runs("ledger:count")} runs of the query`);
  });

  it("clients that never read: the server's memory is bounded, others do not notice", async () => {
    const bytes = 1_000_000;
    const reader = closing(new BulkClient(hull.server.url, "deaf", bytes));
    const alone = await reader.change(10);
    const deaf = Array.from({ length: DEAF }, () => {
      const socket = new WebSocket(`${hull.server.url.replace("http", "ws")}/api/1.48.0/sync`);
      socket.on("error", () => {});
      socket.on("open", () => {
        const query = { type: "Add", queryId: 0, udfPath: "ledger:bulk", args: [{ writer: "deaf", bytes }] };
        const connection = { sessionId: randomUUID(), connectionCount: 0, lastCloseReason: "InitialConnect", clientTs: 0 };
        socket.send(JSON.stringify({ type: "Connect", ...connection }));
        socket.send(JSON.stringify({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [query] }));
        socket.pause();
      });
      return closing({ socket, close: () => socket.terminate() }).socket;
    });
    await until(() => deaf.every((socket) => socket.isPaused));

    const { server: before } = memoryOf(hull.server.process.pid);
    const { result: crowded, peak } = await peakDuring(hull.server.process.pid, () => reader.change(30));
    assert.ok(deaf.every((socket) => socket.readyState === WebSocket.OPEN));
    assert.ok(crowded < 3 * alone + 500, `a change takes ${crowded} ms, ${alone} ms without the clients that never read`);
    const grown = peak.server - before;
    assert.ok(grown < 3 * DEAF, `the server grew by ${grown} MiB`);

    if (SILENCE_SECONDS > 0) {
      await sleep(SILENCE_SECONDS * 1000);
      for (const socket of deaf) socket.resume();
      await until(() => deaf.every((socket) => socket.readyState === WebSocket.CLOSED));
    }
  });
});
