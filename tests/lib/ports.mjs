// Ports for servers under test, which are killed and started again on the same port. They lie below the range from which the kernel
// takes the local ports of connections: a client that keeps trying to reach a dead server would sooner or later be given the
// server's own port for its side, and be connected to itself. Test files that run at the same time have a block each, held by a
// listener on its first port for as long as the process lives.
import { createServer } from "node:net";

const FIRST = 20_000;
const BLOCKS = 240;
const SIZE = 50;
let next = 0;
let end = 0;

/** A listener on the port, or undefined if somebody has it. */
function listen(port) {
  return new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error) => (error.code === "EADDRINUSE" ? done(undefined) : fail(error)));
    server.listen(port, "127.0.0.1", () => done(server));
  });
}

async function takeBlock() {
  const start = Math.floor(Math.random() * BLOCKS);
  for (let i = 0; i < BLOCKS; i++) {
    const first = FIRST + ((start + i) % BLOCKS) * SIZE;
    const held = await listen(first);
    if (!held) continue;
    held.unref();
    next = first + 1;
    end = first + SIZE;
    return;
  }
  throw new Error(`all ports from ${FIRST} to ${FIRST + BLOCKS * SIZE} are taken`);
}

let turn = Promise.resolve();
/** A port that nobody listens on, and that nobody else gets while this process lives. */
export function freePort() {
  const port = turn.then(async () => {
    for (;;) {
      if (next >= end) await takeBlock();
      const probe = await listen(next++);
      if (!probe) continue;
      await new Promise((done) => probe.close(done));
      return next - 1;
    }
  });
  turn = port.catch(() => {});
  return port;
}
