// A websocket client that can break every rule: frames are written and read by hand, over a plain TCP socket.
import { connect } from "node:net";

export class RawWebSocket {
  #buffer = Buffer.alloc(0);
  #wake = () => {};

  /** Resolves when the server has answered the upgrade. `extensions`: the value of Sec-WebSocket-Extensions. */
  static async open(port, { path = "/api/1.48.0/sync", extensions } = {}) {
    const ws = new RawWebSocket();
    ws.socket = connect(port, "127.0.0.1");
    ws.ended = new Promise((done) => ws.socket.once("close", done)).then(() => {
      ws.closed = true;
      ws.#wake();
    });
    ws.socket.on("error", () => {});
    ws.socket.on("data", (data) => {
      ws.#buffer = Buffer.concat([ws.#buffer, data]);
      ws.#wake();
    });
    const offer = extensions ? `Sec-WebSocket-Extensions: ${extensions}\r\n` : "";
    ws.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${offer}\r\n`,
    );
    let end;
    while ((end = ws.#buffer.indexOf("\r\n\r\n")) < 0) await ws.#more();
    ws.head = ws.#buffer.subarray(0, end).toString();
    ws.#buffer = ws.#buffer.subarray(end + 4);
    return ws;
  }

  async #more() {
    if (this.closed) throw new Error("the connection has ended");
    await new Promise((done) => (this.#wake = done));
  }

  /** The bytes of one frame. */
  static frame(opcode, payload, { fin = true, rsv = 0, masked = true } = {}) {
    const body = Buffer.from(payload);
    const length = body.length < 126 ? [body.length] : body.length < 65536 ? [126, body.length >> 8, body.length & 255] : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (body.length >>> shift) & 255)];
    const head = Buffer.from([(fin ? 128 : 0) | (rsv << 4) | opcode, ...length]);
    if (!masked) return Buffer.concat([head, body]);
    head[1] |= 128;
    const mask = [1, 128, 254, 55];
    for (let i = 0; i < body.length; i++) body[i] ^= mask[i & 3];
    return Buffer.concat([head, Buffer.from(mask), body]);
  }

  send(opcode, payload, options) {
    this.socket.write(RawWebSocket.frame(opcode, payload, options));
  }

  sendJson(message) {
    this.send(1, JSON.stringify(message));
  }

  /** The next frame: { fin, rsv, opcode, payload }; rejects when the connection has ended. */
  async receive() {
    for (;;) {
      const b = this.#buffer;
      const short = b.length >= 2 ? b[1] & 127 : 0;
      const head = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (b.length >= head) {
        const length = short === 127 ? Number(b.readBigUInt64BE(2)) : short === 126 ? b.readUInt16BE(2) : short;
        if (b.length >= head + length) {
          this.#buffer = b.subarray(head + length);
          return { fin: b[0] >= 128, rsv: (b[0] >> 4) & 7, opcode: b[0] & 15, payload: b.subarray(head, head + length) };
        }
      }
      await this.#more();
    }
  }

  /** The code of the close frame (1005 if it has none), or 1006 if the connection ends without one. */
  async closeCode() {
    try {
      for (;;) {
        const { opcode, payload } = await this.receive();
        if (opcode === 8) return payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      }
    } catch {
      return 1006;
    }
  }
}
