// Stored files in every kind of function, and what is seen of them through the database (file-storage.md §1-§3).
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ConvexClient } from "convex/browser";
import { useApp } from "./lib/fixture.mjs";
import { until } from "./lib/server.mjs";

const hull = useApp("tests/apps/files");
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const sha256 = (data, encoding) => createHash("sha256").update(data).digest(encoding);

async function value(kind, path, args) {
  const result = await hull.server.call(kind, path, args);
  assert.equal(result.status, "success", JSON.stringify(result));
  return result.value;
}
async function failure(kind, path, args) {
  const result = await hull.server.call(kind, path, args);
  assert.equal(result.status, "error", JSON.stringify(result));
  return result.errorMessage;
}
async function upload(body, headers = {}) {
  const response = await fetch(await value("mutation", "files:uploadUrl"), { method: "POST", body, headers });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).storageId;
}
const uuidOf = (url) => url.slice(url.lastIndexOf("/") + 1);

describe("queries and mutations", () => {
  it("an uploaded file has a document, a URL and metadata", async () => {
    const id = await upload("hello", { "Content-Type": "text/plain" });
    const document = await value("query", "files:document", { id });
    assert.deepEqual(
      { ...document, _creationTime: 0 },
      { _id: id, _creationTime: 0, sha256: sha256("hello", "base64"), size: 5, contentType: "text/plain" },
    );
    const url = await value("query", "files:url", { id });
    assert.match(uuidOf(url), uuidPattern);
    assert.equal(await (await fetch(url)).text(), "hello");
    assert.deepEqual(await value("query", "files:metadata", { id }), {
      storageId: uuidOf(url),
      sha256: sha256("hello", "hex"),
      size: 5,
      contentType: "text/plain",
    });
  });

  it("without a content type the document says null", async () => {
    for (const headers of [{}, { "Content-Type": "" }]) {
      const id = await upload(new Uint8Array([1, 2, 3]), headers);
      assert.equal((await value("query", "files:document", { id })).contentType, null);
      const served = await fetch(await value("query", "files:url", { id }));
      assert.equal(served.headers.get("content-type"), null);
      assert.equal(served.headers.get("x-content-type-options"), null);
    }
  });

  it("the old kind of id, a UUID, is accepted everywhere", async () => {
    const id = await upload("old");
    const url = await value("query", "files:url", { id });
    const uuid = uuidOf(url);
    assert.equal(await value("query", "files:url", { id: uuid.toUpperCase() }), url);
    assert.equal((await value("query", "files:metadata", { id: uuid })).size, 3);
    assert.equal((await value("action", "files:everything", { id: uuid })).blob.again, "ld");
    await value("mutation", "files:remove", { id: uuid });
    assert.equal(await value("query", "files:url", { id }), null);
  });

  it("ids that are none are refused, unknown ones are null", async () => {
    const id = await upload("x");
    const row = await value("mutation", "files:insertRow");
    assert.match(
      await failure("query", "files:url", { id: "nonsense" }),
      /Invalid argument `storageId` for `storage\.getUrl`: Invalid storage ID: "nonsense"\. Storage ID should be an Id of '_storage' table, or a UUID string\./,
    );
    for (const [kind, path] of [["query", "files:url"], ["mutation", "files:remove"], ["action", "files:everything"]]) {
      assert.match(
        await failure(kind, path, { id: row }),
        /Invalid storage ID\. Storage ID cannot be an ID on any table other than '_storage'\./,
      );
    }
    await value("mutation", "files:remove", { id });
    assert.deepEqual(await value("query", "files:urls", { ids: [id, "6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab"] }), [null, null]);
    assert.equal(await value("query", "files:metadata", { id }), null);
    assert.equal((await value("action", "files:everything", { id })).blob, null);
    assert.match(await failure("mutation", "files:remove", { id }), new RegExp(`storage id ${id} not found`));
    assert.match(await failure("action", "files:discard", { id }), new RegExp(`storage id ${id} not found`));
  });

  it("a deletion is rolled back with its mutation", async () => {
    const id = await upload("stays");
    const result = await hull.server.call("mutation", "files:removeAndFail", { id });
    assert.deepEqual(result.errorData, { urlInside: null });
    assert.equal(await (await fetch(await value("query", "files:url", { id }))).text(), "stays");
  });

  it("getUrl turns null live", async () => {
    const id = await upload("seen");
    const client = new ConvexClient(hull.server.url);
    try {
      const seen = [];
      client.onUpdate("files:url", { id }, (url) => seen.push(url));
      await until(() => seen.length === 1, 60_000);
      assert.equal(await (await fetch(seen[0])).text(), "seen");
      await client.mutation("files:remove", { id });
      await until(() => seen.length === 2, 60_000);
      assert.equal(seen[1], null);
      const gone = await fetch(seen[0]);
      assert.equal(gone.status, 404);
      assert.deepEqual(await gone.json(), { code: "FileNotFound", message: `File ${uuidOf(seen[0])} not found` });
    } finally {
      await client.close();
    }
  });

  it("_storage is listed, filtered, paginated, and read-only", async () => {
    const before = (await value("query", "files:list")).length;
    const ids = [];
    for (const type of ["image/png", "text/plain", "image/png", "image/png"]) ids.push(await upload(type, { "Content-Type": type }));
    const all = await value("query", "files:list");
    assert.equal(all.length, before + 4);
    assert.deepEqual(all.slice(-4).map((file) => file._id), ids);
    const first = await value("query", "files:pictures", { opts: { numItems: 2, cursor: null } });
    assert.deepEqual(first.page.map((file) => file._id), [ids[3], ids[2]]);
    const second = await value("query", "files:pictures", { opts: { numItems: 100, cursor: first.continueCursor } });
    assert.equal(second.page[0]._id, ids[0]);
    assert.equal(second.isDone, true);
    assert.match(await failure("mutation", "files:insertFile"), /System tables .* are read-only\./);
    assert.match(await failure("query", "files:ofUserTable", { id: ids[0] }), /System tables can only be accessed with db\.system\./);
  });

  it("queries have no operations that change files", async () => {
    const id = await upload("x");
    for (const op of ["Delete", "GenerateUploadUrl", "Store", "Get"]) {
      assert.match(await failure("query", "files:opInQuery", { id, op: `1.0/storage${op}` }), new RegExp(`Unknown async operation 1\\.0/storage${op}`));
    }
    assert.notEqual(await value("query", "files:url", { id }), null);
  });

  it("mutations store and read small files", async () => {
    const kept = await value("mutation", "files:keep", { text: "kept", type: "text/plain", sha256: sha256("kept", "base64") });
    assert.deepEqual({ ...kept, id: "" }, { id: "", text: "kept", type: "text/plain", filesWritten: 1, fileReadBytes: 4 });
    assert.equal(await (await fetch(await value("query", "files:url", { id: kept.id }))).text(), "kept");
    const plain = await value("mutation", "files:keep", { text: "" });
    assert.deepEqual([plain.text, plain.type], ["", ""]);
    const before = (await value("query", "files:list")).length;
    assert.match(await failure("mutation", "files:keep", { text: "a", sha256: sha256("b", "base64") }), /Sha256 mismatch\. Expected: /);
    const lost = await hull.server.call("mutation", "files:keepAndFail");
    assert.equal(await value("query", "files:url", { id: lost.errorData }), null);
    assert.equal((await value("query", "files:list")).length, before);
  });
});

describe("actions", () => {
  const sumOf = (size) => Array.from({ length: size }, (_, at) => at % 251).reduce((sum, byte) => (sum + byte) % 65521, 0);

  for (const size of [0, 1, 5000, 3_000_000]) {
    it(`stores and reads a Blob of ${size} bytes`, async () => {
      const id = await value("action", "files:make", { size, type: "Application/X-Own" });
      const { blob, url, metadata, upload: uploadUrl } = await value("action", "files:everything", { id });
      assert.deepEqual(
        { ...blob, again: blob.again.length },
        { size, type: "application/x-own", read: size, sum: sumOf(size), again: Math.max(0, Math.min(3, size - 1)), streamed: size },
      );
      assert.equal(metadata.size, size);
      assert.equal((await (await fetch(url)).arrayBuffer()).byteLength, size);
      assert.equal((await fetch(uploadUrl, { method: "POST", body: "x" })).status, 200);
    });
  }

  it("refuses what is no Blob, another digest, and types that are none", async () => {
    assert.match(await failure("action", "files:storeWrong"), /store\(\) expects a Blob\. If you are trying to store a Request, `await request\.blob\(\)` will give you the correct input\./);
    const other = sha256("other", "base64");
    for (const size of [3, 1_000_000]) {
      const bytes = Uint8Array.from({ length: size }, (_, at) => at % 251);
      assert.match(
        await failure("action", "files:make", { size, type: "", sha256: other }),
        new RegExp(`Sha256 mismatch\\. Expected: ${other} Actual: ${sha256(bytes, "base64")}`.replaceAll("+", "\\+")),
      );
    }
    assert.match(await failure("action", "files:make", { size: 3, type: "", sha256: "short" }), /Invalid SHA-256 digest/);
    assert.match(await failure("action", "files:make", { size: 3, type: "no type" }), /Invalid content type/);
  });

  it("a stored file can be part of other blobs, of forms and of requests", async () => {
    const size = 2_000_000;
    const id = await value("action", "files:make", { size, type: "image/png" });
    const passed = await value("action", "files:passOn", { id, to: `${hull.server.siteUrl}/echo` });
    assert.deepEqual(passed.asBody, { type: "image/png", length: `${size}`, size });
    assert.deepEqual(passed.asForm, { type: "image/png", name: "name.bin", size, text: "\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007" });
    assert.equal(passed.joined, size + 4);
    const copy = Buffer.from(await (await fetch(await value("query", "files:url", { id: passed.copy }))).arrayBuffer());
    assert.equal(copy.length, size + 4);
    assert.deepEqual([...copy.subarray(0, 4), ...copy.subarray(-3)], [60, 0, 1, 2, 0, 1, 62]);
  });

  it("fetch() reaches the deployment's own storage", async () => {
    const { back, type, storageId } = await value("action", "files:uploadByFetch", { text: "fetched" });
    assert.deepEqual([back, type], ["fetched", "text/x-own"]);
    await value("action", "files:discard", { id: storageId });
    assert.equal(await value("query", "files:url", { id: storageId }), null);
  });

  it("an upload by fetch() that is given up leaves nothing", async () => {
    const blobs = () => readdirSync(join(hull.server.dataDir, "storage/files")).length;
    const before = blobs();
    assert.equal(await value("action", "files:abortedUpload"), "AbortError");
    await until(() => readdirSync(join(hull.server.dataDir, "storage/.tmp")).length === 0, 60_000);
    assert.equal(blobs(), before);
  });

  it("HTTP actions store what they are sent, and answer with a file", async () => {
    const body = Buffer.alloc(1_500_000, "http");
    const stored = await fetch(`${hull.server.siteUrl}/store`, { method: "POST", body, headers: { "Content-Type": "text/html" } });
    const id = await stored.text();
    const answer = await fetch(`${hull.server.siteUrl}/file?id=${id}`);
    assert.equal(answer.headers.get("content-type"), "text/html");
    assert.equal(answer.headers.get("content-length"), `${body.length}`);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(body));
  });

  it("Node.js actions do the same", async () => {
    for (const [size, type] of [[0, ""], [10, "text/plain"], [1_000_000, "a/b"]]) {
      const result = await value("action", "node:roundTrip", { size, type });
      assert.deepEqual([result.same, result.size, result.served, result.type, result.gone], [true, size, size, type, null]);
      assert.equal(result.metadata.size, size);
      assert.equal((await fetch(result.url)).status, 404); // deleted at the end
      assert.equal((await fetch(result.uploadUrl, { method: "POST", body: "x" })).status, 200);
    }
    assert.match(await failure("action", "node:mismatch"), /Sha256 mismatch\. Expected: /);
  });
});
