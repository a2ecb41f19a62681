// What outlives a deploy, a connection and the server: subscriptions, pages, requests, timestamps.
//   HULL_SYNC_KILLS  how often the server is killed while mutations run (3)
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { sleep } from "./lib/server.mjs";
import { SyncSocket, add, nanos } from "./lib/sync_socket.mjs";

const KILLS = Number(process.env.HULL_SYNC_KILLS ?? 3);
const hull = useApp("tests/app");
const sockets = [];
after(() => sockets.forEach((socket) => socket.close()));
async function connected({ sessionId, ...more } = {}) {
  const socket = await SyncSocket.open(hull.server, { sessionId });
  sockets.push(socket);
  socket.connect(more);
  return socket;
}

describe("deploys on an open socket", () => {
  it("a function is taken away and comes back, another gets new code", { timeout: 90_000 }, async () => {
    const file = join(hull.app.dir, "convex/facts.ts");
    const original = readFileSync(file, "utf8");
    const push = async (text) => {
      writeFileSync(file, text);
      await hull.app.push(["deploy", "-y", "--typecheck", "disable", "--codegen", "disable"]);
    };
    const socket = await connected();
    socket.modify(add(0, "facts:fresh"), add(1, "facts:arrives"), add(2, "counters:get", { name: "untouched" }));
    await socket.nextTransition();
    assert.equal(socket.queries.get(0).value, 1);
    assert.match(socket.queries.get(1).errorMessage, /Could not find public function for 'facts:arrives'\.\n$/);
    const counter = socket.queries.get(2);

    await push(original.replace("export const fresh", "export const gone").concat("\nexport const arrives = query({ args: {}, handler: async () => 'here' });\n"));
    const failed = await socket.shows(0, ({ type }) => type === "QueryFailed");
    assert.match(failed.errorMessage, /Could not find public function for 'facts:fresh'\.\n$/);
    assert.equal("errorData" in failed, false);
    await socket.shows(1, ({ value }) => value === "here");

    await push(original.replace("++calls }", "++calls + 41 }"));
    await socket.shows(0, ({ value }) => value === 42);
    await socket.shows(1, ({ type }) => type === "QueryFailed");
    assert.equal(socket.queries.get(2), counter, "an unchanged result is not reported again");
    assert.equal((await socket.mutate("counters:bump", { name: "x" })).success, true);
    await push(original);
    await socket.shows(0, ({ value }) => value === 1);
  });
});

describe("pages", () => {
  it("keep their borders over inserts, a reconnection and a restart", { timeout: 60_000 }, async () => {
    const socket = await connected();
    for (let rank = 0; rank < 20; rank += 2) await socket.mutate("notes:add", { text: `r${rank}`, rank });
    const page = (queryId, cursor, journal) => add(queryId, "notes:page", { paginationOpts: { numItems: 4, cursor, id: 1 } }, { journal });
    const ranks = (s) => [0, 1].map((id) => s.queries.get(id).value.page.map(({ rank }) => rank));
    socket.modify(page(0, null));
    await socket.shows(0, ({ value }) => value.page.length === 4);
    const border = socket.queries.get(0).value.continueCursor;
    socket.modify(page(1, border));
    await socket.shows(1, () => true);
    assert.deepEqual(ranks(socket), [[0, 2, 4, 6], [8, 10, 12, 14]]);
    const { ts } = await socket.mutate("notes:add", { text: "in the first", rank: 3 });
    await socket.mutate("notes:add", { text: "on the border", rank: 7 });
    await socket.mutate("notes:add", { text: "behind both", rank: 15 });
    const expected = [[0, 2, 3, 4, 6], [7, 8, 10, 12, 14]];
    await socket.shows(1, ({ value }) => value.page.length === 5);
    assert.ok(nanos(socket.version.ts) >= nanos(ts));
    assert.deepEqual(ranks(socket), expected);
    const journals = [0, 1].map((id) => socket.queries.get(id).journal);
    assert.ok(journals.every((journal) => typeof journal === "string"));

    const again = async (rank, expected) => {
      const next = await connected({ connectionCount: 1, maxObservedTimestamp: sockets.at(-1).version.ts });
      next.modify(page(0, null, journals[0]), page(1, border, journals[1]));
      await next.nextTransition();
      assert.deepEqual(ranks(next), expected);
      assert.equal(next.queries.get(0).value.continueCursor, border);
      await next.mutate("notes:add", { text: "one more", rank });
      await next.shows(0, ({ value }) => value.page.some((note) => note.rank === rank));
      return next;
    };
    socket.close();
    (await again(5, expected)).close();
    await hull.server.kill("SIGTERM");
    await hull.server.launch();
    await again(1, [[0, 2, 3, 4, 5, 6], expected[1]]);
  });

  it("a cursor of another query restarts the pagination", async () => {
    const socket = await connected();
    socket.modify(add(0, "notes:page", { paginationOpts: { numItems: 4, cursor: null } }));
    const { value } = await socket.shows(0, () => true);
    socket.modify(add(1, "entries:page", { index: null, cursor: value.continueCursor }));
    const failed = await socket.shows(1, () => true);
    assert.deepEqual(failed.errorData, { isConvexSystemError: true, paginationError: "InvalidCursor" });
    assert.match(failed.errorMessage, /InvalidCursor/);
  });
});

describe("killed servers", () => {
  it("what was answered is there, what was not is sent again, nothing runs twice", { timeout: 120_000 }, async () => {
    const sessionId = crypto.randomUUID();
    const name = `killed${Math.random()}`;
    const answers = new Map();
    let newest;
    let next = 0;
    for (let round = 0; round < KILLS; round++) {
      const socket = await connected({ sessionId, connectionCount: round, maxObservedTimestamp: newest });
      const check = (id, answer) => {
        assert.equal(answer.success, true, answer.result);
        if (answers.has(id)) assert.deepEqual(answer, answers.get(id));
        answers.set(id, answer);
      };
      // The last ones again, as a client does that has not seen them in a Transition.
      for (let id = Math.max(0, next - 5); id < next; id++) if (answers.has(id)) check(id, await socket.mutate("counters:bump", { name }, id));
      socket.modify(add(0, "counters:get", { name }));
      const unanswered = [];
      for (let id = answers.size; id < next + 200; id++) {
        unanswered.push(socket.mutate("counters:bump", { name }, id).then((answer) => check(id, answer)));
      }
      next += 200;
      const settled = Promise.allSettled(unanswered);
      if (round === KILLS - 1) {
        await settled;
        await socket.shows(0, ({ value }) => value === next);
      } else {
        await sleep(100 + Math.random() * 300);
        await hull.server.kill();
        await settled;
        newest = socket.version.ts;
        await hull.server.launch();
      }
      for (const outcome of await settled) {
        if (outcome.status === "rejected") assert.doesNotMatch(String(outcome.reason), /AssertionError/);
      }
    }
    assert.deepEqual([...answers.values()].map(({ result }) => result).sort((a, b) => a - b), Array.from({ length: next }, (_, i) => i + 1));
  });

  it("timestamps go on above those that were handed out", async () => {
    const before = await connected();
    const { ts } = await before.mutate("counters:bump", { name: "ts" });
    await before.reaches(ts);
    await hull.server.kill();
    await hull.server.launch();
    const socket = await connected({ maxObservedTimestamp: before.version.ts });
    socket.modify(add(0, "counters:get", { name: "ts" }));
    await socket.nextTransition();
    assert.ok(nanos(socket.version.ts) >= nanos(before.version.ts));
    assert.equal(socket.queries.get(0).value, 1);
  });
});

describe("a server that is stopped", () => {
  it("answers what runs and closes with 1012", { timeout: 60_000 }, async () => {
    const idle = await connected();
    idle.modify(add(0, "facts:fresh"));
    await idle.nextTransition();
    const busy = await connected();
    await busy.call("Action", "actions:inner"); // a process for actions is there
    const nap = busy.call("Action", "actions:nap", { ms: 500 });
    const bumped = Array.from({ length: 50 }, () => busy.mutate("counters:bump", { name: "stopped" }).catch(() => undefined));
    await bumped[0];
    const stopped = hull.server.kill("SIGTERM");
    assert.deepEqual(await idle.closed, { code: 1012, reason: "InternalServerError" });
    assert.equal((await nap).success, true, "the action was not cut off");
    assert.deepEqual(await busy.closed, { code: 1012, reason: "InternalServerError" });
    assert.equal((await stopped).code, 0);
    const answered = (await Promise.all(bumped)).filter((answer) => answer !== undefined);
    assert.ok(answered.every(({ success }) => success));
    await hull.server.launch();
    const count = await hull.server.call("query", "counters:get", { name: "stopped" });
    assert.equal(count.value, answered.length, "committed is what was answered");
  });
});
