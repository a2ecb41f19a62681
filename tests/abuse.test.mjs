// Limits and slow clients over bare sockets (docs/operating.md, "Limits").
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { rawRequest } from "./lib/raw_http.mjs";
import { HullServer, sleep } from "./lib/server.mjs";

const open = (port) =>
  new Promise((done, fail) => {
    const socket = connect(port, "127.0.0.1", () => done(socket));
    socket.once("error", fail);
    socket.text = "";
    socket.on("data", (data) => (socket.text += data));
    socket.gone = new Promise((closed) => socket.once("close", closed));
  });
const upgrade = ["Host: x", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
const within = async (ms, promise, what) => {
  const late = Symbol(what);
  assert.notEqual(await Promise.race([promise, sleep(ms).then(() => late)]), late, what);
};

describe("limits of this machine's clients, with TRUSTED_PROXIES set to another", () => {
  let server;
  before(async () => {
    // 127.0.0.1 is no proxy here, so it is limited like anybody.
    server = await HullServer.start({ env: { TRUSTED_PROXIES: "192.0.2.0/24", HULL_MAX_CONNECTIONS_PER_ADDRESS: "20", HULL_MAX_WEBSOCKETS_PER_ADDRESS: "3" } });
  });
  after(() => server?.stop());

  it("connections over the cap are told so and closed; others are served when some have gone", async () => {
    const idle = [];
    for (let i = 0; i < 20; i++) idle.push(await open(server.port));
    const refused = rawRequest(server.port, ["GET /version HTTP/1.1", "Host: x"]);
    await within(5000, refused.closed, "closed");
    assert.match(refused.text, /^HTTP\/1\.1 429 /);
    assert.match(refused.text, /Retry-After: [1-9]/);
    assert.equal(JSON.parse(refused.text.split("\r\n\r\n")[1]).code, "TooManyRequests");
    for (const socket of idle) socket.destroy();
    await sleep(100);
    assert.equal((await server.get("/version")).status, 200);
  });

  it("websockets over the cap", async () => {
    const sockets = [];
    for (let i = 0; i < 3; i++) {
      const raw = rawRequest(server.port, ["GET /api/1.48.0/sync HTTP/1.1", ...upgrade]);
      await raw.seen("101 Switching Protocols");
      sockets.push(raw);
    }
    const refused = rawRequest(server.port, ["GET /api/1.48.0/sync HTTP/1.1", ...upgrade]);
    await refused.seen("TooManyRequests");
    assert.match(refused.text, /^HTTP\/1\.1 429 /);
    for (const raw of sockets) raw.socket.destroy();
    refused.socket.destroy();
    await sleep(200);
    const again = rawRequest(server.port, ["GET /api/1.48.0/sync HTTP/1.1", ...upgrade]);
    await again.seen("101 Switching Protocols");
    again.socket.destroy();
  });

  it("a client cannot choose its address", async () => {
    await server.get("/instance_name", { headers: { "X-Forwarded-For": "203.0.113.77" } });
    await server.get("/api/nothing", { headers: { "X-Forwarded-For": "203.0.113.78" } });
    await sleep(100);
    assert.doesNotMatch(server.logText(), /203\.0\.113/);
    assert.match(server.logText(), / 127\.0\.0\.1 "GET \/api\/nothing HTTP\/1\.1" 404 /);
  });
});

describe("request rates behind a proxy on this machine", () => {
  let server;
  before(async () => {
    server = await HullServer.start({ env: { TRUSTED_PROXIES: "127.0.0.1", HULL_REQUEST_RATE_PER_ADDRESS: "0.5", HULL_UPGRADE_RATE_PER_ADDRESS: "0.1" } });
  });
  after(() => server?.stop());
  const as = (ip) => server.get("/version", { headers: { "X-Forwarded-For": ip } });

  it("429 with Retry-After and CORS for one client, while others are served", async () => {
    for (let i = 0; i < 5; i++) assert.equal((await as("203.0.113.1")).status, 200);
    const refused = await server.get("/version", { headers: { "X-Forwarded-For": "203.0.113.1", Origin: "http://app.test" } });
    assert.equal(refused.status, 429);
    assert.deepEqual(await refused.json(), { code: "TooManyRequests", message: "Too many requests from your address. Try again later." });
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
    assert.equal(refused.headers.get("access-control-allow-origin"), "http://app.test");
    assert.equal((await as("203.0.113.2")).status, 200);
    assert.equal((await as("203.0.113.9, 203.0.113.1")).status, 429); // what the client itself wrote is not believed
    for (let i = 0; i < 6; i++) assert.equal((await server.get("/version")).status, 200); // the proxy's own health checks
    await sleep(2100);
    assert.equal((await as("203.0.113.1")).status, 200);
    const metrics = await (await server.get("/metrics")).text();
    assert.match(metrics, /hull_limited_total\{what="requests"\} 2/);
  });

  it("upgrades", async () => {
    const request = (ip) => rawRequest(server.port, ["GET /api/1.48.0/sync HTTP/1.1", ...upgrade, `X-Forwarded-For: ${ip}`]);
    const first = request("203.0.113.20");
    await first.seen("101 Switching Protocols");
    const second = request("203.0.113.20");
    await second.seen("429 Too Many Requests");
    const other = request("203.0.113.21");
    await other.seen("101 Switching Protocols");
    for (const raw of [first, second, other]) raw.socket.destroy();
  });
});

describe("slow clients", () => {
  let server;
  before(async () => {
    server = await HullServer.start({
      env: { HULL_HTTP_IDLE_SECONDS: "3", HULL_HTTP_HEAD_SECONDS: "1", HULL_HTTP_BODY_GRACE_SECONDS: "1", HULL_HTTP_MIN_BODY_RATE: "1000" },
    });
  });
  after(() => server?.stop());

  it("a head that trickles in is cut off, however regularly bytes come", async () => {
    const socket = await open(server.port);
    const started = performance.now();
    socket.write("GET /version HTTP/1.1\r\nX-A: ");
    const timer = setInterval(() => socket.write("a"), 100);
    await within(5000, socket.gone, "closed");
    clearInterval(timer);
    assert.ok(performance.now() - started < 3000);
  });

  it("so is a body", async () => {
    const raw = rawRequest(server.port, ["POST /api/query HTTP/1.1", "Host: x", "Content-Type: application/json", "Content-Length: 100000"]);
    const timer = setInterval(() => raw.send(" "), 100);
    await within(5000, raw.closed, "closed");
    clearInterval(timer);
  });

  it("a large body over a slow link goes through", async () => {
    const padding = 12_000;
    const body = `{"path":"a:b","args":{},"format":"json"${" ".repeat(padding)}}`;
    const raw = rawRequest(server.port, ["POST /api/query HTTP/1.1", "Host: x", "Content-Type: application/json", `Content-Length: ${body.length}`]);
    for (let at = 0; at < body.length; at += 400) {
      raw.send(body.slice(at, at + 400));
      await sleep(100); // 4000 bytes per second, three seconds in all
    }
    await raw.seen("Could not find public function");
    raw.socket.destroy();
  });

  it("an idle connection is closed after its time, one that is used is not", async () => {
    const idle = await open(server.port);
    const started = performance.now();
    const used = await open(server.port);
    for (let i = 0; i < 4; i++) {
      used.write("GET /version HTTP/1.1\r\nHost: x\r\n\r\n");
      await sleep(1000);
    }
    await within(1000, idle.gone, "closed");
    assert.ok(performance.now() - started > 2500);
    assert.equal(used.text.match(/200 OK/g).length, 4);
    assert.equal(used.destroyed, false);
    used.destroy();
  });

  it("500 half-open requests do not keep others out", async () => {
    const slow = await Promise.all(Array.from({ length: 500 }, () => open(server.port)));
    for (const socket of slow) socket.write("POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Le");
    const first = await Promise.race([server.get("/instance_name").then(({ status }) => status), ...slow.map((socket) => socket.gone)]);
    assert.equal(first, 200, "it did not wait for their deadlines");
    await within(5000, Promise.all(slow.map((socket) => socket.gone)), "all of them are closed");
  });

  it("pipelined requests are answered in order; what is sent ahead is not hoarded", async () => {
    const socket = await open(server.port);
    const request = "GET /version HTTP/1.1\r\nHost: x\r\n\r\n";
    socket.write(request.repeat(50));
    for (let i = 0; i < 100 && (socket.text.match(/200 OK/g) ?? []).length < 50; i++) await sleep(20);
    assert.equal(socket.text.match(/200 OK/g).length, 50);
    socket.destroy();
  });
});

describe("the cap of all connections", () => {
  it("keeps room for files, and says so", async () => {
    const server = await HullServer.start({ env: { HULL_MAX_CONNECTIONS: "30" } });
    try {
      const sockets = [];
      for (let i = 0; i < 30; i++) sockets.push(await open(server.port));
      await sleep(100);
      const refused = await open(server.port);
      await within(5000, refused.gone, "closed");
      assert.match(refused.text, /^HTTP\/1\.1 429 /);
      for (const socket of sockets) socket.destroy();
      await sleep(100);
      assert.equal((await server.get("/version")).status, 200);
    } finally {
      await server.stop();
    }
  });
});

describe("messages of one websocket", () => {
  let server;
  before(async () => {
    server = await HullServer.start({ env: { HULL_MESSAGE_RATE_PER_WEBSOCKET: "5" } }); // bursts of 50
  });
  after(() => server?.stop());

  /** Sends so many messages that are ignored, then one that ends the session; how long that took, in milliseconds. */
  async function flood(messages) {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/1.48.0/sync`);
    await new Promise((done) => (socket.onopen = done));
    const started = performance.now();
    for (let i = 0; i < messages; i++) socket.send('{"type":"Event","eventType":"x","event":null}');
    socket.send('{"type":"ModifyQuerySet","baseVersion":7,"newVersion":8,"modifications":[]}');
    const { code } = await new Promise((done) => (socket.onclose = done));
    assert.equal(code, 1011);
    return performance.now() - started;
  }

  it("beyond the rate they are handled more slowly, and only those of the client that sends them", async () => {
    const [fast, slow] = await Promise.all([flood(10), flood(59)]); // nine over the burst: about two seconds
    assert.ok(slow > 1500, `${slow}`);
    assert.ok(fast < slow / 2, `${fast} beside ${slow}`);
  });
});
