// The websocket itself: compression with every client, frames, broken input, clients that do not read.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import WsSocket from "ws";
import { launchBrowser, openPage } from "./lib/browser.mjs";
import { useApp } from "./lib/fixture.mjs";
import { RawWebSocket } from "./lib/raw_websocket.mjs";
import { sleep } from "./lib/server.mjs";

const hull = useApp("tests/app");
const url = () => `${hull.server.url.replace("http", "ws")}/api/1.48.0/sync`;
const DEFLATE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/**
 * Asks for three large values in turn, each with the same words in it, and returns how many came back unchanged, with the extensions. Any
 * browser can run it: it uses nothing but its arguments.
 */
async function echoes(Socket, address) {
  const socket = new Socket(address);
  await new Promise((done, fail) => Object.assign(socket, { onopen: done, onerror: fail }));
  const next = () => new Promise((done, fail) => Object.assign(socket, { onmessage: ({ data }) => done(JSON.parse(data)), onclose: fail }));
  let equal = 0;
  for (let n = 0; n < 3; n++) {
    const value = Array.from({ length: 3000 }, (_, i) => `the same words, äöü 😀 ${n} ${i * i}`);
    const answer = next();
    socket.send(
      JSON.stringify({
        type: "ModifyQuerySet",
        baseVersion: n,
        newVersion: n + 1,
        modifications: [{ type: "Add", queryId: n, udfPath: "facts:echo", args: [{ value }] }],
      }),
    );
    let message = await answer;
    while (message.type !== "Transition") message = await next();
    if (JSON.stringify(message.modifications[0].value) === JSON.stringify(value)) equal++;
  }
  const { extensions } = socket;
  socket.onclose = null;
  socket.close();
  return { equal, extensions };
}

describe("compression", () => {
  it("npm ws", async () => {
    assert.deepEqual(await echoes(WsSocket, url()), { equal: 3, extensions: "permessage-deflate" });
  });
  it("npm ws that does not offer it", async () => {
    class Plain extends WsSocket {
      constructor(address) {
        super(address, { perMessageDeflate: false });
      }
    }
    assert.deepEqual(await echoes(Plain, url()), { equal: 3, extensions: "" });
  });
  it("Node's own WebSocket", async () => {
    assert.deepEqual(await echoes(WebSocket, url()), { equal: 3, extensions: DEFLATE });
  });
  it("Chromium", async () => {
    const browser = await launchBrowser();
    try {
      const { page } = await openPage(browser, `${hull.server.url}/version`);
      const result = await page.evaluate(`(${echoes})(WebSocket, ${JSON.stringify(url())})`);
      assert.deepEqual(result, { equal: 3, extensions: DEFLATE });
    } finally {
      await browser.close();
    }
  });
  it("large messages are compressed, one by one; small ones are not", async () => {
    const ws = await RawWebSocket.open(hull.server.port, { extensions: "permessage-deflate; client_max_window_bits" });
    assert.match(ws.head, new RegExp(`Sec-WebSocket-Extensions: ${DEFLATE}(\r\n|$)`));
    for (const n of [0, 1]) {
      const value = Array.from({ length: 2000 }, (_, i) => `words ${i}`);
      ws.send(1, deflateRawSync(JSON.stringify({ type: "ModifyQuerySet", baseVersion: n, newVersion: n + 1, modifications: [{ type: "Add", queryId: n, udfPath: "facts:echo", args: [{ value }] }] }), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), { rsv: 4 });
      let frame = await ws.receive();
      while (frame.opcode !== 1) frame = await ws.receive();
      assert.equal(frame.rsv, 4);
      assert.ok(frame.payload.length < JSON.stringify(value).length / 2);
      const text = inflateRawSync(Buffer.concat([frame.payload, Buffer.from([0, 0, 255, 255])]), { finishFlush: constants.Z_SYNC_FLUSH });
      assert.deepEqual(JSON.parse(text).modifications[0].value, value);
    }
    ws.sendJson({ type: "ModifyQuerySet", baseVersion: 2, newVersion: 3, modifications: [] });
    let frame = await ws.receive();
    while (frame.opcode !== 1) frame = await ws.receive();
    assert.equal(frame.rsv, 0);
    assert.equal(JSON.parse(frame.payload).type, "Transition");
    ws.socket.destroy();
  });
});

describe("frames", () => {
  const add = (value, version = 0) => ({ type: "ModifyQuerySet", baseVersion: version, newVersion: version + 1, modifications: [{ type: "Add", queryId: version, udfPath: "facts:echo", args: [{ value }] }] });

  it("one byte at a time, in fragments, with a ping between", async () => {
    const ws = await RawWebSocket.open(hull.server.port);
    const text = JSON.stringify(add("byte by byte"));
    const bytes = Buffer.concat([
      RawWebSocket.frame(1, text.slice(0, 20), { fin: false }),
      RawWebSocket.frame(9, "hello?"),
      RawWebSocket.frame(0, "", { fin: false }),
      RawWebSocket.frame(0, text.slice(20)),
    ]);
    for (const byte of bytes) {
      ws.socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    const seen = [];
    while (!seen.some(({ opcode }) => opcode === 1)) seen.push(await ws.receive());
    assert.equal(String(seen.find(({ opcode }) => opcode === 10)?.payload), "hello?");
    assert.equal(JSON.parse(seen.at(-1).payload).modifications[0].value, "byte by byte");
    ws.send(8, Buffer.from([3, 232]));
    assert.equal(await ws.closeCode(), 1000);
    await ws.ended;
  });

  it("a large result: continuation frames for clients without chunks, with pings between; chunks for others", async () => {
    const value = Array.from({ length: 10 }, () => randomBytes(400_000).toString("hex"));
    const plain = await RawWebSocket.open(hull.server.port, { path: "/api/sync" });
    plain.sendJson(add(value));
    const parts = [];
    do {
      const frame = await plain.receive();
      assert.ok(frame.payload.length < 16 << 20);
      const ping = frame.opcode === 1 && frame.fin && frame.payload.length < 100;
      if (frame.opcode < 2 && !ping) parts.push(frame);
    } while (!parts.at(-1)?.fin);
    assert.ok(parts.length > 10);
    assert.deepEqual(JSON.parse(Buffer.concat(parts.map(({ payload }) => payload))).modifications[0].value, value);
    plain.socket.destroy();

    const chunked = new WsSocket(url());
    const messages = [];
    chunked.on("message", (data) => {
      const message = JSON.parse(data);
      if (message.type !== "Ping") messages.push(message);
    });
    await new Promise((done) => chunked.once("open", done));
    chunked.send(JSON.stringify(add(value)));
    while (!(messages.length > 0 && messages.at(-1).partNumber === messages.at(-1).totalParts - 1)) await sleep(20);
    assert.deepEqual(messages.map(({ type, partNumber }) => [type, partNumber]), messages.map((_, n) => ["TransitionChunk", n]));
    assert.deepEqual(JSON.parse(messages.map(({ chunk }) => chunk).join("")).modifications[0].value, value);
    chunked.close();
  });

  const failures = {
    "unmasked text": [1002, () => [[1, "{}", { masked: false }]]],
    "an unknown opcode": [1002, () => [[3, ""]]],
    "a reserved bit": [1002, () => [[1, "{}", { rsv: 2 }]]],
    "a continuation of nothing": [1002, () => [[0, "{}"]]],
    "a fragmented ping": [1002, () => [[9, "", { fin: false }]]],
    "a close code that must not be sent": [1002, () => [[8, Buffer.from([3, 237])]]],
    "bad UTF-8": [1007, () => [[1, Buffer.from([0x22, 0xff, 0x22])]]],
    "bad UTF-8 in a compressed message": [1007, () => [[1, deflateRawSync(Buffer.from([0x22, 0xff, 0x22]), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), { rsv: 4 }]]],
    "what is not deflate data": [1007, () => [[1, Buffer.from([0xff, 0xff]), { rsv: 4 }]]],
    "more than 64 MiB once decompressed": [1009, () => [[1, deflateRawSync(Buffer.alloc((64 << 20) + 1, 0x20), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), { rsv: 4 }]]],
    "binary": [1003, () => [[2, "{}"]]],
  };
  for (const [name, [code, frames]] of Object.entries(failures)) {
    it(`${name}: ${code}`, async () => {
      const ws = await RawWebSocket.open(hull.server.port, { extensions: "permessage-deflate" });
      for (const frame of frames()) ws.send(...frame);
      assert.equal(await ws.closeCode(), code);
      ws.socket.end();
      await ws.ended;
    });
  }

  it("a client that does not read its answers is closed, others do not notice", { timeout: 240_000 }, async () => {
    const large = 12;
    const ws = await RawWebSocket.open(hull.server.port);
    ws.socket.pause();
    ws.sendJson({ type: "Connect", sessionId: crypto.randomUUID(), connectionCount: 0, lastCloseReason: null });
    const data = Array.from({ length: 10 }, () => "x".repeat(800_000));
    for (let n = 0; n < large; n++) {
      ws.sendJson({ type: "Mutation", requestId: 2 * n, udfPath: "notes:fail", args: [{ data }] });
      ws.sendJson({ type: "Mutation", requestId: 2 * n + 1, udfPath: "counters:bump", args: [{ name: "unread" }] });
    }
    // 64 MiB of answers may wait. Once there are more, the rest of the mutations is not run.
    let count = 0;
    for (let quiet = 0; quiet < 50; quiet++) {
      const { value } = await hull.server.call("query", "counters:get", { name: "unread" });
      if (value > count || count < 3) quiet = 0;
      count = value;
      await sleep(100);
    }
    assert.ok(count < large, `${count}`);
    ws.socket.resume();
    assert.ok([1013, 1006].includes(await ws.closeCode()));
  });
});
