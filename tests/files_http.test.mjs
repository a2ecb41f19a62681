// The routes for uploading and serving files (file-storage.md §4, §5), and what crashes leave.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { rawRequest } from "./lib/raw_http.mjs";
import { until } from "./lib/server.mjs";

const hull = useApp("tests/apps/files");
const patience = 60_000;
const digestOf = (data) => `sha-256=${createHash("sha256").update(data).digest("base64")}`;
const call = async (kind, path, args) => (await hull.server.call(kind, path, args)).value;
const uploadUrl = () => call("mutation", "files:uploadUrl");
const send = async (body, headers = {}) => fetch(await uploadUrl(), { method: "POST", body, headers });
const store = async (body, headers) => call("query", "files:url", { id: (await (await send(body, headers)).json()).storageId });
const entries = (directory) => {
  const path = join(hull.server.dataDir, "storage", directory);
  return existsSync(path) ? readdirSync(path) : [];
};
const countFiles = async () => (await call("query", "files:list")).length;
async function expectError(response, status, code, message) {
  const body = await response.json();
  assert.deepEqual([response.status, body.code], [status, code], JSON.stringify(body));
  if (message) assert.match(body.message, message);
}

describe("upload", () => {
  it("is refused without a valid token, at once and before the body is read", async () => {
    const url = await uploadUrl();
    const at = url.indexOf("token=") + 20;
    const forged = url.slice(0, at) + (url[at] === "0" ? "1" : "0") + url.slice(at + 1);
    await expectError(await fetch(forged, { method: "POST", body: "x" }), 401, "StorageTokenInvalid", /^Couldn't decode the StoreFileAuthorization token$/);
    await expectError(await fetch(url.replace(/\?.*/, ""), { method: "POST", body: "x" }), 400, "BadQueryArgs");
    const raw = rawRequest(hull.server.port, ["POST /api/storage/upload?token=00 HTTP/1.1", "Host: x", "Content-Length: 1000000000"]);
    await raw.seen("StorageTokenInvalid", patience);
    raw.socket.destroy();
  });

  it("checks the digest, and leaves nothing if it is another", async () => {
    const files = await countFiles();
    const blobs = entries("files").length;
    const body = Buffer.alloc(700_000, "d");
    assert.equal((await send(body, { Digest: digestOf(body) })).status, 200);
    const wrong = await send(body, { Digest: digestOf("other") });
    const expected = `Sha256 mismatch. Expected: ${digestOf("other").slice(8)} Actual: ${digestOf(body).slice(8)}`;
    assert.deepEqual([wrong.status, await wrong.json()], [400, { code: "Sha256Mismatch", message: expected }]);
    assert.equal(await countFiles(), files + 1);
    assert.equal(entries("files").length, blobs + 1);
    assert.deepEqual(entries(".tmp"), []);
  });

  it("refuses bad headers", async () => {
    await expectError(await send("x", { Digest: "md5=eA==" }), 400, "BadHeader", /^Bad header for digest: /);
    await expectError(await send("x", { "Content-Type": "nonsense" }), 400, "BadHeader", /^Bad header for content-type: /);
  });

  it("takes chunked bodies and a token as often as it comes", async () => {
    const url = await uploadUrl();
    for (let i = 0; i < 2; i++) {
      async function* pieces() {
        for (let n = 0; n < 50; n++) yield Buffer.alloc(20_000, `${n % 10}`);
      }
      const response = await fetch(url, { method: "POST", body: pieces(), duplex: "half" });
      const { storageId } = await response.json();
      assert.equal((await call("query", "files:metadata", { id: storageId })).size, 1_000_000);
    }
  });

  it("may come from pages of other origins", async () => {
    const url = await uploadUrl();
    const preflight = await fetch(url, {
      method: "OPTIONS",
      headers: { Origin: "https://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,digest" },
    });
    assert.equal(preflight.status, 200);
    assert.equal(preflight.headers.get("access-control-allow-origin"), "https://app.example");
    assert.equal(preflight.headers.get("access-control-allow-headers"), "content-type,digest");
    const posted = await fetch(url, { method: "POST", body: "x", headers: { Origin: "https://app.example" } });
    assert.equal(posted.headers.get("access-control-allow-origin"), "https://app.example");
  });

  it("that the client gives up leaves nothing", async () => {
    const files = await countFiles();
    const blobs = entries("files").length;
    const path = (await uploadUrl()).slice(hull.server.url.length);
    const raw = rawRequest(hull.server.port, [`POST ${path} HTTP/1.1`, "Host: x", "Content-Length: 5000000"], Buffer.alloc(1_000_000));
    await until(() => entries(".tmp").length === 1, patience);
    raw.socket.destroy();
    await until(() => entries(".tmp").length === 0, patience);
    assert.equal(entries("files").length, blobs);
    assert.equal(await countFiles(), files);
  });

  it("that a crash interrupts leaves nothing after the next start; earlier files stay", async () => {
    const url = await store("survives");
    const files = await countFiles();
    const blobs = entries("files").length;
    const path = (await uploadUrl()).slice(hull.server.url.length);
    const raw = rawRequest(hull.server.port, [`POST ${path} HTTP/1.1`, "Host: x", "Content-Length: 5000000"], Buffer.alloc(4_000_000));
    await until(() => entries(".tmp").length === 1, patience);
    await hull.server.kill("SIGKILL");
    raw.socket.destroy();
    assert.equal(entries(".tmp").length, 1);
    await hull.server.launch();
    assert.deepEqual(entries(".tmp"), []);
    assert.equal(entries("files").length, blobs);
    assert.equal(await countFiles(), files);
    assert.equal(await (await fetch(url)).text(), "survives");
  });
});

describe("serving", () => {
  const content = Buffer.from(Array.from({ length: 600_000 }, (_, at) => at % 253));
  let url;
  before(async () => {
    url = await store(content, { "Content-Type": "video/mp4" });
  });

  it("a whole file, and its head", async () => {
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(url, { method, headers: { "Accept-Encoding": "gzip, br, zstd" } });
      const headers = Object.fromEntries(response.headers);
      assert.equal(response.status, 200);
      assert.equal(headers["content-type"], "video/mp4");
      assert.equal(headers["content-length"], `${content.length}`);
      assert.equal(headers.digest, digestOf(content));
      assert.equal(headers["cache-control"], "private, max-age=2592000");
      assert.equal(headers["accept-ranges"], "bytes");
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["content-encoding"], undefined);
      const body = Buffer.from(await response.arrayBuffer());
      assert.ok(method === "HEAD" ? body.length === 0 : body.equals(content));
    }
  });

  const last = content.length - 1;
  for (const [range, from, to] of [
    ["bytes=0-", 0, last],
    ["bytes=0-0", 0, 0],
    ["bytes=100-199", 100, 199],
    ["bytes=250000-550000", 250_000, 550_000],
    ["bytes=599990-", 599_990, last],
    ["bytes=599990-9999999", 599_990, last],
    ["bytes=-500", content.length - 500, last],
    ["bytes=-9999999", 0, last],
  ]) {
    it(`part ${range}`, async () => {
      const response = await fetch(url, { headers: { Range: range } });
      assert.equal(response.status, 206);
      assert.equal(response.headers.get("content-range"), `bytes ${from}-${to}/${content.length}`);
      assert.equal(response.headers.get("content-length"), `${to - from + 1}`);
      assert.equal(response.headers.get("content-type"), "video/mp4");
      assert.equal(response.headers.get("digest"), null);
      assert.equal(response.headers.get("cache-control"), "private, max-age=2592000");
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(content.subarray(from, to + 1)));
    });
  }

  for (const range of ["bytes=600000-", "bytes=9999999-9999999", "bytes=-0", "bytes=0-1,5-6"]) {
    it(`no part ${range}`, async () => {
      const response = await fetch(url, { headers: { Range: range } });
      assert.deepEqual([response.status, response.headers.get("content-range"), await response.text()], [416, `bytes */${content.length}`, ""]);
    });
  }

  it("ranges that cannot be understood are not looked at, and of nothing there are no parts", async () => {
    for (const range of ["lines=1-2", "bytes=5-2", "bytes=x"]) {
      assert.equal((await fetch(url, { headers: { Range: range } })).status, 200, range);
    }
    const empty = await fetch(await store(""), { headers: { Range: "bytes=0-" } });
    assert.deepEqual([empty.status, empty.headers.get("content-range"), empty.headers.get("content-length")], [200, null, "0"]);
  });

  it("conditional requests", async () => {
    const etag = (await fetch(url)).headers.get("etag");
    const known = await fetch(url, { headers: { "If-None-Match": `"x", W/${etag}` } });
    assert.deepEqual([known.status, known.headers.get("etag"), await known.text()], [304, etag, ""]);
    assert.equal((await fetch(url, { headers: { "If-None-Match": '"x"' } })).status, 200);
    assert.equal((await fetch(url, { headers: { Range: "bytes=0-9", "If-Range": etag } })).status, 206);
    assert.equal((await fetch(url, { headers: { Range: "bytes=0-9", "If-Range": '"x"' } })).status, 200);
  });

  it("names that are none", async () => {
    const id = (await call("query", "files:list"))[0]._id;
    await expectError(await fetch(`${hull.server.url}/api/storage/${id}`), 400, "InvalidStoragePath", /^Invalid storage path: "/);
    await expectError(await fetch(`${hull.server.url}/api/storage/6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab`), 404, "FileNotFound", /^File 6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab not found$/);
  });

  it("readers that do not read keep nobody waiting", async () => {
    const request = `GET ${url.slice(hull.server.url.length)} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const big = await store(Buffer.alloc(20_000_000));
    const idle = Array.from({ length: 40 }, () => {
      const socket = connect(hull.server.port, "127.0.0.1").pause();
      socket.on("error", () => {});
      socket.write(request.replace(url.slice(hull.server.url.length), big.slice(hull.server.url.length)));
      return socket;
    });
    try {
      for (let i = 0; i < 5; i++) assert.equal((await (await fetch(url)).arrayBuffer()).byteLength, content.length);
      assert.equal(await (await fetch(await store("written"))).text(), "written");
    } finally {
      for (const socket of idle) socket.destroy();
    }
  });

  it("neither tokens nor names of files are in the log", async () => {
    const token = /token=([0-9a-f]+)/.exec(await uploadUrl())[1];
    await fetch(`${hull.server.url}/api/storage/upload?token=${token}`, { method: "POST", body: "x" });
    await fetch(url);
    const log = hull.server.logText();
    assert.match(log, /"POST \/api\/storage\/upload HTTP/);
    assert.match(log, /"GET \/api\/storage\/\{uuid\} HTTP/);
    assert.ok(!log.includes(token) && !log.includes(url.slice(-36)));
  });

  it("nothing while the deployment is paused", async () => {
    const upload = await uploadUrl();
    await hull.server.post("/api/v1/pause_deployment", "", { key: true });
    const text = /^Cannot perform this operation when the backend is not running$/;
    await expectError(await fetch(url), 400, "BackendIsNotRunning", text);
    await expectError(await fetch(upload, { method: "POST", body: "x" }), 400, "BackendIsNotRunning", text);
    await hull.server.post("/api/v1/unpause_deployment", "", { key: true });
    assert.equal((await fetch(url, { method: "HEAD" })).status, 200);
  });

  it("URLs follow the canonical URL", async () => {
    const set = (value) =>
      hull.server.post("/api/v1/update_canonical_url", { requestDestination: "convexCloud", url: value }, { key: true });
    assert.ok((await set("https://files.example/")).ok);
    assert.match(await uploadUrl(), /^https:\/\/files\.example\/api\/storage\/upload\?token=/);
    const [file] = await call("query", "files:list");
    assert.match(await call("query", "files:url", { id: file._id }), /^https:\/\/files\.example\/api\/storage\//);
    assert.ok((await set(null)).ok);
    assert.ok((await uploadUrl()).startsWith(hull.server.url));
  });
});
