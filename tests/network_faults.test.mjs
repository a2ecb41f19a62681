// Real clients over bad networks (tests/lib/faulty_proxy.mjs): what was acknowledged is there exactly once, nothing stale is shown.
//   HULL_FAULT_SECONDS  how long the run with random faults takes (15)
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { BulkClient } from "./lib/bulk_client.mjs";
import { FaultyProxy } from "./lib/faulty_proxy.mjs";
import { useApp } from "./lib/fixture.mjs";
import { LedgerClient } from "./lib/ledger_client.mjs";
import { RawSession } from "./lib/raw_session.mjs";
import { sleep, until } from "./lib/server.mjs";

const SECONDS = Number(process.env.HULL_FAULT_SECONDS ?? 15);
const WRITERS = 8;

const pick = (list) => list[Math.floor(Math.random() * list.length)];

describe("network faults", { timeout: SECONDS * 1000 + 180_000 }, () => {
  const hull = useApp("tests/apps/faults");
  const open = []; // closed after each test, whether it passed or not: a client would try to connect for ever
  const closing = (client) => (open.push(client), client);
  const connect = (url) => closing(new ConvexClient(url, { logger: false }));
  const startProxy = async () => closing(await FaultyProxy.start(hull.server.url));
  afterEach(() => Promise.all(open.splice(0).map((each) => each.close())));
  const value = async (name, args) => (await hull.server.call("query", `ledger:${name}`, args)).value;

  it("random faults: every append once and in order, every snapshot whole, nothing goes back", async () => {
    const proxy = await startProxy();
    const clients = Array.from({ length: WRITERS }, (_, n) =>
      closing(new LedgerClient(proxy.url, `w${n}`, `w${(n + 1) % WRITERS}`)),
    );
    const faults = [
      (link) => link.cut("reset"),
      (link) => link.cut("end"),
      (link) => link.cutAfter("up", Math.floor(Math.random() * 400)),
      (link) => link.cutAfter("down", Math.floor(Math.random() * 2000)),
      (link) => link.orphan(),
      (link) => link.freeze(),
    ];
    const lines = [
      () => ((proxy.delayMs = Math.random() * 150), (proxy.bytesPerSecond = Infinity)),
      () => ((proxy.delayMs = 5), (proxy.bytesPerSecond = 8000)),
      () => ((proxy.delayMs = 0), (proxy.bytesPerSecond = Infinity)),
    ];
    for (const end = Date.now() + SECONDS * 1000; Date.now() < end; await sleep(100 + Math.random() * 300)) {
      const link = pick([...proxy.links].filter(({ orphaned }) => !orphaned));
      if (link !== undefined) pick(faults)(link);
      if (Math.random() < 0.2) pick(lines)();
      if (Math.random() < 0.05) {
        proxy.refusing = true;
        await sleep(300);
        proxy.refusing = false;
      }
    }
    lines.at(-1)();
    const written = await Promise.all(clients.map((client) => client.finish()));
    const problems = clients.flatMap((client) => client.problems);
    assert.deepEqual(problems.slice(0, 5), []);
    for (const { writer, appended } of clients) {
      assert.deepEqual(await value("list", { writer }), Array.from({ length: appended }, (_, n) => n), `${writer} after the run`);
    }
    const total = written.reduce((sum, count) => sum + count, 0);
    assert.ok(total > 5 * SECONDS && Math.min(...written) > 0, `progress: ${written}`);
    assert.ok(proxy.accepted > 2 * WRITERS, `${proxy.accepted} connections`);
  });

  it("a mutation that arrives late on a dead connection, after it was sent again on the next", async () => {
    const proxy = await startProxy();
    const client = connect(proxy.url);
    const seen = [];
    client.onUpdate(api.ledger.list, { writer: "late" }, (list) => seen.push(list));
    await until(() => seen.length === 1);
    const [link] = proxy.links;
    proxy.delayMs = 2500;
    const sent = [0, 1, 2].map((n) => client.mutation(api.ledger.append, { writer: "late", n }));
    await sleep(20);
    link.orphan();
    proxy.delayMs = 0;
    assert.deepEqual(await Promise.all(sent), [1, 2, 3]);
    await until(() => link.server.bytesWritten > 0 && link.up.queue.length === 0);
    await sleep(200);
    assert.deepEqual(await value("list", { writer: "late" }), [0, 1, 2]);
    assert.deepEqual(seen.at(-1), [0, 1, 2]);
  });

  it("two connections of one session send the same mutations at once; another session, in conflict with them, does not wait", async () => {
    const [first, second, other] = Array.from({ length: 3 }, () => closing(new RawSession(hull.server.url)));
    second.sessionId = first.sessionId;
    await Promise.all([first, second, other].map((session) => session.connect()));
    const start = performance.now();
    const expected = [];
    for (let n = 0; n < 30; n++) {
      const append = (session, entry) => session.mutate(n, "ledger:append", { writer: "twice", n: entry });
      const [, one, two] = await Promise.all([append(other, -n - 1), append(first, n), append(second, n)]);
      assert.deepEqual(one, two);
      expected.push(-n - 1, n);
    }
    const seconds = (performance.now() - start) / 1000;
    const list = await value("list", { writer: "twice" });
    assert.deepEqual(list.toSorted((a, b) => a - b), expected.sort((a, b) => a - b));
    assert.ok(seconds < 20, `${seconds} s`);
  });

  it("a result of some megabytes is cut again and again: never shown in part, whole in the end", async () => {
    const bytes = 7_000_000; // more than a chunk
    const proxy = await startProxy();
    proxy.onLink = (link) => proxy.accepted <= 2 && link.cutAfter("down", proxy.accepted * 1_500_000);
    const client = connect(proxy.url);
    const seen = [];
    client.onUpdate(api.ledger.bulk, { writer: "big", bytes }, (result) => seen.push(result.text.length));
    await until(() => seen.length === 1, 40_000);
    assert.deepEqual(seen, [bytes]);
    assert.equal(proxy.accepted, 3);
  });

  it("a client on a narrow line skips states instead of piling them up; others do not wait for it", async () => {
    const fast = closing(new BulkClient(hull.server.url, "narrow", 500_000));
    const alone = await fast.change(15);
    const narrow = await startProxy();
    const slow = closing(new BulkClient(narrow.url, "narrow", 500_000));
    await until(() => slow.seen.length === 1);
    narrow.bytesPerSecond = 8000;
    const beside = await fast.change(60);
    assert.ok(beside < 3 * alone + 300, `a change takes ${beside} ms, ${alone} ms without the slow client`);
    narrow.bytesPerSecond = Infinity;
    await until(() => slow.seen.at(-1) === fast.written);
    for (const { seen } of [fast, slow]) assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
    assert.ok(slow.seen.length < 45, `states are left out: ${slow.seen.length}`);
    slow.written = fast.written;
    await slow.change(1);
  });
});
