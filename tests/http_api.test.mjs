// The HTTP API as clients meet it on the wire (what needs no socket is tested in src/server/http_api_test.cc).
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { after, describe, it } from "node:test";
import { promisify } from "node:util";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { useApp } from "./lib/fixture.mjs";
import { rawRequest } from "./lib/raw_http.mjs";
import { HULL, HullServer } from "./lib/server.mjs";

const hull = useApp("tests/app");

/** A request whose answer is not decoded. */
function wire(path, { method = "GET", headers = {}, body } = {}) {
  return new Promise((done, fail) => {
    const sent = request(hull.server.url + path, { method, headers, agent: false }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => done({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
      response.on("error", fail);
    });
    sent.on("error", fail);
    sent.end(body);
  });
}
const json = { "Content-Type": "application/json" };
const echoCall = (value) => JSON.stringify({ path: "facts:echo", args: { value }, format: "json" });

describe("compression", () => {
  const value = Array.from({ length: 3000 }, (_, i) => ({ name: `row ${i}`, even: i % 2 === 0 }));
  const decoders = { gzip: gunzipSync, br: brotliDecompressSync, ...(zstdDecompressSync ? { zstd: zstdDecompressSync } : {}) };
  for (const [name, decode] of Object.entries(decoders)) {
    it(name, async () => {
      const response = await wire("/api/query", { method: "POST", headers: { ...json, "Accept-Encoding": name, Origin: "http://app" }, body: echoCall(value) });
      assert.equal(response.status, 200);
      assert.equal(response.headers["content-encoding"], name);
      assert.equal(response.headers["content-length"], `${response.body.length}`);
      assert.match(response.headers.vary, /origin.*accept-encoding/);
      assert.equal(response.headers["access-control-allow-origin"], "http://app");
      assert.deepEqual(JSON.parse(decode(response.body)).value, value);
      assert.ok(response.body.length < JSON.stringify(value).length / 3);
    });
  }
  it("only what the client accepts, and only long answers", async () => {
    const call = (headers, body) => wire("/api/query", { method: "POST", headers: { ...json, ...headers }, body });
    assert.equal((await call({}, echoCall(value))).headers["content-encoding"], undefined);
    assert.equal((await call({ "Accept-Encoding": "gzip;q=0, deflate" }, echoCall(value))).headers["content-encoding"], undefined);
    assert.equal((await call({ "Accept-Encoding": "gzip" }, echoCall("short"))).headers["content-encoding"], undefined);
  });
  it("errors", async () => {
    const path = "x".repeat(2000) + " y";
    const response = await wire("/api/query", { method: "POST", headers: { ...json, "Accept-Encoding": "gzip" }, body: JSON.stringify({ path, args: {} }) });
    assert.equal(response.status, 400);
    assert.equal(JSON.parse(gunzipSync(response.body)).code, "BadConvexFunctionIdentifier");
  });
  it("fetch decodes it", async () => {
    const response = await hull.server.post("/api/query", echoCall(value));
    assert.ok(response.headers.get("content-encoding"));
    assert.deepEqual((await response.json()).value, value);
  });
});

describe("routes", () => {
  it("HEAD answers with the headers of GET", async () => {
    const head = await wire("/instance_name", { method: "HEAD" });
    const get = await wire("/instance_name");
    assert.equal(head.status, 200);
    assert.equal(head.body.length, 0);
    assert.equal(head.headers["content-length"], `${get.body.length}`);
  });
  it("405 names the methods, 404 says nothing", async () => {
    const wrong = await wire("/api/query", { method: "DELETE" });
    assert.deepEqual([wrong.status, wrong.headers.allow, wrong.body.length], [405, "GET,HEAD,POST", 0]);
    const missing = await wire("/api/nowhere", { headers: { Origin: "http://app" } });
    assert.deepEqual([missing.status, missing.body.length, missing.headers["access-control-allow-origin"]], [404, 0, "http://app"]);
  });
  it("GET /api/query", async () => {
    const query = new URLSearchParams({ path: "facts:echo", args: JSON.stringify({ value: { $integer: "BQAAAAAAAAA=" } }), format: "json" });
    assert.deepEqual(await (await hull.server.get(`/api/query?${query}`)).json(), { status: "success", value: "5" });
  });
  it("echo sends any body back", async () => {
    const bytes = randomBytes(8 << 20);
    const response = await fetch(`${hull.server.url}/echo`, { method: "POST", body: bytes });
    assert.equal(response.status, 200);
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes));
    const raw = rawRequest(hull.server.port, ["POST /echo HTTP/1.1", "Host: a", `Content-Length: ${129 << 20}`]);
    await raw.seen("length limit exceeded");
    raw.socket.destroy();
  });
  it("a read-only key runs no internal mutation", async () => {
    const { stdout } = await promisify(execFile)(HULL, ["admin-key", "--read-only", "--data-dir", hull.server.dataDir]);
    const headers = { Authorization: `Convex ${stdout.trim()}` };
    const add = { path: "notes:secretAdd", args: { text: "x" } };
    const mutation = await (await hull.server.post("/api/mutation", add, { headers })).json();
    assert.equal(mutation.status, "error");
    assert.match(mutation.errorMessage, /You do not have permission to perform this operation \(deployment:functions:runInternalMutations\)/);
    const before = await hull.server.call("query", "notes:list", {}, { headers });
    assert.equal(before.value.filter((note) => note.text === "x").length, 0);
    assert.equal((await hull.server.call("mutation", "notes:secretAdd", { text: "x" }, { key: true })).status, "success");
  });
});

describe("settings", () => {
  const servers = [];
  after(() => Promise.all(servers.map((server) => server.stop())));

  it("UDF_404_ON_BAD_PATH makes missing functions HTTP errors", async () => {
    const server = await HullServer.start({ env: { UDF_404_ON_BAD_PATH: "true" } });
    servers.push(server);
    for (const kind of ["query", "mutation", "action"]) {
      const response = await server.post(`/api/${kind}`, { path: "no:such", args: {} });
      assert.equal(response.status, 404);
      assert.deepEqual(await response.json(), { code: "FunctionPathNotFound", message: "Could not find public function for 'no:such'." });
    }
  });
  it("HTTP_SERVER_TIMEOUT_SECONDS ends a request with an empty 408", async () => {
    const server = await HullServer.start({ env: { HTTP_SERVER_TIMEOUT_SECONDS: "1" } });
    servers.push(server);
    const response = await server.get(`/api/stream_function_logs?cursor=${Date.now()}`, { key: true });
    assert.equal(response.status, 408);
    assert.equal(await response.text(), "");
  });
});
