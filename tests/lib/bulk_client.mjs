// A client that changes a large result (tests/apps/faults) and waits until it has seen each change.
import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { until } from "./server.mjs";

export class BulkClient {
  written = 0;
  seen = []; // the count in each result

  constructor(url, writer, bytes) {
    this.writer = writer;
    this.client = new ConvexClient(url, { logger: false });
    this.client.onUpdate(api.ledger.bulk, { writer, bytes }, ({ count }) => this.seen.push(count));
  }

  /** Makes changes one after another; the median of the milliseconds until one is seen. */
  async change(times) {
    const took = [];
    for (let n = 0; n < times; n++) {
      const start = performance.now();
      await this.client.mutation(api.ledger.append, { writer: this.writer, n: this.written++ });
      await until(() => this.seen.at(-1) === this.written);
      took.push(performance.now() - start);
    }
    return took.sort((a, b) => a - b)[times >> 1];
  }

  close() {
    return this.client.close();
  }
}
