// A history: every transaction that clients ran, with what it saw and wrote, and when in the order of events it began and ended.
//
// Transaction: { id, client, kind, outcome, invoked, completed, ts, events }
//   kind       "mutation", "query", "delivery" (a value given to an onUpdate callback) or "session" (all results of one
//              websocket session at the timestamp of a Transition)
//   outcome    "ok", "unknown" (no answer: it may have happened or not) or "failed" (it certainly did not happen)
//   invoked    when it began; null when it may show a state older than that moment (deliveries)
//   completed  when the client had the result; null if it never did
//   ts         the server's timestamp (bigint) or null where the client cannot see it
//   events     in order: { read: { keys: [from, to), least, rows, ordered } } and { append: { key, value } }; an undone nested
//              append is { undone: { key, value } }
// A read says: of the lists with a key in `keys` and at least `least` values, exactly `rows` ({ key, length, last, values? }) exist.

/** Keys per epoch and appends per tier; known to tests/app/convex/history.ts as well. */
export const EPOCH = 16;
export const TIER = 5;

export class Recorder {
  constructor() {
    this.transactions = [];
    this.clock = 0;
  }

  begin(client, kind, { strict = true, steps = [] } = {}) {
    const transaction = {
      id: this.transactions.length,
      client,
      kind,
      outcome: "unknown",
      invoked: strict ? this.clock++ : null,
      completed: null,
      ts: null,
      events: eventsOf(steps),
    };
    this.transactions.push(transaction);
    return transaction;
  }

  /** `results` are the rows that each of the steps saw. */
  succeed(transaction, steps, results) {
    transaction.outcome = "ok";
    transaction.completed = this.clock++;
    transaction.events = eventsOf(steps, results);
  }

  fail(transaction) {
    transaction.outcome = "failed";
    transaction.completed = this.clock++;
  }

  count(outcome, kind) {
    return this.transactions.filter((t) => t.outcome === outcome && (kind === undefined || t.kind === kind)).length;
  }
}

/** What a list of steps (see the app's history.ts) does, with the rows it saw if they are known. */
export function eventsOf(steps, results) {
  const events = [];
  steps.forEach((step, n) => {
    if (results !== undefined) events.push({ read: { ...domain(step), rows: results[n] } });
    if (step.op === "append" || step.op === "recreate") events.push({ append: { key: step.key, value: step.value } });
    if (step.op === "undone") events.push({ undone: { key: step.key, value: step.value } });
  });
  return events;
}

function domain(step) {
  switch (step.op) {
    case "range":
      return { keys: [step.from, step.to], least: 1, ordered: (row) => [row.key] };
    case "tier": {
      const keys = [step.epoch * EPOCH, (step.epoch + 1) * EPOCH];
      return { keys, least: Math.max(1, step.least * TIER), ordered: (row) => [Math.floor(row.length / TIER), row.key] };
    }
    case "scan":
      return { keys: [step.from, step.to], least: 1 };
    default:
      return { keys: [step.key, step.key + 1], least: 1 };
  }
}
