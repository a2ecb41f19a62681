// A TCP proxy on loopback that behaves like a bad network: slow, narrow, cut, silent, or late with what was sent before a cut.
import { connect, createServer } from "node:net";

const HIGH_WATER = 1 << 17; // bytes on their way in one direction; above it the sender is no longer read
const SLICE_MS = 20; // a narrow line gets its bytes in slices of this length

/** One direction of a link: bytes leave `delayMs` after they came, at most `bytesPerSecond` of them. */
class Lane {
  queue = []; // { at, data } in order; data null is the end of the stream
  queued = 0;
  allowance = Infinity; // bytes that may still pass before the link is cut
  frozen = false;

  constructor(proxy, from, to, cut) {
    Object.assign(this, { proxy, from, to, cut });
    from.on("data", (data) => this.#push(data));
    from.on("end", () => this.#push(null));
    to.on("drain", () => this.pump());
  }

  #push(data) {
    this.queue.push({ at: performance.now() + this.proxy.delayMs, data });
    this.queued += data?.length ?? 0;
    if (this.queued > HIGH_WATER) this.from.pause();
    this.pump();
  }

  #later(ms) {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.pump();
    }, ms);
  }

  pump() {
    while (this.queue.length > 0 && !this.frozen && !this.to.destroyed && !this.to.writableNeedDrain && this.timer === undefined) {
      const head = this.queue[0];
      const wait = head.at - performance.now();
      if (wait > 0) return this.#later(wait);
      if (head.data === null) {
        this.queue.shift();
        this.to.end();
        continue;
      }
      const slice = Math.max(1, Math.floor((this.proxy.bytesPerSecond * SLICE_MS) / 1000));
      const piece = head.data.subarray(0, Math.min(slice, this.allowance));
      if (piece.length === head.data.length) this.queue.shift();
      else head.data = head.data.subarray(piece.length);
      this.queued -= piece.length;
      this.allowance -= piece.length;
      this.to.write(piece);
      if (this.allowance === 0) return this.cut();
      if (this.queued < HIGH_WATER / 2) this.from.resume();
      if (this.proxy.bytesPerSecond !== Infinity) this.#later(SLICE_MS);
    }
  }

  stop() {
    clearTimeout(this.timer);
    this.queue = [];
  }
}

/** A connection of a client through the proxy. */
export class Link {
  orphaned = false;

  constructor(proxy, client, server) {
    Object.assign(this, { proxy, client, server });
    const cut = () => this.cut();
    this.up = new Lane(proxy, client, server, cut);
    this.down = new Lane(proxy, server, client, cut);
    client.on("error", () => {});
    server.on("error", () => {});
    client.on("close", () => this.orphaned || this.#close());
    server.on("close", () => this.#close());
  }

  #close() {
    this.up.stop();
    this.down.stop();
    this.client.destroy();
    this.server.destroy();
    this.proxy.links.delete(this);
  }

  /** Ends both sides at once: "reset" (RST) or "end" (FIN, what is on its way is lost). */
  cut(how = "reset") {
    this.up.stop();
    this.down.stop();
    for (const socket of [this.client, this.server]) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.destroySoon();
    }
  }

  /** Lets `bytes` more pass ("up": to the server, "down": to the client), then resets: usually within a frame. */
  cutAfter(direction, bytes) {
    this[direction].allowance = bytes;
  }

  /** Nothing passes any more, and nobody is told. */
  freeze() {
    this.up.frozen = this.down.frozen = true;
  }

  /** The client loses the connection; the server does not notice, and still gets what was on its way. */
  orphan() {
    this.orphaned = true;
    this.down.stop();
    this.server.removeAllListeners("data").resume();
    this.client.resetAndDestroy();
  }
}

export class FaultyProxy {
  delayMs = 0; // each way
  bytesPerSecond = Infinity; // each way, per connection
  refusing = false; // new connections are reset
  accepted = 0;
  onLink; // called with each new link
  links = new Set();

  static async start(target) {
    const { hostname, port } = new URL(target);
    const proxy = new FaultyProxy();
    proxy.listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      if (proxy.refusing) return client.resetAndDestroy();
      const link = new Link(proxy, client, connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true }));
      proxy.accepted++;
      proxy.links.add(link);
      proxy.onLink?.(link);
    });
    await new Promise((done) => proxy.listener.listen({ port: 0, host: "127.0.0.1", backlog: 2048 }, done));
    proxy.url = `http://127.0.0.1:${proxy.listener.address().port}`;
    return proxy;
  }

  each(act) {
    for (const link of [...this.links]) act(link);
  }

  async close() {
    const closed = new Promise((done) => this.listener.close(done));
    this.each((link) => {
      link.client.destroy();
      link.server.destroy();
    });
    await closed;
  }
}
