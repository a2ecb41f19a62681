// A websocket session that sends mutations itself, so that it can send one again that was answered already. See convex/src/browser/sync.
import { randomUUID } from "node:crypto";

export class RawSession {
  sessionId = randomUUID();
  connections = 0;
  newest;

  constructor(url) {
    this.url = `${url.replace("http", "ws")}/api/1.48.0/sync`;
  }

  /** Opens a socket for the same session; rejects if that fails. */
  async connect() {
    this.waiting = new Map();
    this.socket = new WebSocket(this.url);
    await new Promise((done, fail) => {
      this.socket.addEventListener("open", done, { once: true });
      this.socket.addEventListener("close", () => fail(new Error("not connected")), { once: true });
      this.socket.addEventListener("error", () => {}, { once: true });
    });
    this.socket.addEventListener("close", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the connection was lost"));
    });
    this.socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)));
    this.#send({
      type: "Connect",
      sessionId: this.sessionId,
      connectionCount: this.connections++,
      lastCloseReason: this.connections === 1 ? "InitialConnect" : "test",
      maxObservedTimestamp: this.newest,
      clientTs: 0,
    });
  }

  /** { success, result, ts } of the answer; rejects if the connection is lost before. */
  mutate(requestId, udfPath, args) {
    return new Promise((resolve, reject) => {
      if (this.socket.readyState !== WebSocket.OPEN) return reject(new Error("the connection was lost"));
      this.waiting.set(requestId, { resolve, reject });
      this.#send({ type: "Mutation", requestId, udfPath, args: [args] });
    });
  }

  close() {
    this.socket.close();
  }

  #send(message) {
    this.socket.send(JSON.stringify(message));
  }

  #receive(message) {
    if (message.type !== "MutationResponse") return;
    const ts = message.success ? Buffer.from(message.ts, "base64").readBigUInt64LE() : null;
    this.waiting.get(message.requestId)?.resolve({ success: message.success, result: message.result, ts });
    this.waiting.delete(message.requestId);
  }
}
