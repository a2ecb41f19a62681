// HTTP actions on a real server: routing, requests, responses, streaming, errors, clients that go away, logs, hono.
import assert from "node:assert/strict";
import { Agent, request as httpRequest } from "node:http";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { rawRequest } from "./lib/raw_http.mjs";
import { HullServer, sleep } from "./lib/server.mjs";

const hull = useApp("tests/apps/http");
const site = (path, options) => fetch(hull.server.siteUrl + path, options);
const marks = async () => (await hull.server.call("query", "marks:list")).value;
const rssMiB = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${hull.server.process.pid}/status`, "utf8"))[1]) / 1024;
async function eventually(check, what, timeout = 10_000) {
  for (const end = Date.now() + timeout; ; await sleep(50)) {
    if (await check()) return;
    assert.ok(Date.now() < end, what);
  }
}

describe("routing and requests", () => {
  it("exact paths, prefixes, methods and both ports", async () => {
    assert.equal(await (await site("/files/exact")).text(), "exact");
    assert.equal(await (await site("/files/a/b%20c")).text(), "file /files/a/b%20c");
    const main = await fetch(`${hull.server.url}/http/files/a%`);
    assert.equal(await main.text(), "file /files/a%");
    assert.equal((await site("/nope")).status, 404);
    assert.equal((await site("/cookies", { method: "DELETE" })).status, 404);
    assert.equal((await fetch(`${hull.server.url}/http`)).status, 404);
    assert.equal(await (await site("/version")).text(), await (await fetch(`${hull.server.url}/version`)).text());
    assert.match(await (await site("/metrics")).text(), /^# /m);
    const trace = await new Promise((done) => httpRequest(`${hull.server.siteUrl}/echo`, { method: "TRACE" }, done).end());
    assert.equal(trace.statusCode, 405);
    assert.match(trace.headers.allow, /POST/);
    trace.resume();
  });

  it("the handler sees method, url, headers and body", async () => {
    const echo = await (await site("/echo?a=%41", { method: "PATCH", body: "h\u00e9", headers: { "X-Two": "1" } })).json();
    assert.deepEqual([echo.method, echo.url, echo.hasBody, echo.body], ["PATCH", `${hull.server.siteUrl}/echo?a=%41`, true, "h\u00e9"]);
    assert.ok(echo.headers.some(([name, value]) => name === "x-two" && value === "1"));
    const proxied = await (await fetch(`${hull.server.url}/http/echo`, { headers: { "X-Forwarded-Proto": "https" } })).json();
    assert.deepEqual([proxied.url, proxied.hasBody], [`https://127.0.0.1:${hull.server.port}/echo`, false]);
    const forwarded = await (await site("/echo", { headers: { Forwarded: 'for=1.2.3.4;proto="https", proto=http' } })).json();
    assert.match(forwarded.url, /^https:/);
    for (const method of ["GET", "OPTIONS"]) assert.equal((await (await site("/echo", { method })).json()).hasBody, false);
    for (const method of ["POST", "PUT", "DELETE"]) assert.equal((await (await site("/echo", { method })).json()).hasBody, true);
  });

  it("repeated headers and bytes beyond ASCII", async () => {
    const raw = rawRequest(hull.server.sitePort, ["GET /echo HTTP/1.1", "Host: my.host", "X-R: a", "x-r: caf\xe9", "Connection: close"]);
    await raw.closed;
    const body = JSON.parse(raw.text.slice(raw.text.indexOf("\r\n\r\n") + 4));
    assert.equal(body.url, "http://my.host/echo");
    const value = body.headers.find(([name]) => name === "x-r")[1];
    assert.match(value, /^a, caf/);
    const answer = await new Promise((done) => httpRequest(`${hull.server.siteUrl}/cookies`, done).end());
    answer.resume();
    assert.deepEqual(answer.headers["set-cookie"], ["a=1; Path=/", "b=2"]);
    assert.equal(answer.headers["x-latin"], "caf\xe9");
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
  });

  it("a refused Authorization header is told by getUserIdentity only", async () => {
    assert.deepEqual(await (await site("/identity")).json(), { identity: null });
    const basic = await (await site("/identity", { headers: { Authorization: "Basic abcdefgh" } })).json();
    assert.match(basic.error, /Invalid admin key/);
    const response = await site("/identity", { headers: { Authorization: "Bearer not.a.token" } });
    assert.equal(response.status, 200);
    assert.match((await response.json()).error, /./);
    assert.equal((await site("/identity/query", { headers: { Authorization: "Bearer not.a.token" } })).status, 500);
    assert.deepEqual(await (await site("/identity", { headers: { Authorization: `Convex ${hull.server.adminKey}` } })).json(), { identity: null });
  });
});

describe("responses", () => {
  it("HEAD, empty bodies and statuses", async () => {
    const head = await site("/text?bytes=7", { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, "7", ""]);
    assert.equal((await site("/big?bytes=1000", { method: "HEAD" })).status, 200);
    const empty = await site("/status?code=204");
    assert.deepEqual([empty.status, empty.headers.get("content-length"), await empty.text()], [204, null, ""]);
    assert.equal((await site("/status?code=304")).status, 304);
    const none = await site("/status?code=200");
    assert.equal(none.headers.get("content-length"), "0");
    assert.equal((await site("/status?code=599&body=x")).status, 599);
    assert.equal((await site("/status?code=700&body=x")).status, 500);
  });

  it("framing by length, by chunks and for HTTP/1.0", async () => {
    const known = await site("/text?bytes=300000");
    assert.equal(known.headers.get("content-length"), "300000");
    assert.equal((await known.text()).length, 300000);
    const chunked = await site("/big?bytes=350000");
    assert.equal(chunked.headers.get("transfer-encoding"), "chunked");
    assert.equal((await chunked.arrayBuffer()).byteLength, 350000);
    const declared = await site("/big?bytes=350000&length=350000");
    assert.equal(declared.headers.get("content-length"), "350000");
    assert.equal((await declared.arrayBuffer()).byteLength, 350000);
    await assert.rejects(async () => (await site("/big?bytes=1000&length=5000")).arrayBuffer());
    const old = rawRequest(hull.server.sitePort, ["GET /big?bytes=200000 HTTP/1.0"]);
    await old.closed;
    assert.doesNotMatch(old.text, /transfer-encoding/i);
    assert.equal(old.text.length - old.text.indexOf("\r\n\r\n") - 4, 200000);
  });

  it("errors before and after the head", async () => {
    const response = await site("/throw", { headers: { "Convex-Request-Id": "my-id" } });
    assert.deepEqual([response.status, response.headers.get("content-type")], [500, "application/json"]);
    const error = await response.json();
    assert.equal(error.code, "[Request ID: my-id] Server Error: Uncaught Error: boom");
    assert.match(error.trace, /^Uncaught Error: boom\n    at .*\.\.\/convex\/http\.ts:\d+:\d+\)?\n/);
    assert.equal("data" in error, false);
    const thrown = await (await site("/throw/data")).json();
    assert.deepEqual(thrown.data, { reason: "told", n: { $integer: "AQAAAAAAAAA=" } });
    const wrong = await (await site("/not-a-response")).json();
    assert.match(wrong.code, /Uncaught Error: HTTP actions must return a Response$/);
    const late = await site("/throw/late");
    assert.equal(late.status, 200);
    await assert.rejects(late.text());
    await eventually(async () => (await logEntries("GET /throw/late")).some(({ kind, error: text }) => kind === "Completion" && /late boom/.test(text)), "completion with error");
    const lines = (await logEntries("GET /throw/late")).flatMap((entry) => entry.logLines);
    assert.deepEqual(lines.map((line) => [line.level, line.systemMetadata?.code]), [["ERROR", "error:httpAction"]]);
    assert.match(lines[0].messages[0], /Uncaught Error: late boom/);
  });

  it("at most 20 MiB", async () => {
    const most = 20 * 1024 * 1024;
    assert.equal((await (await site(`/big?bytes=${most}`)).arrayBuffer()).byteLength, most);
    await assert.rejects(async () => (await site(`/big?bytes=${most + 1}`)).arrayBuffer());
    await eventually(
      async () => (await logEntries("GET /big")).some(({ logLines }) => logLines.some(({ messages }) => messages[0] === "HttpResponseTooLarge: HTTP actions support responses up to 20 MiB")),
      "log line",
    );
  });
});

async function logEntries(identifier) {
  const response = await hull.server.get("/api/stream_function_logs?cursor=0", { key: true, headers: { "Convex-Client": "npm-cli-1.48.0" } });
  return (await response.json()).entries.filter((entry) => entry.identifier === identifier);
}

describe("streaming", () => {
  it("the head and each part arrive as they are made", async () => {
    const began = performance.now();
    const response = await site("/transform?name=watched");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader.read()).value;
    const firstAfter = performance.now() - began;
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
    const restAfter = performance.now() - began - firstAfter;
    assert.equal(first, "part 0\n");
    assert.equal(rest, "part 1\npart 2\n");
    assert.ok(restAfter > 150, `the rest came after ${restAfter} ms`);
    await eventually(async () => (await marks()).includes("transformed watched false"), "the function went on");
  });

  it("request bodies stream through, both ways at once", async () => {
    const request = httpRequest(`${hull.server.siteUrl}/upper`, { method: "POST" });
    const response = new Promise((done, fail) => request.once("response", done).once("error", fail));
    request.write("one ");
    const answer = await response;
    answer.setEncoding("utf8");
    const next = () => new Promise((done) => answer.once("data", done));
    assert.equal(await next(), "ONE ");
    request.write("two");
    assert.equal(await next(), "TWO");
    request.end();
    await new Promise((done) => answer.once("end", done).resume());
  });

  it("hundreds of megabytes pass without being kept", async () => {
    const before = rssMiB();
    const bytes = 200 * 1024 * 1024;
    let peak = 0;
    const watch = setInterval(() => (peak = Math.max(peak, rssMiB())), 50);
    const chunk = new Uint8Array(1 << 20);
    let left = bytes;
    const body = new ReadableStream({
      pull(controller) {
        if (left === 0) return controller.close();
        left -= chunk.length;
        controller.enqueue(chunk);
      },
    });
    const result = await (await site("/count", { method: "POST", body, duplex: "half" })).json();
    clearInterval(watch);
    assert.deepEqual(result, { bytes, several: true });
    assert.ok(peak - before < 40, `grew by ${peak - before} MiB`);
  });

  it("a function that does not read holds the client back", async () => {
    const request = httpRequest(`${hull.server.siteUrl}/count?pause=1500`, { method: "POST" });
    const response = new Promise((done, fail) => request.once("response", done).once("error", fail));
    let sent = 0;
    let open = true;
    const pump = () => {
      while (open && request.write(Buffer.alloc(65536))) sent += 65536;
    };
    request.on("drain", pump);
    pump();
    await sleep(1000);
    const held = sent;
    assert.ok(held < 16 << 20, `${held} bytes were taken`);
    open = false;
    request.end();
    let text = "";
    for await (const data of await response) text += data;
    assert.ok(JSON.parse(text).bytes >= held);
  });

  it("an early answer reaches a client that is still sending", async () => {
    const raw = rawRequest(hull.server.sitePort, ["POST /early HTTP/1.1", "Host: h", "Content-Length: 50000000"]);
    raw.send(Buffer.alloc(2_000_000));
    await raw.seen("no thanks");
    assert.match(raw.text, /^HTTP\/1\.1 403 /);
    assert.match(raw.text, /connection: close/i);
    await raw.closed;
  });

  it("Expect: 100-continue", async () => {
    const raw = rawRequest(hull.server.sitePort, ["POST /echo HTTP/1.1", "Host: h", "Expect: 100-continue", "Content-Length: 3", "Connection: close"]);
    await raw.seen("100 Continue");
    raw.send("abc");
    await raw.closed;
    assert.match(raw.text, /"body":"abc"/);
  });

  it("server-sent events until the client has enough", async () => {
    const abort = new AbortController();
    const response = await site("/events", { signal: abort.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("data: 3")) text += (await reader.read()).value;
    abort.abort();
    assert.match(text, /^data: 0\n\ndata: 1\n\n/);
  });

  it("forms", async () => {
    const form = new FormData();
    form.set("text", "t");
    form.set("file", new File(["hello".repeat(100_000)], "f.txt"));
    assert.deepEqual(await (await site("/form", { method: "POST", body: form })).json(), { text: "t", name: "f.txt", size: 500_000, start: "hello" });
    const big = new FormData();
    big.set("file", new File([new Uint8Array(21 << 20)], "big"));
    const refused = await site("/form", { method: "POST", body: big });
    assert.equal(refused.status, 500);
    assert.match((await refused.json()).code, /InvalidMultiPartForm/);
  });
});

describe("clients that go away", () => {
  it("abort request.signal, and the function goes on", async () => {
    const raw = rawRequest(hull.server.sitePort, ["POST /watch?name=waiting HTTP/1.1", "Host: h", "Content-Length: 0"]);
    await sleep(500);
    raw.socket.destroy();
    await eventually(async () => (await marks()).includes("aborted waiting true"), "the signal fired");
  });

  it("while they upload", async () => {
    const raw = rawRequest(hull.server.sitePort, ["POST /watch?name=uploading HTTP/1.1", "Host: h", "Content-Length: 1000"], "part");
    await sleep(500);
    raw.socket.destroy();
    await eventually(async () => (await marks()).includes("aborted uploading true"), "the signal fired");
    const reading = rawRequest(hull.server.sitePort, ["POST /count HTTP/1.1", "Host: h", "Content-Length: 1000"], "part");
    await sleep(300);
    reading.socket.destroy();
    await eventually(async () => (await logEntries("POST /count")).some(({ error }) => /the client went away/.test(error ?? "")), "the read failed");
  });

  it("while they download: the response is made to its end", async () => {
    const raw = rawRequest(hull.server.sitePort, ["GET /transform?name=left&parts=12 HTTP/1.1", "Host: h"]);
    await raw.seen("part 0");
    raw.socket.destroy();
    await eventually(async () => (await marks()).includes("transformed left true"), "the function went on");
  });

  it("in numbers, without harm", async () => {
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const path = ["/transform?name=crowd&parts=2", "/events", "/big?bytes=3000000"][i % 3];
        const raw = rawRequest(hull.server.sitePort, [`GET ${path} HTTP/1.1`, "Host: h"]);
        await sleep(20 * (i % 20));
        raw.socket.destroy();
      }),
    );
    assert.equal(await (await site("/files/exact")).text(), "exact");
    await eventually(async () => (await marks()).filter((mark) => mark === "transformed crowd true").length > 5, "the functions went on");
  });

  it("slow readers get everything", async () => {
    const raw = rawRequest(hull.server.sitePort, ["GET /big?bytes=4000000 HTTP/1.1", "Host: h", "Connection: close"]);
    raw.socket.pause();
    await sleep(1000);
    raw.socket.resume();
    await raw.closed;
    assert.ok(raw.text.endsWith("0\r\n\r\n"));
    assert.ok(raw.text.length > 4_000_000);
  });
});

describe("logs", () => {
  it("lines come live, the completion has the status", async () => {
    const live = hull.app.follow(["logs"]);
    try {
      await live.seen(/Watching logs/);
      // The CLI drops what its first poll brings, and says nothing when that has come back.
      while (!live.output.includes("'second'")) {
        assert.equal(await (await site("/log")).text(), "logged");
        await sleep(200);
      }
    } finally {
      await live.stop();
    }
    await eventually(async () => (await logEntries("GET /log")).at(-1).kind === "Completion", "completion");
    const all = await logEntries("GET /log");
    const entries = all.filter(({ requestId }) => requestId === all.at(-1).requestId);
    assert.deepEqual(entries.map(({ kind, udfType }) => [kind, udfType]), [["Progress", "HttpAction"], ["Progress", "HttpAction"], ["Completion", "HttpAction"]]);
    const { success, error, logLines, caller } = entries[2];
    assert.deepEqual([success, error, logLines, caller], [{ status: "200" }, null, [], "HttpEndpoint"]);
    await (await site("/files/x")).text();
    await eventually(async () => (await logEntries("GET /files/*")).length > 0, "the route names the entry");
  });

  it("operations left behind", async () => {
    await (await site("/left-behind")).text();
    await eventually(
      async () => (await logEntries("GET /left-behind")).some(({ logLines }) => /^1 unawaited operation: \[mutation\]/.test(logLines[0]?.messages[0] ?? "")),
      "warning",
    );
  });
});

describe("connections", () => {
  it("thousands of requests on a few connections", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const sockets = new Set();
    const one = (path, method = "GET", body = "") =>
      new Promise((done, fail) => {
        const request = httpRequest(hull.server.siteUrl + path, { agent, method }, (response) => {
          sockets.add(response.socket);
          let text = "";
          response.on("data", (data) => (text += data)).on("end", () => done(text)).on("error", fail);
        });
        request.on("error", fail).end(body);
      });
    let failed = 0;
    const worker = async (id) => {
      for (let i = 0; i < 250; i++) {
        const kind = (id + i) % 3;
        const text = kind === 0 ? await one("/files/exact") : kind === 1 ? await one("/upper", "POST", "abc") : await one("/files/x");
        if (text !== ["exact", "ABC", "file /files/x"][kind]) failed++;
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, id) => worker(id)));
    agent.destroy();
    assert.equal(failed, 0);
    assert.ok(sockets.size <= 8, `${sockets.size} connections`);
  });

  it("requests sent at once are answered in order", async () => {
    const raw = rawRequest(hull.server.sitePort, ["GET /files/1 HTTP/1.1", "Host: h"]);
    raw.send("POST /upper HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /files/2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    await raw.closed;
    const order = ["file /files/1", "ABC", "file /files/2"].map((text) => raw.text.indexOf(text));
    assert.deepEqual([...order].sort((a, b) => a - b), order);
    assert.ok(order[0] > 0);
  });

  it("malformed requests", async () => {
    const raw = rawRequest(hull.server.sitePort, ["GET /echo HTTP/1.1", "Host: a<b"]);
    await raw.seen("HTTP/1.1 400");
    raw.socket.destroy();
    const chunks = rawRequest(hull.server.sitePort, ["POST /echo HTTP/1.1", "Host: h", "Transfer-Encoding: chunked"], "zz\r\n");
    await chunks.closed;
  });
});

describe("the own origins", () => {
  it("are reached from inside without the network", async () => {
    const { status, inner } = await (await site("/self")).json();
    assert.deepEqual([status, inner.method, inner.body, inner.url], [200, "PUT", "inner", `${hull.server.siteUrl}/echo`]);
    assert.ok(inner.headers.some(([name]) => name === "authorization"));
    assert.equal(await (await site("/self/stream")).text(), "part 0\npart 1\npart 2\n");
    assert.equal(await (await site("/self/api")).json(), "success");
  });
});

describe("hono", () => {
  it("runs beside plain routes", async () => {
    assert.deepEqual(await (await site("/hono/hello/ann")).json(), { hello: "ann", method: "GET" });
    const marked = await site("/hono/mark/honoed", { method: "POST", body: "text" });
    assert.deepEqual([marked.status, marked.headers.get("x-hono"), await marked.text()], [201, "yes", "marked text"]);
    assert.ok((await marks()).includes("honoed"));
    assert.equal((await site("/hono/none")).status, 404);
  });
});

describe("a deployment without HTTP actions", () => {
  it("says so", async () => {
    const server = await HullServer.start();
    try {
      const response = await fetch(`${server.siteUrl}/x`, { method: "POST", body: "ignored" });
      assert.deepEqual(
        [response.status, response.headers.get("content-type"), await response.text()],
        [404, "text/plain; charset=utf-8", "This Convex deployment does not have HTTP actions enabled."],
      );
    } finally {
      await server.stop();
    }
  });
});
