// Stored files as administrators see them, and the removal of what no file needs any more (file-storage.md §7, system-functions.md §2.4).
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { sleep, until } from "./lib/server.mjs";

const hull = useApp("tests/apps/files", { env: { HULL_FILE_SWEEP_AGE_SECONDS: "3", WRITE_LOG_MAX_RETENTION_SECS: "3", WRITE_LOG_MIN_RETENTION_SECS: "1" } });
const call = async (kind, path, args) => (await hull.server.call(kind, path, args)).value;
const admin = (kind, name, args = {}) => hull.server.call(kind, `_system/frontend/fileStorageV2:${name}`, args, { key: true });
const seen = async (kind, name, args) => {
  const result = await admin(kind, name, args);
  assert.equal(result.status, "success", JSON.stringify(result));
  return result.value;
};
const upload = async (body, type) => {
  const response = await fetch(await call("mutation", "files:uploadUrl"), { method: "POST", body, headers: { "Content-Type": type } });
  return (await response.json()).storageId;
};
const blobs = () => readdirSync(join(hull.server.dataDir, "storage/files"));

describe("the dashboard's functions", () => {
  it("count, pages with URLs, one file", async () => {
    const ids = [];
    for (const type of ["a/one", "a/two", "a/three"]) ids.push(await upload(type, type));
    assert.equal(await seen("query", "numFiles"), 3);
    const first = await seen("query", "fileMetadata", { paginationOpts: { numItems: 2, cursor: null } });
    assert.deepEqual(first.page.map(({ _id, contentType }) => [_id, contentType]), [[ids[2], "a/three"], [ids[1], "a/two"]]);
    assert.equal(await (await fetch(first.page[0].url)).text(), "a/three");
    const rest = await seen("query", "fileMetadata", { paginationOpts: { numItems: 2, cursor: first.continueCursor } });
    assert.deepEqual([rest.page.map(({ _id }) => _id), rest.isDone], [[ids[0]], true]);
    const times = [...rest.page, ...first.page.toReversed()].map((file) => file._creationTime);
    const filtered = async (filters) => {
      const { page } = await seen("query", "fileMetadata", { paginationOpts: { numItems: 10, cursor: null }, filters });
      return page.map(({ _id }) => ids.indexOf(_id));
    };
    assert.deepEqual(await filtered({ order: "asc" }), [0, 1, 2]);
    assert.deepEqual(await filtered({ minCreationTime: times[1], order: "asc" }), [1, 2]);
    assert.deepEqual(await filtered({ maxCreationTime: times[1] }), [1, 0]);
    const file = await seen("query", "getFile", { storageId: ids[0] });
    assert.deepEqual([file._id, file.size, file.url], [ids[0], 5, rest.page[0].url]);
    assert.equal(await seen("query", "getFile", { storageId: "nonsense" }), null);
  });

  it("upload URL and deletion, with entries in the history", async () => {
    const url = await seen("mutation", "generateUploadUrl");
    const { storageId } = await (await fetch(url, { method: "POST", body: "x" })).json();
    const others = (await call("query", "files:list")).map((file) => file._id).filter((id) => id !== storageId);
    await seen("mutation", "deleteFile", { storageId });
    assert.match((await admin("mutation", "deleteFile", { storageId })).errorMessage, new RegExp(`storage id ${storageId} not found`));
    // All or nothing.
    assert.equal((await admin("mutation", "deleteFiles", { storageIds: [others[0], storageId] })).status, "error");
    assert.equal(await seen("query", "numFiles"), others.length);
    await seen("mutation", "deleteFiles", { storageIds: others });
    assert.equal(await seen("query", "numFiles"), 0);
    const entries = await hull.server.call("query", "_system/frontend/listDeploymentEventsFromTime", { fromTimestamp: 0 }, { key: true });
    const told = entries.value.map(({ action, metadata }) => [action, metadata.storage_ids]).filter(([action]) => /file|upload/.test(action));
    assert.deepEqual(told, [["generate_upload_url", undefined], ["delete_files", [storageId]], ["delete_files", others]]);
  });

  it("nobody without the admin key", async () => {
    const refused = await hull.server.call("query", "_system/frontend/fileStorageV2:numFiles");
    assert.equal(refused.status, "error");
    assert.match(refused.errorMessage, /Could not find/);
  });

  it("npx convex data shows the documents users see", async () => {
    const id = await upload("shown", "text/shown");
    const { code, stdout, all } = await hull.app.run(["data", "_storage", "--format", "jsonArray"]);
    assert.equal(code, 0, all);
    const [file] = JSON.parse(stdout);
    assert.deepEqual([file._id, file.contentType, file.size, "storageKey" in file], [id, "text/shown", 5, false]);
  });
});

describe("what no file needs", () => {
  it("is removed after a while; what is needed stays", async () => {
    const rows = async () => (await call("query", "files:list")).length;
    await until(async () => blobs().length === (await rows()), 60_000); // of the tests before
    const kept = await upload("kept", "a/b");
    const gone = await upload("gone", "a/b");
    const before = blobs().length;
    await hull.server.call("mutation", "files:keepAndFail"); // a blob without a row
    assert.equal(blobs().length, before + 1);
    await call("mutation", "files:remove", { id: gone });
    const files = await rows();
    await until(() => blobs().length === files, 60_000);
    await sleep(3000);
    assert.equal(blobs().length, files);
    assert.equal(await (await fetch(await call("query", "files:url", { id: kept }))).text(), "kept");
    await until(() => /Removed \d+ blobs of deleted or unfinished files/.test(hull.server.logText()), 60_000);
  });
});
