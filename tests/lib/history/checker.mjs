// Is a history (see recorder.mjs) strictly serializable? Adya's dependencies, as Elle infers them from append-only lists:
//   ww  the writer of a version -> the writer of the next version
//   wr  the writer of a version -> whoever read it
//   rw  whoever read a version (or that a predicate does not match yet) -> the writer of the next version (of the one that matches)
// and what must agree with them: real time, the order within a client, and the server's timestamps. A cycle is an anomaly, named
// after its edges: G0 (ww), G1c (ww, wr), G-single (one rw), G2 (more), with the strongest other edge it needs appended.
import { Graph, NAMES, REALTIME, RW, SESSION, TIMESTAMP, WR, WW } from "./graph.mjs";
import { addRealTime, addSessions, addTimestamps } from "./order.mjs";
import { Versions } from "./versions.mjs";

/** At most so many cycles are reported for each set of edges. */
const MAX_CYCLES = 5;

/** Checks transactions against the final lists ([{ key, values }]); returns { anomalies, edges, happened }. */
export function checkHistory(transactions, final) {
  const anomalies = [];
  const versions = new Versions(transactions, final, anomalies);
  const happened = transactions.filter((transaction) => versions.happened(transaction));
  const graph = new Graph(happened.length);
  const node = new Map(happened.map((transaction, n) => [transaction, n]));
  const link = (from, to, type) => {
    if (from !== undefined && to !== undefined && node.has(from) && node.has(to)) graph.add(node.get(from), node.get(to), type);
  };
  for (const [key, values] of versions.order) {
    for (let n = 1; n < values.length; n++) link(versions.writer(key, n), versions.writer(key, n + 1), WW);
  }
  for (const transaction of happened) {
    if (transaction.outcome === "ok") checkReads(transaction, versions, link, anomalies);
  }
  addSessions(graph, happened);
  addRealTime(graph, happened);
  addTimestamps(graph, happened, anomalies);
  findCycles(graph, happened, anomalies);
  return { anomalies, happened: happened.length, edges: Object.fromEntries(NAMES.map((name, type) => [name, graph.counts[type]])) };
}

/** The wr and rw edges of one transaction, and whether each of its reads can be true at all. */
function checkReads(transaction, versions, link, anomalies) {
  const own = new Map();
  const wrong = (type, text) => anomalies.push({ type, text, transactions: [transaction] });
  for (const { read, append } of transaction.events) {
    if (append !== undefined) own.set(append.key, [...(own.get(append.key) ?? []), append.value]);
    if (read === undefined) continue;
    checkRows(read, wrong);
    const rows = new Map(read.rows.map((row) => [row.key, row]));
    for (let key = read.keys[0]; key < read.keys[1]; key++) {
      const mine = own.get(key) ?? [];
      const row = rows.get(key);
      if (row === undefined) {
        const next = read.least - mine.length;
        if (next < 1) wrong("internal", `does not see its own appends to list ${key}`);
        else link(transaction, versions.writer(key, next), RW);
        continue;
      }
      const length = row.length - mine.length;
      const expected = [...versions.prefix(key, length), ...mine];
      const actual = row.values ?? [row.last];
      if (length < 0) {
        wrong("internal", `does not see its own appends to list ${key}`);
      } else if (expected.length !== row.length || actual.some((value, n) => value !== expected[row.length - actual.length + n])) {
        const finally_ = JSON.stringify(expected.slice(-actual.length));
        wrong("incompatible-order", `saw list ${key} as ${JSON.stringify(actual)} (${row.length} values), the final state has ${finally_}`);
      } else {
        const writer = versions.writer(key, length);
        if (writer !== transaction && isIntermediate(writer, key, versions.prefix(key, length).at(-1))) {
          anomalies.push({ type: "G1b", text: `list ${key} in the middle of a transaction`, transactions: [writer, transaction] });
        }
        link(writer, transaction, WR);
        link(transaction, versions.writer(key, length + 1), RW);
      }
    }
  }
}

/** What is wrong with the rows of a read on their own. */
function checkRows(read, wrong) {
  const seen = new Set();
  for (const row of read.rows) {
    if (seen.has(row.key)) wrong("duplicate-document", `saw list ${row.key} twice in one read`);
    seen.add(row.key);
    if (row.key < read.keys[0] || row.key >= read.keys[1] || row.length < read.least) {
      wrong("predicate", `a read of lists ${read.keys} with at least ${read.least} values gave list ${row.key} with ${row.length}`);
    }
  }
  if (read.ordered === undefined) return;
  const compare = (a, b) => (a.length === 0 ? 0 : a[0] - b[0] || compare(a.slice(1), b.slice(1)));
  for (let n = 1; n < read.rows.length; n++) {
    if (compare(read.ordered(read.rows[n - 1]), read.ordered(read.rows[n])) >= 0) wrong("index-order", `rows ${n - 1} and ${n} of an index read are out of order`);
  }
}

/** Does the writer append to the list again after this value? */
function isIntermediate(writer, key, value) {
  const appended = writer?.events.filter(({ append }) => append?.key === key).map(({ append }) => append.value) ?? [];
  return appended.length > 0 && appended.at(-1) !== value;
}

function findCycles(graph, happened, anomalies) {
  const reported = new Set();
  const levels = [[WW], [WW, WR], [WW, WR, RW], [WW, WR, RW, SESSION], [WW, WR, RW, SESSION, REALTIME], [WW, WR, RW, SESSION, REALTIME, TIMESTAMP]];
  for (const allowed of levels) {
    for (const component of graph.components(allowed).slice(0, MAX_CYCLES)) {
      if (component.some((each) => reported.has(each))) continue;
      const cycle = graph.shortestCycle(component, allowed);
      if (cycle === null) continue;
      for (const { from } of cycle) reported.add(from);
      anomalies.push({
        type: nameOf(cycle),
        text: cycle.map(({ from, to, type }) => `T${happened[from].id} -${NAMES[type]}-> T${happened[to].id}`).join(", "),
        transactions: cycle.map(({ from }) => happened[from]),
      });
    }
  }
}

function nameOf(cycle) {
  const count = (type) => cycle.filter((step) => step.type === type).length;
  const name = count(RW) > 1 ? "G2" : count(RW) === 1 ? "G-single" : count(WR) > 0 ? "G1c" : count(WW) > 0 ? "G0" : "order";
  const strongest = [TIMESTAMP, REALTIME, SESSION].find((type) => count(type) > 0);
  return strongest === undefined ? name : `${name}-${NAMES[strongest]}`;
}

/** One anomaly as text, with its transactions. */
export function describeAnomaly({ type, text, transactions = [] }) {
  const line = (t) =>
    `    T${t.id} ${t.kind} of ${t.client}, ${t.outcome}, events ${t.invoked}..${t.completed}, ts ${t.ts}: ${t.events.map(describeEvent).join("; ")}`;
  return [`${type}: ${text}`, ...transactions.map(line)].join("\n");
}

function describeEvent({ read, append, undone }) {
  if (append !== undefined) return `append ${append.value} to ${append.key}`;
  if (undone !== undefined) return `undone append of ${undone.value} to ${undone.key}`;
  const rows = read.rows.map((row) => `${row.key}:#${row.length}=${row.last}`).join(" ");
  return `read ${read.keys[0]}..${read.keys[1] - 1}${read.least > 1 ? ` with ${read.least}+` : ""} [${rows}]`;
}
