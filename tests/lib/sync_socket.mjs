// The sync protocol spoken by hand over one websocket. Checks what the JavaScript client would choke on: each Transition starts
// where the last one ended, its parts never go back, chunks come back to back.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import WebSocket from "ws";
import { sleep } from "./server.mjs";

export const ZERO = { querySet: 0, identity: 0, ts: "AAAAAAAAAAA=" };
/** A timestamp of the protocol as a BigInt of nanoseconds, and back. */
export const nanos = (ts) => Buffer.from(ts, "base64").readBigUInt64LE();
export function encodeNanos(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.toString("base64");
}

export const add = (queryId, udfPath, args = {}, more = {}) => ({ type: "Add", queryId, udfPath, args: [args], ...more });
export const remove = (queryId) => ({ type: "Remove", queryId });

export class SyncSocket {
  version = ZERO;
  /** What the server has said last about each query. */
  queries = new Map();
  /** Every message so far but Pings. */
  messages = [];
  pings = 0;
  sessionId = randomUUID();
  requests = 0;
  querySet = 0;
  identity = 0;
  #taken = 0;
  #waiters = new Set();
  #calls = new Map();
  #chunks = [];

  /** Resolves when the socket is open; nothing has been sent then. */
  static async open(server, { path = "/api/1.48.0/sync", headers = {}, sessionId } = {}) {
    const socket = new SyncSocket();
    if (sessionId !== undefined) socket.sessionId = sessionId;
    socket.ws = new WebSocket(server.url.replace("http", "ws") + path, { headers });
    socket.ws.on("message", (data, binary) => socket.#receive(String(data), binary));
    socket.closed = new Promise((done) =>
      socket.ws.on("close", (code, reason) => {
        socket.ended = { code, reason: String(reason) };
        for (const check of socket.#waiters) check();
        for (const { fail } of socket.#calls.values()) fail(socket.#closedError());
        done(socket.ended);
      }),
    );
    await new Promise((done, fail) => socket.ws.once("open", done).once("error", fail));
    socket.ws.on("error", () => {});
    return socket;
  }

  raw(text) {
    this.ws.send(text);
  }
  send(message) {
    this.raw(JSON.stringify(message));
  }
  connect(more = {}) {
    this.send({ type: "Connect", sessionId: this.sessionId, connectionCount: 0, lastCloseReason: "InitialConnect", clientTs: Date.now(), ...more });
  }
  modify(...modifications) {
    this.send({ type: "ModifyQuerySet", baseVersion: this.querySet, newVersion: ++this.querySet, modifications });
  }
  authenticate(tokenType, more = {}) {
    this.send({ type: "Authenticate", baseVersion: this.identity++, tokenType, ...more });
  }

  /** The next message, not counting Pings, for which `wanted` holds; those before it are passed over. */
  async next(wanted = () => true, timeout = 10_000) {
    const take = () => {
      while (this.#taken < this.messages.length) {
        const message = this.messages[this.#taken++];
        if (wanted(message)) return message;
      }
      return undefined;
    };
    return await this.#until(take, timeout);
  }
  nextTransition(timeout) {
    return this.next(({ type }) => type === "Transition", timeout);
  }
  /** Waits until the last word about a query satisfies `wanted`. */
  async shows(queryId, wanted, timeout) {
    return await this.#until(() => {
      const said = this.queries.get(queryId);
      return said !== undefined && wanted(said) ? said : undefined;
    }, timeout);
  }
  /** Sends a mutation or an action; resolves with its response. */
  call(type, udfPath, args = {}, requestId = this.requests++) {
    return new Promise((done, fail) => {
      this.#calls.set(requestId, { done, fail });
      this.send({ type, requestId, udfPath, args: [args] });
    });
  }
  mutate(udfPath, args, requestId) {
    return this.call("Mutation", udfPath, args, requestId);
  }
  /** Resolves when a Transition has reached `ts`. */
  async reaches(ts) {
    await this.#until(() => (nanos(this.version.ts) >= nanos(ts) ? true : undefined));
  }
  /** Messages other than Pings that come within a time in which none should. */
  async silence(millis) {
    const before = this.messages.length;
    await sleep(millis);
    return this.messages.slice(before);
  }
  close() {
    this.ws.terminate();
  }

  #until(look, timeout = 10_000) {
    return new Promise((done, fail) => {
      const check = () => {
        let found;
        try {
          found = look();
        } catch (error) {
          fail(error);
          return;
        }
        if (found === undefined && this.ended === undefined && this.broken === undefined) return;
        clearTimeout(timer);
        this.#waiters.delete(check);
        if (this.broken !== undefined) fail(this.broken);
        else if (found !== undefined) done(found);
        else fail(this.#closedError());
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(check);
        fail(new Error(`nothing in ${timeout} ms, last message ${JSON.stringify(this.messages.at(-1))?.slice(0, 500)}`));
      }, timeout);
      this.#waiters.add(check);
      check();
    });
  }

  #closedError() {
    return new Error(`closed with ${this.ended.code} ${this.ended.reason}, last message ${JSON.stringify(this.messages.at(-1))?.slice(0, 500)}`);
  }

  #receive(text, binary) {
    try {
      assert.equal(binary, false, "only text frames");
      this.#take(JSON.parse(text));
    } catch (error) {
      this.broken ??= error;
    }
    for (const check of this.#waiters) check();
  }

  #take(message) {
    if (message.type === "Ping") {
      this.pings++;
      return;
    }
    if (message.type === "TransitionChunk") {
      assert.equal(message.partNumber, this.#chunks.length, "chunks come in order");
      this.#chunks.push(message.chunk);
      if (this.#chunks.length < message.totalParts) return;
      const whole = JSON.parse(this.#chunks.join(""));
      whole.parts = this.#chunks.length;
      this.#chunks = [];
      return this.#take(whole);
    }
    assert.equal(this.#chunks.length, 0, "nothing but Pings between chunks");
    this.messages.push(message);
    if (message.type === "MutationResponse" || message.type === "ActionResponse") {
      this.#calls.get(message.requestId)?.done(message);
      this.#calls.delete(message.requestId);
    }
    if (message.type !== "Transition") return;
    assert.deepEqual(message.startVersion, this.version);
    const { endVersion } = message;
    assert.ok(endVersion.querySet >= this.version.querySet && endVersion.querySet <= this.querySet, "query set version");
    assert.ok(endVersion.identity >= this.version.identity && endVersion.identity <= this.identity, "identity version");
    assert.ok(nanos(endVersion.ts) >= nanos(this.version.ts), "ts goes up");
    this.version = endVersion;
    const ids = message.modifications.map(({ queryId }) => queryId);
    assert.equal(new Set(ids).size, ids.length, "one modification per query");
    for (const modification of message.modifications) {
      if (modification.type === "QueryRemoved") {
        this.queries.delete(modification.queryId);
        continue;
      }
      assert.ok(["QueryUpdated", "QueryFailed"].includes(modification.type));
      assert.ok(Array.isArray(modification.logLines));
      assert.ok("journal" in modification);
      this.queries.set(modification.queryId, modification);
    }
  }
}
