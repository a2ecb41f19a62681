// Functions over HTTP on a real server: values, database operations, validation, errors, actions, determinism.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";

const hull = useApp("tests/app");
const query = (path, args, options) => hull.server.call("query", path, args, options);
const mutation = (path, args, options) => hull.server.call("mutation", path, args, options);
const action = (path, args, options) => hull.server.call("action", path, args, options);
const value = (result) => {
  assert.equal(result.status, "success", JSON.stringify(result));
  return result.value;
};

describe("documents", () => {
  it("insert, get, patch, replace and delete", async () => {
    const id = value(await mutation("notes:add", { text: "one", rank: 1, tag: "t" }));
    assert.match(id, /^[0-9a-hjkmnp-tv-z]{32}$/);
    const note = value(await query("notes:get", { id }));
    assert.deepEqual({ ...note, _creationTime: 0 }, { _id: id, _creationTime: 0, text: "one", rank: 1, tag: "t" });
    assert.ok(Math.abs(note._creationTime - Date.now()) < 10_000);
    assert.equal(value(await mutation("notes:edit", { id, text: "uno" })).text, "uno");
    assert.equal("tag" in value(await mutation("notes:edit", { id, tag: null })), false);
    await mutation("notes:replace", { id, text: "new" });
    assert.equal(value(await query("notes:get", { id })).rank, -1);
    await mutation("notes:remove", { id });
    assert.equal(value(await query("notes:get", { id })), null);
  });

  it("normalizeId knows its own table only", async () => {
    const id = value(await mutation("notes:add", { text: "n", rank: 1 }));
    const other = value(await mutation("counters:bump", { name: "n" }));
    assert.equal(other, 1);
    assert.equal(value(await query("notes:normalize", { text: id })), id);
    assert.equal(value(await query("notes:normalize", { text: "nonsense" })), null);
    await mutation("notes:remove", { id });
  });

  it("indexes, filters, order and pagination", async () => {
    for (let rank = 0; rank < 25; rank++) value(await mutation("notes:add", { text: `p${rank}`, rank, tag: "page" }));
    const tagged = value(await query("notes:byTag", { tag: "page", least: 20 }));
    assert.deepEqual(tagged.map((note) => note.rank), [24, 23, 22, 21, 20]);
    assert.equal(value(await query("notes:filtered", { least: 7 })).rank, 7);
    let cursor = null;
    const seen = [];
    for (let pages = 0; pages < 10; pages++) {
      const page = value(await query("notes:page", { paginationOpts: { numItems: 10, cursor } }));
      seen.push(...page.page.map((note) => note.rank));
      cursor = page.continueCursor;
      if (page.isDone) break;
    }
    assert.deepEqual(seen, Array.from({ length: 25 }, (_, rank) => rank));
    const foreign = await query("notes:page", { paginationOpts: { numItems: 10, cursor: "bad" } });
    assert.match(foreign.errorMessage, /InvalidCursor|Failed to parse cursor/);
  });

  it("the schema is enforced on writes", async () => {
    const result = await mutation("notes:breakSchema");
    assert.equal(result.status, "error");
    assert.match(result.errorMessage, /Failed to insert or update a document in table "notes" because it does not match the schema/);
    assert.match(result.errorMessage, /Path: \.text\nValue: 5\.0\nValidator: v\.string\(\)/);
  });
});

describe("values", () => {
  it("every type makes the round trip", async () => {
    const all = {
      big: { $integer: "//////////8=" },
      zero: { $float: "AAAAAAAAAIA=" },
      bytes: { $bytes: "AQID" },
      list: [null, true, 1.5, "ü☃𝄞", { nested: {} }],
    };
    assert.deepEqual(value(await query("facts:echo", { value: all })), all);
    const clean = await hull.server.post("/api/query", { path: "facts:echo", args: { value: all }, format: "json" });
    assert.deepEqual((await clean.json()).value.big, "-1");
  });
});

describe("errors", () => {
  it("thrown errors carry a mapped stack and roll back", async () => {
    const before = value(await query("notes:list")).length;
    const result = await mutation("notes:fail");
    assert.match(result.errorMessage, /^\[Request ID: [0-9a-f]{16}\] Server Error\nUncaught Error: boom\n    at handler \(\.\.\/convex\/notes\.ts:\d+:\d+\)\n/);
    assert.equal("errorData" in result, false);
    const withData = await mutation("notes:fail", { data: { code: 7, what: "no" } });
    assert.deepEqual(withData.errorData, { code: 7, what: "no" });
    assert.match(withData.errorMessage, /Uncaught ConvexError: /);
    assert.equal(value(await query("notes:list")).length, before);
  });

  it("arguments and results are validated", async () => {
    const missing = await mutation("notes:add", { text: "x" });
    assert.match(
      missing.errorMessage,
      /ArgumentValidationError: Object is missing the required field `rank`\. Consider wrapping the field validator in `v\.optional\(\.\.\.\)` if this is expected\.\n\nObject: \{text: "x"\}\nValidator: v\.object\(\{rank: v\.float64\(\), tag: v\.optional\(v\.string\(\)\), text: v\.string\(\)\}\)/,
    );
    assert.match((await query("facts:badReturn")).errorMessage, /ReturnsValidationError: Value does not match validator\.\n\nValue: 5\.0\nValidator: v\.string\(\)/);
    assert.match((await query("notes:add", { text: "x", rank: 1 })).errorMessage, /Trying to execute notes\.js:add as Query, but it is defined as Mutation\./);
  });

  it("internal functions need an admin key", async () => {
    assert.match((await query("notes:secret")).errorMessage, /Could not find public function for 'notes:secret'/);
    assert.equal(value(await query("notes:secret", {}, { key: true })), "internal");
    assert.match((await hull.server.call("function", "notes:nope", {}, { key: true })).errorMessage, /Could not find function for 'notes:nope'/);
  });

  it("nested mutations roll back alone", async () => {
    const before = value(await query("notes:list")).length;
    assert.match(value(await mutation("facts:rollback")), /^Uncaught Error: boom\n    at handler/);
    assert.equal(value(await query("notes:list")).length, before + 1);
    assert.equal(value(await mutation("facts:viaQuery")), before + 2);
  });
});

describe("determinism", () => {
  it("state is fresh, time frozen, randomness seeded per run", async () => {
    assert.equal(value(await query("facts:fresh")), 1);
    assert.equal(value(await query("facts:fresh")), 1);
    const clock = value(await query("facts:clock"));
    assert.equal(clock.frozen, true);
    assert.ok(Math.abs(clock.now - Date.now()) < 20_000);
    const first = value(await query("facts:random", { salt: 1 }));
    const second = value(await query("facts:random", { salt: 2 }));
    assert.notDeepEqual(first, second);
    assert.ok(first.every((x) => x >= 0 && x < 1));
  });

  it("log lines", async () => {
    const result = await query("facts:logs");
    assert.deepEqual(result.logLines, ["[DEBUG] 'd' 1 {\n  a: [ 1, 2n ]\n}", "[WARN] 'w'", "[ERROR] 'e'"]);
  });

  it("no fetch in queries", async () => {
    assert.match((await query("facts:noFetch")).errorMessage, /Can't use fetch\(\) in queries and mutations\. Please consider using an action\./);
  });
});

describe("actions", () => {
  it("call queries and mutations", async () => {
    const { before, after } = value(await action("actions:relay", { text: "relayed" }));
    assert.equal(after, before + 1);
    assert.equal(value(await action("actions:nested")), "outer inner");
    assert.ok(value(await action("actions:nap", { ms: 60 })) >= 59);
    assert.match((await action("actions:explode")).errorMessage, /Uncaught Error: action boom\n    at handler/);
    assert.match(value(await action("facts:later")), /^[0-9a-f-]{36}$/);
  });

  it("fetch through the server", async () => {
    const peer = createServer((request, response) => {
      let body = "";
      request.on("data", (data) => (body += data));
      request.on("end", () => {
        if (request.url === "/moved") return response.writeHead(302, { Location: "/text" }).end();
        if (request.url === "/text") return response.writeHead(200, { "Content-Type": "text/plain" }).end(`from ${request.headers["x-from"]}`);
        response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ method: request.method, body }));
      });
    });
    await new Promise((done) => peer.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${peer.address().port}`;
    try {
      assert.deepEqual(value(await action("actions:get", { url: `${url}/moved` })), { status: 200, type: "text/plain", body: "from hull" });
      assert.deepEqual(value(await action("actions:post", { url, body: "payload ü" })), { method: "POST", body: "payload ü" });
    } finally {
      peer.close();
    }
    assert.equal((await action("actions:get", { url: `${url}/gone` })).status, "error");
  });
});
