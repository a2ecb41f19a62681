// Stored files when something goes wrong below them: a full disk, a lost blob, the end of the server, a second one.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { App } from "./lib/cli.mjs";
import { rawRequest } from "./lib/raw_http.mjs";
import { HULL, HullServer, ROOT, until } from "./lib/server.mjs";
import { SmallDisk, whyNoSmallDisk } from "./lib/small_disk.mjs";

const patience = 60_000;

/** A server with tests/apps/files whose files are below `storage`. */
function useServer(storage, env = {}) {
  const made = {};
  before(async () => {
    made.storage = storage();
    made.server = await HullServer.start({ env, args: made.storage ? ["--local-storage", made.storage] : [] });
    made.storage ??= join(made.server.dataDir, "storage");
    made.app = new App(join(ROOT, "tests/apps/files"), made.server);
    await made.app.push();
  });
  after(async () => {
    made.app?.remove();
    await made.server?.stop();
  });
  made.call = async (kind, path, args) => (await made.server.call(kind, path, args)).value;
  made.entries = (directory) => readdirSync(join(made.storage, directory));
  made.send = async (body) => fetch(await made.call("mutation", "files:uploadUrl"), { method: "POST", body });
  made.store = async (body) => (await (await made.send(body)).json()).storageId;
  made.url = (id) => made.call("query", "files:url", { id });
  /** An upload that announces `size` bytes and sends `sent` of them. */
  made.begin = async (size, sent) => {
    const path = (await made.call("mutation", "files:uploadUrl")).slice(made.server.url.length);
    const raw = rawRequest(made.server.port, [`POST ${path} HTTP/1.1`, "Host: x", `Content-Length: ${size}`], Buffer.alloc(sent));
    await until(() => made.entries(".tmp").length === 1, patience);
    return raw;
  };
  return made;
}

describe("lost and damaged blobs", () => {
  const hull = useServer(() => undefined);
  const internal = "Your request couldn't be completed. Try again later.";

  for (const [what, damage] of [["missing", rmSync], ["damaged", (path) => truncateSync(path, 3)]]) {
    it(`a ${what} blob is an internal error, told in the log and without its name`, async () => {
      await hull.store("another");
      const known = new Set(hull.entries("files"));
      const id = await hull.store("hello");
      const url = await hull.url(id);
      const [blob] = hull.entries("files").filter((name) => !known.has(name));
      damage(join(hull.storage, "files", blob));
      for (const method of ["GET", "HEAD"]) {
        const answer = await fetch(url, { method });
        assert.equal(answer.status, 500);
        if (method === "GET") assert.deepEqual(await answer.json(), { code: "InternalServerError", message: internal });
      }
      const action = await hull.server.call("action", "files:everything", { id });
      assert.match(action.errorMessage, new RegExp(internal));
      assert.ok(!action.errorMessage.includes(blob.slice(0, 36)));
      await until(() => hull.server.logLines().filter((line) => line.includes(`stored file is ${what}`)).length >= 3, patience);
      // The row can still be deleted.
      assert.equal((await hull.server.call("mutation", "files:remove", { id })).status, "success");
    });
  }

  it("a download goes on when its file is deleted, a new one is refused", async () => {
    const body = Buffer.alloc(8_000_000, "delete me");
    const id = await hull.store(body);
    const url = await hull.url(id);
    const answer = await fetch(url);
    const reader = answer.body.getReader();
    const parts = [(await reader.read()).value];
    await hull.call("mutation", "files:remove", { id });
    assert.equal((await fetch(url)).status, 404);
    for (let part; !(part = await reader.read()).done; ) parts.push(part.value);
    assert.ok(Buffer.concat(parts).equals(body));
  });
});

describe("the end of the server", () => {
  const hull = useServer(() => undefined, { BACKEND_REQUEST_DRAIN_TIMEOUT: "1" });

  it("an upload that is still coming is given up and leaves nothing", async () => {
    const raw = await hull.begin(5_000_000, 1_000_000);
    const files = hull.entries("files").length;
    assert.deepEqual(await hull.server.kill("SIGTERM"), { code: 0, signal: null });
    await raw.closed;
    assert.ok(!raw.text.includes("storageId"));
    assert.deepEqual([hull.entries(".tmp"), hull.entries("files").length], [[], files]);
    await hull.server.launch();
  });

  it("a second server does not touch the storage of the first", async () => {
    const raw = await hull.begin(2_000_000, 1_000_000);
    const other = join(hull.server.dataDir, "other");
    const second = promisify(execFile)(HULL, ["serve", "--data-dir", other, "--interface", "127.0.0.1", "--port", "0", "--site-port", "0", "--local-storage", hull.storage]);
    await assert.rejects(second, (error) => error.code === 1 && /The storage directory .* is in use: another Hull server holds /.test(error.stderr));
    raw.send(Buffer.alloc(1_000_000));
    await raw.seen("storageId", patience);
    raw.socket.destroy();
  });
});

const whyNot = whyNoSmallDisk();
describe("a full disk", { skip: whyNot ?? false }, () => {
  const megabyte = 1 << 20;
  let disk;
  const hull = useServer(() => join((disk = new SmallDisk(64)).path, "storage"));
  after(() => disk?.unmount());
  const refused = { code: "DiskFull", message: "There is no space left for files." };

  it("what does not fit is refused and leaves nothing; what fits is stored", async () => {
    const large = await hull.send(Buffer.alloc(80 * megabyte));
    assert.deepEqual([large.status, await large.json()], [503, refused]);
    assert.deepEqual(hull.entries(".tmp"), []);
    assert.equal((await hull.send(Buffer.alloc(20 * megabyte))).status, 200);
    assert.equal(hull.entries("files").length, 1);
  });

  it("a disk that fills up in the middle of an upload", async () => {
    const raw = await hull.begin(8 * megabyte, megabyte);
    disk.fill();
    raw.send(Buffer.alloc(7 * megabyte));
    await raw.seen(JSON.stringify(refused), patience);
    assert.match(raw.text, /^HTTP\/1\.1 503 /);
    raw.socket.destroy();
    await until(() => hull.entries(".tmp").length === 0, patience);
    for (const size of [10, megabyte]) {
      const inAction = await hull.server.call("action", "files:make", { size, type: "" });
      assert.match(inAction.errorMessage, /There is no space left for files\./);
    }
    assert.equal(hull.entries("files").length, 1);
    disk.empty();
    assert.equal((await hull.send("there is space again")).status, 200);
  });
});
