// The clients of the serializability test: each runs transactions one after another (websocket clients also several at once, and
// live queries beside them) until `stop()`, and records them.
import { setTimeout as sleep } from "node:timers/promises";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { ConvexError } from "convex/values";
import { recordingSocket } from "./recording_socket.mjs";

const PAUSE_WHEN_REFUSED = 50;

class Client {
  /** `errors` collects what no client should ever see. */
  constructor(name, server, workload, recorder, errors) {
    Object.assign(this, { name, server, workload, recorder, errors, running: true });
  }

  start() {
    this.done = this.loop();
  }

  async stop() {
    this.running = false;
    await this.done;
  }

  async loop() {
    while (this.running) await this.step();
  }

  /** Runs one transaction; `call(tag)` sends it. Returns whether there was an answer. */
  async transact(kind, steps, call, options = {}) {
    const transaction = this.recorder.begin(this.name, kind, { steps, ...options });
    try {
      const results = await call(transaction);
      this.workload.learn(results);
      this.recorder.succeed(transaction, steps, results);
      return true;
    } catch (error) {
      if (error instanceof ConvexError && error.data === "undone") {
        this.recorder.fail(transaction);
        return true;
      }
      return this.unanswered(error, transaction);
    }
  }
}

/** Plain HTTP calls; without an answer the outcome is unknown. */
export class HttpClient extends Client {
  http = new ConvexHttpClient(this.server.url, { logger: false });

  async step() {
    const dice = this.workload.random();
    let answered;
    if (dice < 0.6) {
      const { steps, ...fail } = this.workload.mutation();
      const send = (transaction) => this.http.mutation(api.history.run, { tag: `${transaction.id}`, steps, ...fail });
      answered = await this.transact("mutation", steps, send);
    } else {
      const steps = this.workload.query();
      const send = dice < 0.8 ? () => this.http.query(api.history.look, { steps }) : (transaction) => this.consistentQuery(transaction, steps);
      answered = await this.transact("query", steps, send);
    }
    if (!answered) await sleep(PAUSE_WHEN_REFUSED);
  }

  /** As ConvexHttpClient.consistentQuery, which does not tell the timestamp. */
  async consistentQuery(transaction, steps) {
    const post = async (path, body) => {
      const response = await this.server.post(path, body);
      if (!response.ok) throw new Error(await response.text());
      return await response.json();
    };
    const { ts } = await post("/api/query_ts", {});
    const body = await post("/api/query_at_ts", { path: "history:look", args: { steps }, format: "convex_encoded_json", ts });
    if (body.status !== "success") throw new Error(JSON.stringify(body));
    transaction.ts = Buffer.from(ts, "base64").readBigUInt64LE();
    return body.value;
  }

  unanswered(error, transaction) {
    if (/"(OptimisticConcurrencyControlFailure|NotReady)"/.test(error.message)) this.recorder.fail(transaction);
    // While the server is down fetch fails; anything else is an answer that should not be.
    else if (!/fetch failed|terminated|other side closed|ECONN/.test(`${error.message} ${error.cause}`)) {
      this.errors.push(`${this.name}: ${error.message}`);
    }
    return false;
  }

  async close() {}
}

/** A websocket session with live queries; its mutations are sent again until there is an answer. */
export class SocketClient extends Client {
  live = [];

  start() {
    const byTag = new Map();
    this.byTag = byTag;
    this.client = new ConvexClient(this.server.url, {
      logger: false,
      webSocketConstructor: recordingSocket({
        onMutation: ({ tag }, ts) => (byTag.get(tag).ts = ts),
        onState: (ts, queries) => this.#state(ts, queries),
        onError: (text) => this.errors.push(`${this.name}: ${text}`),
      }),
    });
    super.start();
  }

  #state(ts, queries) {
    const steps = queries.flatMap(({ args }) => args.steps);
    if (steps.length === 0) return;
    const transaction = this.recorder.begin(this.name, "session", { strict: false });
    transaction.ts = ts;
    const results = queries.flatMap(({ value }) => value);
    this.recorder.succeed(transaction, steps, results);
  }

  #watch() {
    this.epoch = this.workload.epoch;
    for (const { unsubscribe } of this.live) unsubscribe();
    this.live = this.workload.liveQueries().map((steps) => {
      const live = { steps, value: undefined };
      live.unsubscribe = this.client.onUpdate(
        api.history.look,
        { steps },
        (value) => {
          live.value = value;
          this.recorder.succeed(this.recorder.begin(this.name, "delivery", { strict: false }), steps, value);
        },
        (error) => this.errors.push(`${this.name}: a live query failed: ${error.message}`),
      );
      return live;
    });
  }

  async step() {
    if (this.epoch !== this.workload.epoch) this.#watch();
    if (this.workload.random() < 0.15) {
      const steps = this.workload.query();
      // May be answered from what live queries know, hence not newer than they are.
      await this.transact("query", steps, () => this.client.query(api.history.look, { steps }), { strict: false });
      return;
    }
    const together = this.workload.random() < 0.2 ? 3 : 1;
    await Promise.all(
      Array.from({ length: together }, () => {
        const { steps, ...fail } = this.workload.mutation();
        return this.transact("mutation", steps, (transaction) => {
          this.byTag.set(`${transaction.id}`, transaction);
          return this.client.mutation(api.history.run, { tag: `${transaction.id}`, steps, ...fail });
        });
      }),
    );
  }

  unanswered(error) {
    this.errors.push(`${this.name}: ${error.message}`);
    return false;
  }

  async close() {
    await this.client.close();
  }
}
