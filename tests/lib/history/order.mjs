// The orders that a history's dependencies must agree with, as edges through moments (see graph.mjs).
import { REALTIME, SESSION, TIMESTAMP } from "./graph.mjs";

const isWriter = (transaction) => transaction.events.some(({ append }) => append !== undefined);
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Chains moments: `before(n)` puts a node before the current moment, `after(n)` puts it after all earlier ones. */
class Chain {
  constructor(graph, type) {
    Object.assign(this, { graph, type, last: null, open: null });
  }
  before(node) {
    if (this.open === null) {
      this.open = this.graph.moment();
      if (this.last !== null) this.graph.add(this.last, this.open, this.type);
    }
    this.graph.add(node, this.open, this.type);
  }
  after(node) {
    if (this.open !== null) {
      this.last = this.open;
      this.open = null;
    }
    if (this.last !== null) this.graph.add(this.last, node, this.type);
  }
}

/** What a client reads is not older than what it has read and what it was told is done. */
export function addSessions(graph, happened) {
  const chains = new Map();
  const completed = happened.map((transaction, node) => ({ transaction, node })).filter(({ transaction }) => transaction.completed !== null);
  completed.sort((a, b) => a.transaction.completed - b.transaction.completed);
  for (const { transaction, node } of completed) {
    if (!chains.has(transaction.client)) chains.set(transaction.client, new Chain(graph, SESSION));
    const chain = chains.get(transaction.client);
    // A live query may show a mutation before the client has the mutation's answer.
    if (transaction.kind !== "mutation") chain.after(node);
    chain.before(node);
  }
}

/** What ended before another began comes before it. */
export function addRealTime(graph, happened) {
  const points = [];
  happened.forEach(({ invoked, completed }, node) => {
    if (invoked !== null) points.push({ at: invoked, node, begins: true });
    if (completed !== null) points.push({ at: completed, node, begins: false });
  });
  points.sort((a, b) => a.at - b.at);
  const chain = new Chain(graph, REALTIME);
  for (const { node, begins } of points) {
    if (begins) chain.after(node);
    else chain.before(node);
  }
}

/** Commits in the order of their timestamps, and reads between the commits that they must see and those they must not. */
export function addTimestamps(graph, happened, anomalies) {
  const known = happened.map((transaction, node) => ({ transaction, node, ts: transaction.ts })).filter(({ ts }) => ts !== null);
  const commits = known.filter(({ transaction }) => isWriter(transaction)).sort((a, b) => compare(a.ts, b.ts));
  const reads = known.filter(({ transaction }) => !isWriter(transaction)).sort((a, b) => compare(a.ts, b.ts));
  const chain = new Chain(graph, TIMESTAMP);
  let next = 0;
  const readsBefore = (ts) => {
    for (; next < reads.length && (ts === null || reads[next].ts < ts); next++) {
      chain.after(reads[next].node);
      pending.push(reads[next].node);
    }
  };
  const pending = [];
  commits.forEach(({ transaction, node, ts }, n) => {
    if (n > 0 && commits[n - 1].ts === ts) {
      anomalies.push({ type: "timestamp", text: `two commits at ${ts}`, transactions: [commits[n - 1].transaction, transaction] });
    }
    readsBefore(ts);
    for (const read of pending.splice(0)) chain.before(read);
    chain.after(node);
    chain.before(node);
  });
  readsBefore(null);
}
