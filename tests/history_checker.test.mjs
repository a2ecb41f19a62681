// The serializability checker finds what it is there to find, and nothing in a history without anomalies.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkHistory, describeAnomaly } from "./lib/history/checker.mjs";

/** A read of one list: `saw(1, [10, 11])`; of several by a predicate: `found([1, 4], 5, [...rows])`. */
const row = (key, values) => ({ key, length: values.length, last: values.at(-1), values });
const saw = (key, values) => ({ read: { keys: [key, key + 1], least: 1, rows: values.length === 0 ? [] : [row(key, values)] } });
const found = (keys, least, rows, ordered) => ({ read: { keys, least, rows, ordered } });
const append = (key, value) => ({ append: { key, value } });
const byKey = (each) => [each.key];

/** All at the same time unless `at` says when, each by a client of its own. */
function history(...transactions) {
  return transactions.map((fields, id) => {
    const [invoked, completed] = fields.at ?? [0, 1000];
    const outcome = fields.outcome ?? "ok";
    return { client: `c${id}`, kind: "mutation", ts: null, ...fields, id, outcome, invoked, completed: outcome === "unknown" ? null : completed };
  });
}
const lists = (object) => Object.entries(object).map(([key, values]) => ({ key: Number(key), values }));
function types(transactions, final) {
  return checkHistory(transactions, lists(final)).anomalies.map(({ type }) => type);
}

describe("histories without anomalies", () => {
  it("a serial one", () => {
    const result = checkHistory(
      history(
        { events: [saw(1, []), append(1, 10)], at: [0, 1], ts: 5n },
        { events: [saw(1, [10]), append(1, 11), saw(1, [10, 11]), append(2, 20)], at: [2, 3], ts: 6n },
        { events: [saw(2, [20]), saw(1, [10, 11])], kind: "query", at: [4, 5], ts: 6n },
        { events: [found([0, 9], 2, [row(1, [10, 11])], byKey)], kind: "query", at: [6, 7], ts: 9n },
      ),
      lists({ 1: [10, 11], 2: [20] }),
    );
    assert.deepEqual(result.anomalies, []);
    assert.equal(result.happened, 4);
    assert.equal(result.edges.ww, 1);
    assert.ok(result.edges.wr >= 4);
    assert.ok(result.edges.realtime > 0 && result.edges.timestamp > 0 && result.edges.session > 0);
  });
  it("concurrent reads may see either state", () => {
    const write = { events: [saw(1, []), append(1, 10)] };
    assert.deepEqual(types(history(write, { events: [saw(1, [])] }, { events: [saw(1, [10])] }), { 1: [10] }), []);
  });
  it("unknown outcomes may be either", () => {
    const unknown = { events: [append(1, 10), append(2, 20)], outcome: "unknown" };
    assert.deepEqual(types(history(unknown), {}), []);
    assert.deepEqual(types(history(unknown), { 1: [10], 2: [20] }), []);
  });
  it("a delivery may be older than acknowledged writes of others", () => {
    const late = { kind: "delivery", events: [saw(1, [])], at: [null, 9] };
    assert.deepEqual(types(history({ events: [append(1, 10)], at: [0, 1] }, late), { 1: [10] }), []);
  });
  it("a delivery may show a mutation before it is answered", () => {
    const early = { kind: "delivery", client: "same", events: [saw(1, [10])], at: [null, 3] };
    assert.deepEqual(types(history({ client: "same", events: [append(1, 10)], at: [0, 5] }, early), { 1: [10] }), []);
  });
});

describe("cycles", () => {
  it("G0: writes of two transactions are interleaved", () => {
    assert.deepEqual(types(history({ events: [append(1, 10), append(2, 20)] }, { events: [append(1, 11), append(2, 21)] }), { 1: [10, 11], 2: [21, 20] }), ["G0"]);
  });
  it("G1c: two transactions see each other's writes", () => {
    assert.deepEqual(types(history({ events: [append(1, 10), saw(2, [20])] }, { events: [append(2, 20), saw(1, [10])] }), { 1: [10], 2: [20] }), ["G1c"]);
  });
  it("lost update: two appends saw the same list", () => {
    assert.deepEqual(types(history({ events: [saw(1, [10]), append(1, 11)] }, { events: [saw(1, [10]), append(1, 12)] }, { events: [append(1, 10)] }), { 1: [10, 11, 12] }), ["G-single"]);
  });
  it("write skew: each reads what the other writes", () => {
    const found_ = types(history({ events: [saw(1, []), saw(2, []), append(1, 10)] }, { events: [saw(1, []), saw(2, []), append(2, 20)] }), { 1: [10], 2: [20] });
    assert.deepEqual(found_, ["G2"]);
  });
  it("phantom: each inserts what the other's predicate does not find", () => {
    assert.deepEqual(types(history({ events: [found([0, 9], 1, []), append(1, 10)] }, { events: [found([0, 9], 1, []), append(2, 20)] }), { 1: [10], 2: [20] }), ["G2"]);
  });
  it("phantom: a row that begins to match", () => {
    const base = { events: [append(1, 10), append(2, 20)] };
    const first = { events: [found([0, 9], 2, []), append(1, 11)] };
    const second = { events: [found([0, 9], 2, []), append(2, 21)] };
    assert.deepEqual(types(history(base, first, second), { 1: [10, 11], 2: [20, 21] }), ["G2"]);
  });
  it("an inconsistent snapshot: half of a transaction", () => {
    assert.deepEqual(types(history({ events: [append(1, 10), append(2, 20)] }, { kind: "query", events: [saw(1, [10]), saw(2, [])] }), { 1: [10], 2: [20] }), ["G-single"]);
  });
  it("names the transactions", () => {
    const { anomalies } = checkHistory(history({ events: [append(1, 10), append(2, 20)] }, { kind: "query", events: [saw(1, [10]), saw(2, [])] }), lists({ 1: [10], 2: [20] }));
    assert.match(describeAnomaly(anomalies[0]), /^G-single: T. -..-> T., T. -..-> T.\n.*T. (mutation|query) of c.*\n.*T. (mutation|query) of c/);
  });
  it("a long cycle among many transactions", () => {
    const many = Array.from({ length: 500 }, (_, n) => ({ events: [saw(n, []), append((n + 1) % 500, n)] }));
    const final = Object.fromEntries(many.map((_, n) => [(n + 1) % 500, [n]]));
    assert.deepEqual(types(history(...many), final), ["G2"]);
  });
});

describe("orders", () => {
  const write = { events: [append(1, 10)], at: [0, 1] };
  it("stale read: what was acknowledged before the query began", () => {
    assert.deepEqual(types(history(write, { kind: "query", events: [saw(1, [])], at: [2, 3] }), { 1: [10] }), ["G-single-realtime"]);
  });
  it("stale predicate read", () => {
    assert.deepEqual(types(history(write, { kind: "query", events: [found([0, 9], 1, [])], at: [2, 3] }), { 1: [10] }), ["G-single-realtime"]);
  });
  it("non-monotonic reads of one client", () => {
    const reads = [[10], []].map((values, n) => ({ client: "same", kind: "delivery", events: [saw(1, values)], at: [null, 5 + n] }));
    assert.deepEqual(types(history({ events: [append(1, 10)] }, ...reads), { 1: [10] }), ["G-single-session"]);
  });
  it("a client does not see its own acknowledged write", () => {
    const read = { client: "same", kind: "delivery", events: [saw(1, [])], at: [null, 5] };
    assert.deepEqual(types(history({ client: "same", ...write }, read), { 1: [10] }), ["G-single-session"]);
  });
  it("a snapshot lacks a commit with an earlier timestamp", () => {
    const read = { kind: "session", events: [saw(1, [])], ts: 8n, at: [null, 1000] };
    assert.deepEqual(types(history({ ...write, ts: 7n, at: [0, 1000] }, read), { 1: [10] }), ["G-single-timestamp"]);
    assert.deepEqual(types(history({ ...write, ts: 9n, at: [0, 1000] }, read), { 1: [10] }), []);
  });
  it("a snapshot has a commit with a later timestamp", () => {
    const read = { kind: "session", events: [saw(1, [10])], ts: 8n, at: [null, 1000] };
    assert.deepEqual(types(history({ ...write, ts: 9n, at: [0, 1000] }, read), { 1: [10] }), ["G1c-timestamp"]);
    assert.deepEqual(types(history({ ...write, ts: 8n, at: [0, 1000] }, read), { 1: [10] }), []);
  });
  it("timestamps against the order of writes, against real time, and twice", () => {
    const pair = (first, second) => history({ events: [append(1, 10)], ts: first }, { events: [append(1, 11)], ts: second });
    assert.deepEqual(types(pair(2n, 1n), { 1: [10, 11] }), ["G0-timestamp"]);
    assert.deepEqual(types(pair(2n, 2n), { 1: [10, 11] }), ["timestamp"]);
    const apart = history({ events: [append(1, 10)], ts: 2n, at: [0, 1] }, { events: [append(2, 20)], ts: 1n, at: [2, 3] });
    assert.deepEqual(types(apart, { 1: [10], 2: [20] }), ["order-timestamp"]);
  });
});

describe("values", () => {
  it("lost acknowledged append", () => assert.deepEqual(types(history({ events: [append(1, 10)] }), {}), ["lost-append"]));
  it("duplicate append", () => assert.deepEqual(types(history({ events: [append(1, 10)] }), { 1: [10, 10] }), ["duplicate-append"]));
  it("an overwritten append that was read", () => {
    const found_ = types(history({ events: [append(1, 10)] }, { events: [append(1, 11)] }, { events: [saw(1, [10])] }), { 1: [11] });
    assert.deepEqual(found_.sort(), ["incompatible-order", "lost-append"]);
  });
  it("a part of a transaction of unknown outcome", () => {
    assert.deepEqual(types(history({ events: [append(1, 10), append(2, 20)], outcome: "unknown" }), { 1: [10] }), ["torn-transaction"]);
  });
  it("G1a: the write of a failed transaction, of an undone one, of nobody", () => {
    assert.deepEqual(types(history({ events: [append(1, 10)], outcome: "failed" }), { 1: [10] }), ["G1a"]);
    assert.deepEqual(types(history({ events: [{ undone: { key: 1, value: 10 } }] }), { 1: [10] }), ["G1a"]);
    assert.deepEqual(types(history(), { 1: [10] }), ["G1a"]);
  });
  it("G1b: the state in the middle of a transaction", () => {
    assert.ok(types(history({ events: [append(1, 10), append(1, 11)] }, { events: [saw(1, [10])] }), { 1: [10, 11] }).includes("G1b"));
  });
  it("a transaction that does not see its own write", () => {
    assert.deepEqual(types(history({ events: [append(1, 10), saw(1, [])] }), { 1: [10] }), ["internal"]);
  });
  it("a list in two documents", () => {
    const twice = found([0, 9], 1, [row(1, [10]), row(1, [10])]);
    assert.deepEqual(types(history({ events: [append(1, 10)] }, { events: [twice] }), { 1: [10] }), ["duplicate-document"]);
    const final = [{ key: 1, values: [10] }, { key: 1, values: [11] }];
    const two = history({ events: [append(1, 10)] }, { events: [append(1, 11)] });
    assert.deepEqual(checkHistory(two, final).anomalies.map(({ type }) => type), ["duplicate-document"]);
  });
  it("rows that the read should not give, or not in this order", () => {
    const base = { events: [append(1, 10), append(2, 20)] };
    const final = { 1: [10], 2: [20] };
    assert.deepEqual(types(history(base, { events: [found([0, 2], 1, [row(1, [10]), row(2, [20])])] }), final), ["predicate"]);
    assert.deepEqual(types(history(base, { events: [found([0, 9], 1, [row(2, [20]), row(1, [10])], byKey)] }), final), ["index-order"]);
  });
});
