// fetch() in actions on a real server: bodies, redirects, streaming both ways, aborts, failures, many at once; sleeping
// actions and the end of a server while actions run.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { App } from "./lib/cli.mjs";
import { Peer } from "./lib/peer.mjs";
import { HullServer, ROOT, sleep } from "./lib/server.mjs";

let server;
let app;
let peer;
before(async () => {
  peer = await Peer.start();
  server = await HullServer.start({ env: { APPLICATION_MAX_CONCURRENT_V8_ACTIONS: "512" } });
  app = new App(join(ROOT, "tests/apps/http"), server);
  await app.push();
});
after(async () => {
  app?.remove();
  await server?.stop();
  peer?.stop();
});

async function run(name, args) {
  const result = await server.call("action", `fetches:${name}`, args);
  assert.equal(result.status, "success", JSON.stringify(result));
  return result.value;
}
const exchange = (path, init) => run("exchange", { url: peer.url + path, ...(init ? { init } : {}) });
const statusOf = (field) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${server.process.pid}/status`, "utf8"))[1]);
async function eventually(check, what, timeout = 10_000) {
  for (const end = Date.now() + timeout; ; await sleep(50)) {
    if (await check()) return;
    assert.ok(Date.now() < end, what);
  }
}

describe("requests and responses", () => {
  it("status, text, headers, url", async () => {
    const result = await exchange("/echo#part", { headers: { "X-One": "1" } });
    assert.deepEqual([result.status, result.statusText, result.type, result.redirected, result.ok, result.url], [200, "OK", "basic", false, true, `${peer.url}/echo`]);
    const { method, headers } = JSON.parse(result.body);
    assert.deepEqual([method, headers["x-one"], headers["content-length"], headers["transfer-encoding"]], ["GET", "1", undefined, undefined]);
    const odd = await exchange("/status?code=418");
    assert.deepEqual([odd.status, odd.statusText, odd.ok], [418, "I'm a teapot", false]);
  });

  it("every kind of body with its framing", async () => {
    const seen = await run("bodies", { url: `${peer.url}/echo` });
    const told = (name) => [seen[name].body, seen[name].headers["content-type"], seen[name].headers["content-length"], seen[name].headers["transfer-encoding"]];
    assert.deepEqual(told("text"), ["text", "text/plain;charset=UTF-8", "4", undefined]);
    assert.deepEqual(told("empty"), ["", "text/plain;charset=UTF-8", "0", undefined]);
    assert.deepEqual(told("bytes"), ["\x01\x02\x03", undefined, "3", undefined]);
    assert.deepEqual(told("blob"), ["blob", "x/y", "4", undefined]);
    assert.deepEqual(told("params"), ["q=a+b", "application/x-www-form-urlencoded;charset=UTF-8", "5", undefined]);
    assert.match(seen.form.headers["content-type"], /^multipart\/form-data; boundary=/);
    assert.match(seen.form.body, /name="f"; filename="f\.txt"\r\nContent-Type: text\/plain\r\n\r\nfile\r\n/);
    assert.equal(Number(seen.form.headers["content-length"]), seen.form.body.length);
    assert.deepEqual(told("stream"), ["stream", undefined, undefined, "chunked"]);
    assert.deepEqual(told("none"), ["", undefined, undefined, undefined]);
  });

  it("compressed bodies are decoded, and say so no more", async () => {
    for (const [path, text] of [["/gzip", "zipped "], ["/br", "brotli "]]) {
      const result = await exchange(path);
      assert.equal(result.body, text.repeat(1000));
      assert.equal(result.headers.some(([name]) => name === "content-encoding" || name === "content-length"), false);
    }
  });

  it("cookies are not kept", async () => {
    const first = await exchange("/cookie");
    assert.deepEqual(first.headers.filter(([name]) => name === "set-cookie").map(([, value]) => value), ["c=1", "d=2"]);
    assert.equal((await exchange("/cookie")).body, "undefined");
  });

  it("redirects", async () => {
    const followed = await exchange("/moved", { method: "POST", body: "x" });
    assert.deepEqual([followed.redirected, followed.url, JSON.parse(followed.body).method], [true, `${peer.url}/echo`, "GET"]);
    const kept = await exchange("/moved?status=307", { method: "POST", body: "again" });
    assert.deepEqual([JSON.parse(kept.body).method, JSON.parse(kept.body).body], ["POST", "again"]);
    assert.equal((await exchange("/moved?times=20")).status, 200);
    assert.equal((await exchange("/moved?times=21")).failure, "TypeError: fetch too many redirects");
    assert.deepEqual([(await exchange("/moved", { redirect: "manual" })).status, (await exchange("/moved", { redirect: "manual" })).body], [302, "moved"]);
    assert.equal((await exchange("/moved", { redirect: "error" })).failure, "TypeError: fetch attempted redirect");
    const other = await Peer.start();
    try {
      const away = await exchange(`/moved?to=${encodeURIComponent(`${other.url}/echo`)}`, { headers: { authorization: "secret", "x-a": "1" } });
      const { headers } = JSON.parse(away.body);
      assert.deepEqual([headers.authorization, headers["x-a"]], [undefined, "1"]);
    } finally {
      other.stop();
    }
    const streamed = await run("upload", { url: `${peer.url}/moved?status=308`, bytes: 10, chunk: 10 });
    assert.equal(streamed.failure, "TypeError: fetch cannot redirect with streamed body");
  });

  it("failures", async () => {
    assert.match((await run("exchange", { url: "http://127.0.0.1:1/" })).failure, /^Error: error sending request for url \(http:\/\/127\.0\.0\.1:1\/\): .*Failed to connect/);
    assert.equal((await run("exchange", { url: "ftp://x/" })).failure, "TypeError: Unsupported URL scheme -- http and https are supported (scheme was ftp)");
    const broken = await run("download", { url: `${peer.url}/breaks` });
    assert.equal(broken.bytes, 5);
    assert.match(broken.failure, /error reading a body from connection: /);
    assert.match((await exchange("/echo", { method: "GET", body: "x" })).failure, /TypeError: Request with GET\/HEAD method cannot have body/);
  });
});

describe("streaming", () => {
  it("uploads of any size with bounded memory", async () => {
    const bytes = 100 * 1024 * 1024;
    const before = statusOf("VmRSS");
    const result = await run("upload", { url: `${peer.url}/count`, bytes, chunk: 262_144 });
    assert.deepEqual(JSON.parse(result.text), { bytes, chunked: "chunked" });
    assert.ok(statusOf("VmRSS") - before < 40 * 1024, `grew by ${statusOf("VmRSS") - before} KiB`);
  });

  it("a peer that does not read holds the upload back", async () => {
    peer.uploaded = 0;
    const running = run("upload", { url: `${peer.url}/count?pause=1500`, bytes: 60 << 20, chunk: 1 << 20 });
    await eventually(() => peer.connections > 0 && peer.uploaded >= 0, "begun");
    assert.equal(JSON.parse((await running).text).bytes, 60 << 20);
  });

  it("an answer before the end of the upload cancels its stream", async () => {
    const result = await run("upload", { url: `${peer.url}/enough`, bytes: 500 << 20, chunk: 65536 });
    assert.ok(result.status === 413 || /error sending request/.test(result.failure ?? ""), JSON.stringify(result));
    assert.ok(result.made < 100 << 20, `${result.made} bytes were made`);
  });

  it("an upload whose stream fails rejects with its error", async () => {
    const result = await run("upload", { url: `${peer.url}/count`, bytes: 1 << 20, chunk: 1000, failAfter: 5000 });
    assert.equal(result.failure, "RangeError: no more to give");
  });

  it("downloads of any size with bounded memory and back-pressure", async () => {
    const bytes = 200 * 1024 * 1024;
    const before = statusOf("VmRSS");
    assert.deepEqual(await run("download", { url: `${peer.url}/bytes?n=${bytes}` }), { bytes });
    assert.ok(statusOf("VmRSS") - before < 40 * 1024, `grew by ${statusOf("VmRSS") - before} KiB`);
    peer.sent = 0;
    const slow = run("download", { url: `${peer.url}/bytes?n=${bytes}`, pauseMs: 1500 });
    await sleep(1200);
    // What the kernel's socket buffers hold is not the server's.
    assert.ok(peer.sent < 48 << 20, `${peer.sent} bytes were taken`);
    assert.deepEqual(await slow, { bytes });
  });

  it("a cancelled body ends the transfer", async () => {
    peer.closed = 0;
    const { bytes } = await run("download", { url: `${peer.url}/bytes?n=${500 << 20}`, stopAfter: 1 << 20 });
    assert.ok(bytes < 2 << 20);
    await eventually(() => peer.closed === 1, "the connection was closed");
  });
});

describe("aborts", () => {
  for (const [when, path, name] of [
    ["before", "/never", "AbortError"],
    ["waiting", "/never", "AbortError"],
    ["timeout", "/never", "TimeoutError"],
    ["body", "/stalls", "AbortError"],
    ["upload", "/never", "AbortError"],
  ]) {
    it(`${when}: the transfer is freed at once`, async () => {
      peer.closed = 0;
      assert.equal(await run("aborts", { url: peer.url + path, when }), `${name} soon`);
      if (when !== "before") await eventually(() => peer.closed === 1, "the connection was closed", 3000);
    });
  }
});

describe("numbers", () => {
  it("hundreds at once, and connections are used again", async () => {
    assert.equal(await run("parallel", { url: `${peer.url}/index`, count: 300 }), 300);
    const before = peer.connections;
    assert.equal(await run("serial", { url: `${peer.url}/index`, count: 50 }), 50);
    assert.ok(peer.connections - before <= 2, `${peer.connections - before} new connections`);
  });

  it("300 sleeping actions hold no thread", async () => {
    await run("nap", { ms: 1 });
    const threads = statusOf("Threads");
    const began = performance.now();
    const running = Array.from({ length: 300 }, () => run("nap", { ms: 3000 }));
    await sleep(1500);
    const during = statusOf("Threads");
    assert.deepEqual(new Set(await Promise.all(running)), new Set([3000]));
    assert.ok(during - threads <= 8, `${during - threads} more threads`);
    assert.ok(performance.now() - began < 30_000, `${performance.now() - began} ms`);
  });
});

describe("what is left behind", () => {
  it("is warned about", async () => {
    const result = await server.call("action", "fetches:leaves", { url: `${peer.url}/never` });
    assert.match(result.logLines[0], /^\[WARN\] 1 unawaited operation: \[fetch\]\. Async operations should be awaited/);
  });
});

describe("openai", () => {
  it("answers, whole and streamed", async () => {
    const baseURL = `${peer.url}/v1`;
    assert.equal(await run("chat", { baseURL, stream: false }), "whole answer");
    const { text, spread } = await run("chat", { baseURL, stream: true });
    assert.equal(text, "streamed answer \u2603");
    assert.ok(spread >= 50, `all within ${spread} ms`);
  });
});

describe("the end of the server", () => {
  for (const signal of ["SIGTERM", "SIGINT"]) {
    it(`${signal} ends actions soon and answers their callers`, async () => {
      await run("nap", { ms: 1 });
      const call = server.call("action", "fetches:nap", { ms: 60_000 });
      const quick = server.call("action", "fetches:nap", { ms: 1000 });
      await sleep(700);
      const began = performance.now();
      server.process.kill(signal);
      assert.equal((await quick).value, 1000);
      const answer = await call;
      assert.deepEqual([answer.http, answer.code], [503, "ShuttingDown"]);
      assert.deepEqual(await server.exited, { code: 0, signal: null });
      assert.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`);
      await server.launch();
    });
  }
});
