// HTTP spoken over a bare socket, for what clients do not let a test do.
import { connect } from "node:net";

/** Opens a connection and sends `head` (lines without CRLF), then `body`. */
export function rawRequest(port, head, body = "") {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const raw = { socket, text: "" };
  const waiters = new Set();
  socket.on("data", (data) => {
    raw.text += data.toString("latin1");
    for (const check of waiters) check();
  });
  raw.closed = new Promise((done) => socket.once("close", done));
  raw.send = (data) => socket.write(data);
  raw.seen = (text, timeout = 10_000) =>
    new Promise((done, fail) => {
      const check = () => {
        if (!raw.text.includes(text)) return;
        clearTimeout(timer);
        waiters.delete(check);
        done();
      };
      const timer = setTimeout(() => fail(new Error(`did not see ${text} in:\n${raw.text}`)), timeout);
      waiters.add(check);
      check();
    });
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  if (body) socket.write(body);
  return raw;
}
