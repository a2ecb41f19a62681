// The sync protocol by hand against the real server: versions, transitions, requests, sessions.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { SyncSocket, ZERO, add, encodeNanos, nanos, remove } from "./lib/sync_socket.mjs";

const hull = useApp("tests/app");
const sockets = [];
after(() => sockets.forEach((socket) => socket.close()));

async function open(options) {
  const socket = await SyncSocket.open(hull.server, options);
  sockets.push(socket);
  return socket;
}
async function connected(options) {
  const socket = await open(options);
  socket.connect();
  return socket;
}
const name = () => `n${Math.random()}`;

describe("versions and transitions", () => {
  it("first load, a later query, an empty set", async () => {
    const socket = await connected();
    socket.modify();
    const empty = await socket.nextTransition();
    assert.deepEqual(empty.startVersion, ZERO);
    assert.equal(empty.endVersion.querySet, 1);
    assert.equal(empty.endVersion.identity, 0);
    assert.deepEqual(empty.modifications, []);
    assert.ok(Number.isInteger(empty.clientClockSkew) && Math.abs(empty.clientClockSkew) < 5000);
    assert.ok(Math.abs(empty.serverTs / 1e6 - Date.now()) < 5000);
    socket.modify(add(0, "counters:get", { name: "first" }));
    const first = await socket.nextTransition();
    assert.deepEqual(first.modifications, [{ type: "QueryUpdated", queryId: 0, value: 0, logLines: [], journal: null }]);
    socket.modify(add(1, "facts:fresh"));
    assert.deepEqual((await socket.nextTransition()).modifications.map(({ queryId }) => queryId), [1]);
  });

  it("versions may jump, Connect may be missing or come twice", async () => {
    const socket = await open();
    socket.querySet = 41;
    socket.send({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 41, modifications: [add(0, "facts:fresh")] });
    const transition = await socket.nextTransition();
    assert.equal(transition.endVersion.querySet, 41);
    assert.equal("clientClockSkew" in transition && transition.clientClockSkew !== null, false);
    assert.equal((await socket.mutate("counters:bump", { name: name() })).success, true);
    socket.connect();
    socket.connect({ sessionId: crypto.randomUUID(), connectionCount: 7, lastCloseReason: null });
    socket.modify(remove(0));
    assert.deepEqual((await socket.next((m) => m.type === "Transition" && m.modifications.length > 0)).modifications, [
      { type: "QueryRemoved", queryId: 0 },
    ]);
  });

  it("adds and removes of one id", async () => {
    const socket = await connected();
    socket.modify(add(0, "facts:fresh"), remove(0));
    assert.deepEqual((await socket.nextTransition()).modifications, [{ type: "QueryRemoved", queryId: 0 }]);
    socket.modify(add(0, "facts:fresh"));
    await socket.nextTransition();
    socket.modify(remove(0), add(0, "facts:fresh"));
    assert.deepEqual(
      (await socket.nextTransition()).modifications.map(({ type }) => type),
      ["QueryUpdated"],
      "a fresh query",
    );
  });

  it("a removal during a computation does not break the versions", async () => {
    const socket = await connected();
    for (let i = 0; i < 20; i++) {
      socket.modify(add(i, "facts:random", { salt: Math.random() }));
      if (i > 0) socket.modify(remove(i - 1));
    }
    while (socket.version.querySet < socket.querySet) await socket.nextTransition();
    assert.deepEqual([...socket.queries.keys()], [19]);
  });

  it("only a write that is read runs a query again, only a new result is reported", async () => {
    const socket = await connected();
    const mine = name();
    socket.modify(add(0, "counters:get", { name: mine }), add(1, "notes:filtered", { least: 1e9 }));
    await socket.nextTransition();
    await hull.server.call("mutation", "counters:bump", { name: mine });
    const update = await socket.nextTransition();
    assert.deepEqual(update.modifications.map(({ queryId, value }) => [queryId, value]), [[0, 1]]);
    // Read and run again, with the same result.
    await hull.server.call("mutation", "notes:add", { text: "low", rank: 1 });
    await hull.server.call("mutation", "counters:bump", { name: `${mine}-other` });
    assert.deepEqual((await socket.silence(200)).flatMap(({ modifications }) => modifications), []);
  });

  it("log lines are part of a result, failures are not reported twice", async () => {
    const socket = await connected();
    socket.modify(add(0, "facts:logs"), add(1, "facts:badReturn"), add(2, "facts:echo", { value: { $integer: "AQAAAAAAAAA=" } }));
    await socket.nextTransition();
    assert.deepEqual(socket.queries.get(0).logLines, ["[DEBUG] 'd' 1 {\n  a: [ 1, 2n ]\n}", "[WARN] 'w'", "[ERROR] 'e'"]);
    const failed = socket.queries.get(1);
    assert.equal(failed.type, "QueryFailed");
    assert.match(failed.errorMessage, /^\[Request ID: [0-9a-f]{16}\] Server Error\nReturnsValidationError/);
    assert.equal("errorData" in failed, false);
    assert.deepEqual(socket.queries.get(2).value, { $integer: "AQAAAAAAAAA=" });
  });

  it("two queries over the same rows never disagree", { timeout: 60_000 }, async () => {
    const socket = await connected();
    const mine = name();
    // Paths differ, so that nothing is shared.
    socket.modify(add(0, "counters:get", { name: mine }), add(1, "counters.js:get", { name: mine }), add(2, "counters:get", { name: mine, $undefined: undefined }));
    await socket.nextTransition();
    const writers = await Promise.all([connected(), connected()]);
    const writing = writers.map(async (writer) => {
      for (let i = 0; i < 40; i++) assert.equal((await writer.mutate("counters:bump", { name: mine })).success, true);
    });
    let seen = 0;
    const done = Promise.all(writing).then(() => true);
    while ((await Promise.race([done, socket.nextTransition().then(() => false)])) === false) {
      seen++;
      assert.equal(new Set([...socket.queries.values()].map(({ value }) => value)).size, 1);
    }
    await socket.shows(0, ({ value }) => value === 80);
    assert.ok(seen > 5);
  });

  it("a large Transition: in parts for clients that know them, else whole", { timeout: 60_000 }, async () => {
    const values = ["ä", "😀", "x"].map((letter) => letter.repeat(3_000_000 / Buffer.byteLength(letter)));
    const known = await connected();
    const others = [await connected({ path: "/api/1.27.0/sync" }), await connected({ path: "/api/sync", headers: { "Convex-Client": "rust-0.10.2" } })];
    for (const socket of [known, ...others]) {
      socket.modify(...values.map((value, i) => add(i, "facts:echo", { value })));
      const transition = await socket.nextTransition(30_000);
      assert.deepEqual(values.map((_, i) => socket.queries.get(i).value === values[i]), [true, true, true]);
      assert.equal(transition.parts, socket === known ? 2 : undefined);
    }
    assert.equal((await known.mutate("counters:bump", { name: name() })).success, true);
  });

  it("paths: .js, no export, invalid ones", async () => {
    const socket = await connected();
    socket.modify(add(0, "facts.js:fresh"), add(1, "facts"), add(2, "no such:path"), add(3, "counters:bump", { name: "x" }), add(4, "notes:secret"), add(5, "counters:get", {}));
    await socket.nextTransition();
    assert.equal(socket.queries.get(0).value, 1);
    const text = (id) => socket.queries.get(id).errorMessage.replace(/^.*\n/, "");
    assert.equal(text(1), "Could not find public function for 'facts'.\n");
    assert.equal(socket.queries.get(2).type, "QueryFailed");
    assert.match(text(3), /^Trying to execute counters.js:bump as Query, but it is defined as Mutation.\n/);
    assert.equal(text(4), "Could not find public function for 'notes:secret'.\n");
    assert.match(text(5), /^ArgumentValidationError: /);
  });
});

describe("mutations and actions", () => {
  it("the response, then a Transition that shows it", async () => {
    const socket = await connected();
    const mine = name();
    socket.modify(add(0, "counters:get", { name: mine }));
    await socket.nextTransition();
    const response = await socket.mutate("counters:bump", { name: mine });
    assert.deepEqual(Object.keys(response).sort(), ["logLines", "requestId", "result", "success", "ts", "type"]);
    assert.ok(nanos(socket.version.ts) < nanos(response.ts) || socket.messages.at(-1).type === "Transition");
    await socket.reaches(response.ts);
    assert.equal(socket.queries.get(0).value, 1);
    const order = socket.messages.map(({ type, endVersion }) => (type === "Transition" ? nanos(endVersion.ts) >= nanos(response.ts) : "response"));
    assert.ok(order.indexOf("response") < order.indexOf(true), "the response comes first");
  });

  it("a Transition follows failures, actions and mutations that change nothing", async () => {
    const socket = await connected();
    const failed = await socket.mutate("notes:fail", {});
    assert.equal(failed.success, false);
    assert.equal(failed.ts ?? null, null);
    assert.equal("errorData" in failed, false);
    const expected = createHash("sha256").update(`${socket.sessionId}|0`).digest("hex").slice(0, 16);
    assert.ok(failed.result.startsWith(`[Request ID: ${expected}] Server Error\nUncaught Error: boom\n    at handler`));
    await socket.nextTransition();
    const data = await socket.mutate("notes:fail", { data: { code: 403 } });
    assert.deepEqual(data.errorData, { code: 403 });
    await socket.nextTransition();
    assert.equal((await socket.mutate("nowhere:nothing")).result.split("\n")[1], "Could not find public function for 'nowhere:nothing'.");
    await socket.nextTransition();
    const unchanged = await socket.mutate("notes:edit", { id: (await hull.server.call("mutation", "notes:add", { text: "a", rank: 0 })).value });
    assert.equal(unchanged.success, true);
    await socket.reaches(unchanged.ts);
    const action = await socket.call("Action", "actions:inner");
    assert.deepEqual(action, { type: "ActionResponse", requestId: 4, success: true, result: "inner", logLines: [] });
    await socket.next((m) => m === action);
    await socket.nextTransition();
    const exploded = await socket.call("Action", "actions:explode");
    assert.match(exploded.result, /Uncaught Error: action boom/);
    await socket.next((m) => m === exploded);
    await socket.nextTransition();
  });

  it("a thousand mutations of one socket commit in order", { timeout: 60_000 }, async () => {
    const socket = await connected();
    const mine = name();
    const responses = await Promise.all(Array.from({ length: 1000 }, () => socket.mutate("counters:bump", { name: mine })));
    assert.deepEqual(responses.map(({ result }) => result), Array.from({ length: 1000 }, (_, i) => i + 1));
    responses.reduce((last, { ts }) => (assert.ok(nanos(ts) > last), nanos(ts)), 0n);
    await socket.reaches(responses.at(-1).ts);
  });

  it("actions run side by side and do not hold up mutations", async () => {
    const socket = await connected();
    const naps = Array.from({ length: 5 }, () => socket.call("Action", "actions:nap", { ms: 1000 }));
    let napping = true;
    const rested = Promise.all(naps).then(() => (napping = false));
    assert.equal((await socket.mutate("counters:bump", { name: name() })).success, true);
    assert.equal(napping, true, "a mutation does not wait for actions");
    const began = Date.now();
    await rested;
    assert.ok(Date.now() - began < 4000, "not one after another");
  });

  it("a request that is sent again is answered from its record", async () => {
    const socket = await connected();
    const mine = name();
    const first = await socket.mutate("notes:add", { text: mine, rank: 3 }, 0);
    assert.deepEqual(first.logLines, [`[LOG] 'adding' '${mine}'`]);
    socket.close();
    const again = await connected({ sessionId: socket.sessionId });
    assert.deepEqual(await again.mutate("notes:add", { text: mine, rank: 3 }, 0), first);
    await again.reaches(first.ts);
    const other = await connected();
    assert.notEqual((await other.mutate("notes:add", { text: mine, rank: 3 }, 0)).result, first.result, "another session");
    const failing = await again.mutate("notes:fail", {}, 1);
    assert.equal(failing.success, false);
    assert.equal((await again.mutate("counters:bump", { name: mine }, 1)).result, 1, "failures leave no record");
  });
});

describe("sessions", () => {
  it("a client that is ahead is never shown an older state", async () => {
    const now = BigInt(Date.now()) * 1_000_000n;
    const ahead = await open();
    ahead.connect({ maxObservedTimestamp: encodeNanos(now) });
    ahead.modify(add(0, "facts:fresh"));
    await ahead.nextTransition();
    assert.ok(nanos(ahead.version.ts) >= now);
    const future = await open();
    future.connect({ maxObservedTimestamp: encodeNanos(now + 3_600_000_000_000n) });
    future.modify(add(0, "facts:fresh"));
    assert.deepEqual(await future.closed, { code: 1011, reason: "InternalServerError" });
    assert.deepEqual(future.messages, []);
  });

  it("a reconnecting client gets every result again", async () => {
    const socket = await connected();
    socket.modify(add(0, "facts:fresh"), add(1, "facts:logs"));
    await socket.nextTransition();
    socket.close();
    const again = await open({ sessionId: socket.sessionId });
    again.connect({ connectionCount: 1, lastCloseReason: "closed with code 1006", maxObservedTimestamp: socket.version.ts });
    again.modify(add(0, "facts:fresh", {}, { journal: null }), add(1, "facts:logs", {}, { journal: null }));
    const transition = await again.nextTransition();
    assert.deepEqual(transition.startVersion, ZERO);
    assert.equal(transition.modifications.length, 2);
    assert.equal(transition.modifications[1].logLines.length, 3, "a cached result has its log lines");
    assert.ok(nanos(again.version.ts) >= nanos(socket.version.ts));
  });

  it("identities: admin, acting as a user, none", async () => {
    const socket = await connected();
    socket.modify(add(0, "facts:whoami"), add(1, "notes:secret"));
    await socket.nextTransition();
    assert.equal(socket.queries.get(0).value, null);
    assert.equal(socket.queries.get(1).type, "QueryFailed");
    socket.authenticate("Admin", { value: hull.server.adminKey, impersonating: { issuer: "https://i", subject: "u1", name: "Ada" } });
    const transition = await socket.nextTransition();
    assert.equal(transition.endVersion.identity, 1);
    assert.equal(socket.queries.get(0).value.tokenIdentifier, "https://i|u1");
    assert.equal(socket.queries.get(1).value, "internal");
    socket.authenticate("None");
    await socket.nextTransition();
    assert.equal(socket.queries.get(0).value, null);
    assert.equal(socket.version.identity, 2);
  });

  it("a client of the Rust crate", async () => {
    const socket = await open({ path: "/api/sync", headers: { "Convex-Client": "rust-0.10.2" } });
    socket.connect({ lastCloseReason: null, clientTs: 0, maxObservedTimestamp: undefined });
    socket.authenticate("Admin", { value: hull.server.adminKey, acting_as: { tokenIdentifier: "t|1" } });
    socket.modify(add(0, "facts:whoami", {}, { journal: null }));
    await socket.shows(0, ({ value }) => value?.tokenIdentifier === "t|1");
    assert.ok(Number.isInteger(socket.messages.at(-1).clientClockSkew));
    assert.equal(socket.queries.get(0).journal, null);
    assert.equal((await socket.mutate("counters:bump", { name: name() })).success, true);
  });

  it("Connect may be held back for long: Pings flow", { timeout: 30_000 }, async () => {
    const socket = await open();
    const opened = Date.now();
    while (socket.pings === 0) {
      assert.ok(Date.now() - opened < 17_000, "a Ping within 15 s");
      await new Promise((done) => setTimeout(done, 50));
    }
    socket.connect({ connectionCount: 1 });
    socket.modify(add(0, "facts:fresh"));
    assert.equal((await socket.nextTransition()).modifications[0].value, 1);
  });
});
