// URL, Headers, Request/Response, bodies, streams, fetch and HTTP actions (runtime.md §9).
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundle, makeContext } from "./fake-native.mjs";

const action = (options) => {
  const rt = makeContext(options);
  rt.start("action");
  return rt;
};
const evaluate = (rt, body) => rt.run(`(async () => { ${body} })()`);

test("URL", () => {
  const rt = makeContext();
  assert.equal(rt.run(`new URL("../b?x=é#h", "https://EXAMPLE.com:443/a/c").href`), "https://example.com/b?x=%C3%A9#h");
  assert.equal(rt.run(`new URL("http://bücher.de/").host`), "xn--bcher-kva.de");
  assert.equal(rt.run(`const u = new URL("http://a/"); u.host = "b:8"; u.searchParams.append("q", "1 2"); String(u)`), "http://b:8/?q=1+2");
  assert.throws(() => rt.run(`new URL("x")`), (error) => error.name === "TypeError" && error.message === "Invalid URL: 'x'");
  assert.equal(rt.run(`URL.canParse("x") === false && URL.parse("http://a/b").pathname === "/b" && new URL("http://a") instanceof URL`), true);
  assert.equal(rt.run(`class Sub extends URL {}; new Sub("http://a/") instanceof Sub`), true);
  assert.throws(() => rt.run(`new URL("http://a b/")`), /Invalid URL: 'http:\/\/a b\/'/);
  rt.run(`console.log(new URLSearchParams("a=1&b=2").size)`);
  assert.deepEqual(rt.logs[0].messages, ["2"]);
});

test("Headers keep insertion order", () => {
  const rt = makeContext();
  assert.equal(
    rt.run(`const h = new Headers({ B: "1", a: "2" }); h.append("b", "3"); h.append("Set-Cookie", "x"); h.append("set-cookie", "y");
      JSON.stringify([[...h], h.get("B"), h.getSetCookie()])`),
    JSON.stringify([[["b", "1, 3"], ["a", "2"], ["set-cookie", "x"], ["set-cookie", "y"]], "1, 3", ["x", "y"]]),
  );
  assert.throws(() => rt.run(`new Headers({ "a b": "1" })`), /^TypeError/);
});

test("bodies are read once and have default types", async () => {
  const rt = makeContext();
  assert.equal(await evaluate(rt, `return new Response("hi").headers.get("content-type")`), "text/plain;charset=UTF-8");
  await assert.rejects(
    evaluate(rt, `const r = new Request("http://a", { method: "POST", body: "x" }); await r.text(); await r.text()`),
    /^TypeError: Failed to execute 'text' on 'Request': body stream already read$/,
  );
  assert.throws(
    () => rt.run(`new Response("", { status: 600 })`),
    /^RangeError: Failed to construct 'Response': The status provided is outside the range \[200, 599\]\.$/,
  );
  assert.throws(() => rt.run(`new Request("http://a", { body: "x" })`), /^TypeError/);
  assert.deepEqual(
    await evaluate(rt, `const r = Response.json({ a: [1] }, { status: 201 }); const c = r.clone();
      return JSON.stringify([await r.json(), await c.text(), r.status, r.bodyUsed, r.headers.get("content-type")])`),
    '[{"a":[1]},"{\\"a\\":[1]}",201,true,"application/json"]',
  );
  assert.equal(await evaluate(rt, `const r = Response.redirect("http://a/b"); return r.status + r.headers.get("location")`), "302http://a/b");
  assert.equal(
    await evaluate(rt, `const s = new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("ab")); c.close(); } });
      const r = new Response(s); const c = r.clone(); return await r.text() + await c.text()`),
    "abab",
  );
  assert.equal(
    await evaluate(rt, `const t = new Response("stream me").body.pipeThrough(new TextDecoderStream()); let out = "";
      for await (const part of t) out += part; return out`),
    "stream me",
  );
});

test("FormData and Blob", async () => {
  const rt = makeContext();
  assert.equal(
    await evaluate(rt, `const f = new FormData(); f.append("a", "1\\n2"); f.append("f", new Blob(["é"], { type: "text/x" }), "n\\".txt");
      const g = await new Response(f).formData(); const file = g.get("f");
      return JSON.stringify([g.get("a"), file instanceof File, file.name, file.type, await file.text()])`),
    JSON.stringify(["1\r\n2", true, 'n".txt', "text/x", "é"]),
  );
  assert.equal(await evaluate(rt, `const f = await new Response(new URLSearchParams("a=1+2&b=%C3%A9")).formData(); return f.get("a") + f.get("b")`), "1 2é");
  assert.equal(await evaluate(rt, `const b = new Blob(["ab", new Uint8Array([99])]); return b.size + await b.slice(1).text()`), "3bc");
  await assert.rejects(evaluate(rt, `await new Response("x").formData()`), /^TypeError/);
});

const answer = (fields) => [{ status: 200, statusText: "OK", headers: [], url: "", bodyStreamId: null, ...fields }];

test("fetch sends one operation and streams the body", async () => {
  const parts = ["he", "llo"];
  const rt = action({
    op: (name) => {
      if (name === "fetch") return answer({ headers: [["X-A", "1"]], bodyStreamId: "s1" });
      const part = parts.shift();
      return [{ done: part === undefined }, part && Buffer.from(part)];
    },
  });
  assert.equal(
    await evaluate(rt, `const r = await fetch("http://h/p#frag", { method: "post", body: "x", headers: { A: "b" } });
      return JSON.stringify([r.status, r.ok, r.type, r.url, r.headers.get("x-a"), await r.text()])`),
    JSON.stringify([200, true, "basic", "http://h/p", "1", "hello"]),
  );
  const [{ name, args, payload }] = rt.ops;
  assert.deepEqual([name, args, Buffer.from(payload).toString()], [
    "fetch",
    {
      url: "http://h/p", method: "POST", hasBody: true, streams: false, fetchId: "1",
      headers: [["a", "b"], ["content-type", "text/plain;charset=UTF-8"]],
    },
    "x",
  ]);
  assert.deepEqual([...rt.hooks.unawaitedOps()], []);
});

test("fetch follows redirects", async () => {
  const rt = action({
    op: (name, { url }) => (url === "http://h/a" ? answer({ status: 302, headers: [["Location", "http://other/b"]] }) : answer()),
  });
  assert.equal(
    await evaluate(rt, `const r = await fetch("http://h/a", { method: "POST", body: "x", headers: { authorization: "t", b: "c" } });
      return r.url + r.redirected`),
    "http://other/btrue",
  );
  assert.deepEqual(rt.ops[1].args, { url: "http://other/b", method: "GET", headers: [["b", "c"]], hasBody: false, streams: false, fetchId: "2" });
  assert.equal(await evaluate(rt, `return (await fetch("http://h/a", { redirect: "manual" })).status`), 302);
  await assert.rejects(evaluate(rt, `await fetch("http://h/a", { redirect: "error" })`), /^TypeError: fetch attempted redirect$/);
  const loop = action({ op: () => answer({ status: 307, headers: [["location", "/"]] }) });
  await assert.rejects(evaluate(loop, `await fetch("http://h/")`), /^TypeError: fetch too many redirects$/);
  await assert.rejects(
    evaluate(rt, `await fetch("ftp://h/")`),
    /^TypeError: Unsupported URL scheme -- http and https are supported \(scheme was ftp\)$/,
  );
});

test("fetch can be aborted and left behind", async () => {
  const rt = action({ op: (name) => (name === "fetch" ? new Promise(() => {}) : [{}]) });
  await assert.rejects(
    evaluate(rt, `const c = new AbortController(); const p = fetch("http://h/", { signal: c.signal });
      await null; await null; await null; c.abort(); await p`),
    (error) => error.name === "AbortError",
  );
  assert.deepEqual(rt.ops.map((op) => op.name), ["fetch", "fetch/abort"]);
  assert.deepEqual(rt.ops[1].args, { fetchId: "1" });
  const failing = action({ op: () => Promise.reject(new Error("connection refused")) });
  await assert.rejects(evaluate(failing, `await fetch("http://h/")`), /connection refused/);
});

const text = (bytes) => bytes && Buffer.from(bytes).toString();
const streamOf = (...parts) => `new ReadableStream({ start(c) { for (const p of ${JSON.stringify(parts)}) c.enqueue(new TextEncoder().encode(p)); c.close(); } })`;

test("fetch uploads streams piece by piece", async () => {
  const rt = action({ op: (name) => (name === "fetch" ? answer() : [{}]) });
  await evaluate(rt, `await fetch("http://h/", { method: "POST", body: ${streamOf("a", "b")} })`);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(rt.ops[0].args, { url: "http://h/", method: "POST", headers: [], hasBody: true, streams: true, fetchId: "1" });
  assert.deepEqual(rt.ops.slice(1).map(({ name, args, payload }) => [name, args.done, text(payload)]), [
    ["fetch/write", false, "a"],
    ["fetch/write", false, "b"],
    ["fetch/write", true, undefined],
  ]);
  const moved = action({ op: (name) => (name === "fetch" ? answer({ status: 307, headers: [["location", "/b"]] }) : [{}]) });
  await assert.rejects(
    evaluate(moved, `await fetch("http://h/", { method: "POST", body: ${streamOf("a")} })`),
    /^TypeError: fetch cannot redirect with streamed body$/,
  );
  assert.equal(moved.ops.filter((op) => op.name === "fetch").length, 1);
});

test("an upload ends with its stream or its exchange", async () => {
  let rejectFetch;
  const rt = action({
    op: (name, { error }) => {
      if (name === "fetch") return new Promise((_, reject) => (rejectFetch = reject));
      if (error) rejectFetch(new Error(`the host heard: ${error}`));
      return [{ closed: true }];
    },
  });
  await assert.rejects(
    evaluate(rt, `await fetch("http://h/", { method: "POST", body: new ReadableStream({ pull() { throw new RangeError("no more"); } }) })`),
    /^RangeError: no more$/,
  );
  const closing = action({ op: (name) => (name === "fetch" ? answer() : [{ closed: true }]) });
  const cancelled = evaluate(closing, `return new Promise((done) => fetch("http://h/", { method: "POST",
    body: new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1)); }, cancel() { done("cancelled"); } }) }))`);
  assert.equal(await cancelled, "cancelled");
});

test("operations left behind go by the name of what the user called", async () => {
  const rt = action({ op: () => new Promise(() => {}) });
  rt.run(`void fetch("http://h/")`);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([...rt.hooks.unawaitedOps()], ["fetch"]);
  const request = (code) => {
    const left = makeContext({ op: () => new Promise(() => {}) });
    left.start("http");
    left.run(`globalThis.request = Convex.jsSyscall("requestFromConvexJson", { convexJson: { headerPairs:
      [["content-type", "multipart/form-data; boundary=b"]], url: "http://h/", method: "POST", streamId: "s", signal: null } }); ${code}`);
    return [...left.hooks.unawaitedOps()];
  };
  assert.deepEqual(request("void request.formData()"), ["formData"]);
  assert.deepEqual(request("void request.text()"), ["ReadableStream"]);
});

test("forms stop at 20 MiB", async () => {
  let reads = 0;
  const rt = makeContext({ op: (name) => (name === "stream/read" ? (reads++, [{ done: false }, new Uint8Array(8 << 20)]) : [{}]) });
  rt.start("http");
  await assert.rejects(
    rt.run(`Convex.jsSyscall("requestFromConvexJson", { convexJson: { headerPairs: [["content-type", "multipart/form-data; boundary=b"]],
      url: "http://h/", method: "POST", streamId: "s", signal: null } }).formData()`),
    /InvalidMultiPartForm/,
  );
  assert.equal(reads, 3);
  assert.deepEqual(rt.ops.map((op) => op.name).slice(-1), ["stream/cancel"]);
});

test("a response that nobody wants more of is cancelled and ended", async () => {
  const rt = makeContext({ op: (_name, { done }) => [done ? {} : { closed: true }] });
  rt.start("http");
  const reason = rt.run(`new Promise((done) => Convex.jsSyscall("convexJsonFromResponse", { response:
    new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1)); }, cancel() { done("cancelled"); } })) }))`);
  assert.equal(await reason, "cancelled");
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(rt.ops.map((op) => [op.name, op.args.done]), [["response/write", false], ["response/write", true]]);
});

test("HTTP actions", async () => {
  const { code } = await bundle(`import { httpRouter, httpActionGeneric } from "convex/server";
const http = httpRouter();
http.route({ path: "/echo", method: "POST", handler: httpActionGeneric(async (ctx, request) =>
  new Response(await request.text() + request.headers.get("x-a") + request.signal.aborted, { status: 201, headers: { "set-cookie": "a" } })) });
http.route({ path: "/stream", method: "GET", handler: httpActionGeneric(async () => {
  let n = 0;
  return new Response(new ReadableStream({ pull(c) { n++ < 2 ? c.enqueue(new TextEncoder().encode("n" + n)) : c.close(); } }));
}) });
http.route({ path: "/bad", method: "GET", handler: httpActionGeneric(async () => 5 as any) });
export default http;`, "http.js");
  const body = ["in", undefined];
  const rt = makeContext({
    op: (name) => {
      if (name === "stream/read") {
        const part = body.shift();
        return [{ done: part === undefined }, part && Buffer.from(part)];
      }
      return name === "signal/wait" ? new Promise(() => {}) : [{}];
    },
  });
  const ns = rt.load(code, "http.js");
  rt.start("http");
  const call = (path, method, streamId = null) =>
    rt.hooks.invokeHttp(ns, path, JSON.stringify({ headerPairs: [["x-a", "1"]], url: `http://h${path}`, method, streamId, signal: "g" })).then(JSON.parse);
  assert.equal(rt.hooks.lookupRoute(ns, "/echo", "POST"), '["POST","/echo"]');
  assert.equal(rt.hooks.lookupRoute(ns, "/none", "POST"), "null");
  const echo = await call("/echo", "POST", "s");
  assert.deepEqual(echo, {
    headerPairs: [["set-cookie", "a"], ["content-type", "text/plain;charset=UTF-8"], ["content-length", "8"]],
    status: 201,
    streamId: "response-1",
  });
  const written = () => rt.ops.filter((op) => op.name === "response/write").map((op) => [op.args, op.payload && Buffer.from(op.payload).toString()]);
  assert.deepEqual(written(), [[{ streamId: "response-1", done: true }, "in1false"]]);
  const streamed = await call("/stream", "GET");
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(streamed.streamId, "response-2");
  assert.deepEqual(written().slice(1), [
    [{ streamId: "response-2", done: false }, "n1"],
    [{ streamId: "response-2", done: false }, "n2"],
    [{ streamId: "response-2", done: true }, undefined],
  ]);
  await assert.rejects(call("/bad", "GET"), /HTTP actions must return a Response/);
  assert.equal((await call("/none", "GET")).status, 404);
});

test("storage of actions", async () => {
  const stored = [];
  const rt = action({
    op: (name, args, payload) => {
      if (name === "storage/store") {
        stored.push({ contentType: args.contentType, streams: args.streams, text: Buffer.from(payload).toString() });
        return ["id1"];
      }
      return [null]; // storage/get: no such file
    },
  });
  const id = await rt.run(`Convex.jsSyscall("storage/storeBlob", { blob: new Blob(["a", "bc"], { type: "text/plain" }) })`);
  assert.equal(id, "id1");
  assert.deepEqual(stored, [{ contentType: "text/plain", streams: false, text: "abc" }]);
  assert.equal(await rt.run(`Convex.jsSyscall("storage/getBlob", { storageId: "id2" })`), null);
  await assert.rejects(rt.run(`Convex.jsSyscall("storage/getBlob", {})`), /storage\.get requires a string storageId but received undefined/);
  await assert.rejects(rt.run(`Convex.jsSyscall("storage/storeBlob", { blob: 1 })`), /store\(\) expects a Blob\./);
  assert.throws(() => rt.run(`Convex.jsSyscall("nope", {})`), (error) => error.message === "Unknown JS syscall: nope");
});
