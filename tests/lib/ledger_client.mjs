// A client that appends to its list (tests/apps/faults) without pause and checks every snapshot it gets.
import { setMaxListeners } from "node:events";
import { BaseConvexClient } from "convex/browser";
import { sleep } from "./server.mjs";

const IN_FLIGHT = 3;
// The client takes a silent server for lost after 60 s. For these tests it is less patient.
const PATIENCE_MS = 2500;
setMaxListeners(0);

export class LedgerClient {
  appended = 0; // acknowledged
  problems = [];
  #running = true;
  #seen = { own: 0, other: 0 };

  /** Writes `writer`'s list; watches it with its count, and the list of `other`. */
  constructor(url, writer, other) {
    Object.assign(this, { writer, other });
    this.client = new BaseConvexClient(url, () => this.#check(), { logger: false, unsavedChangesWarning: false });
    this.client.webSocketManager.serverInactivityThreshold = PATIENCE_MS;
    this.client.subscribe("ledger:list", { writer });
    this.client.subscribe("ledger:count", { writer });
    this.client.subscribe("ledger:list", { writer: other });
    this.writing = Promise.all(Array.from({ length: IN_FLIGHT }, () => this.#write()));
  }

  #next = 0;
  async #write() {
    while (this.#running) {
      const n = this.#next++;
      try {
        const result = await this.client.mutation("ledger:append", { writer: this.writer, n });
        if (result !== n + 1) this.problems.push(`${this.writer}: append ${n} was number ${result}`);
        this.appended++;
        const shown = this.client.localQueryResult("ledger:list", { writer: this.writer });
        if (shown !== undefined && shown.length <= n) this.problems.push(`${this.writer}: ${n} is confirmed, shown are ${shown.length}`);
      } catch (error) {
        this.problems.push(`${this.writer}: append ${n}: ${error.message}`);
      }
      await sleep(20);
    }
  }

  #check() {
    const own = this.client.localQueryResult("ledger:list", { writer: this.writer });
    const count = this.client.localQueryResult("ledger:count", { writer: this.writer });
    const other = this.client.localQueryResult("ledger:list", { writer: this.other });
    if (own !== undefined && count !== undefined && own.length !== count) {
      this.problems.push(`${this.writer}: ${own.length} entries and the count ${count} are not of one snapshot`);
    }
    for (const [name, list] of Object.entries({ own, other })) {
      if (list === undefined) continue;
      if (list.some((n, at) => n !== at)) this.problems.push(`${this.writer}: ${name} list is ${list}`);
      if (list.length < this.#seen[name]) {
        this.problems.push(`${this.writer}: ${name} list went back from ${this.#seen[name]} to ${list.length}`);
      }
      this.#seen[name] = list.length;
    }
  }

  /** Ends the writing and waits for all answers; how many appends were acknowledged. */
  async finish() {
    this.#running = false;
    await this.writing;
    return this.appended;
  }

  close() {
    return this.client.close();
  }
}
