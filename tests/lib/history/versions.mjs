// The versions of every list: since values are unique and only appended, the final list is the order of its writers.

export class Versions {
  /** `final`: [{ key, values }] read after all transactions ended. Adds what is wrong with them to `anomalies`. */
  constructor(transactions, final, anomalies) {
    this.order = new Map();
    this.writers = new Map();
    this.undone = new Set();
    for (const transaction of transactions) {
      for (const { append, undone } of transaction.events) {
        if (append !== undefined) this.writers.set(append.value, transaction);
        if (undone !== undefined) this.undone.add(undone.value);
      }
    }
    for (const { key, values } of final) {
      if (this.order.has(key)) anomalies.push({ type: "duplicate-document", text: `list ${key} is in two documents` });
      this.order.set(key, [...(this.order.get(key) ?? []), ...values]);
    }
    this.#checkFinal(anomalies);
    this.#checkAcknowledged(transactions, anomalies);
  }

  /** The transaction that made version n (the list with n values), or undefined. */
  writer(key, n) {
    return this.writers.get(this.order.get(key)?.[n - 1]);
  }

  length(key) {
    return this.order.get(key)?.length ?? 0;
  }

  /** The values of version n. */
  prefix(key, n) {
    return (this.order.get(key) ?? []).slice(0, n);
  }

  happened(transaction) {
    return transaction.outcome === "ok" || (transaction.outcome === "unknown" && this.observed.has(transaction));
  }

  #checkFinal(anomalies) {
    /** Transactions of which a value is in the final state. */
    this.observed = new Set();
    const seen = new Set();
    for (const [key, values] of this.order) {
      for (const value of values) {
        if (seen.has(value)) anomalies.push({ type: "duplicate-append", text: `${value} is twice in the final state (list ${key})` });
        seen.add(value);
        const writer = this.writers.get(value);
        if (writer === undefined || this.undone.has(value)) {
          anomalies.push({ type: "G1a", text: `list ${key} has ${value}, which ${this.undone.has(value) ? "was undone" : "nobody wrote"}` });
        } else {
          if (writer.outcome === "failed") {
            anomalies.push({ type: "G1a", text: `list ${key} has ${value} of a failed transaction`, transactions: [writer] });
          }
          this.observed.add(writer);
        }
      }
    }
    this.present = seen;
  }

  #checkAcknowledged(transactions, anomalies) {
    for (const transaction of transactions) {
      if (!this.happened(transaction)) continue;
      for (const { append } of transaction.events) {
        if (append === undefined || this.present.has(append.value)) continue;
        const type = transaction.outcome === "ok" ? "lost-append" : "torn-transaction";
        anomalies.push({ type, text: `${append.value} is not in list ${append.key}`, transactions: [transaction] });
      }
    }
  }
}
