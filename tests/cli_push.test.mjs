// `npx convex dev` while it watches: what it prints of index changes, and what it waits for after a push that failed.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { sleep, until } from "./lib/server.mjs";
import { messagesSchema, write } from "./lib/source.mjs";

const DEV = ["dev", "--typecheck", "disable", "--codegen", "disable", "--tail-logs", "disable"];
const READY = /Convex functions ready!/;

describe("dev", { concurrency: false }, () => {
  const hull = useApp("tests/apps/push");
  let dev;
  before(async () => {
    dev = hull.app.follow(DEV);
    await dev.seen(READY);
  });
  after(async () => await dev?.stop());
  beforeEach(() => (dev.output = ""));

  /** Saves files, waits for the next push to end, and gives what was printed. */
  async function save(files, end = READY) {
    dev.output = "";
    write(hull.app, files);
    await dev.seen(end);
    return dev.output;
  }
  const schema = (fields, rest) => ({ "schema.ts": messagesSchema(fields, rest) });
  const indexes = (rest) => save(schema("body: v.any(), author: v.optional(v.string())", rest));

  describe("index changes", () => {
    before(() =>
      write(hull.app, {
        "byBody.ts":
          'import { queryGeneric as query } from "convex/server";\n' +
          'export default query(async (ctx: any) => (await ctx.db.query("messages").withIndex("by_body").collect()).length);\n',
      }),
    );
    const byBody = async () => await hull.server.call("query", "byBody");

    it("added", async () => {
      assert.match(
        await indexes('.index("by_author", ["author"]).index("by_body", ["body"])'),
        /✔ Added table indexes:\n  \[\+\] messages\.by_body {3}body, _creationTime\n/,
      );
      assert.equal((await byBody()).value, 0);
    });
    it("staged: no longer queryable", async () => {
      assert.match(
        await indexes('.index("by_author", ["author"]).index("by_body", { fields: ["body"], staged: true })'),
        /✔ These indexes are now staged:\n  \[\*\] messages\.by_body {3}body, _creationTime/,
      );
      assert.equal((await byBody()).status, "error");
    });
    it("enabled again", async () => {
      assert.match(
        await indexes('.index("by_author", ["author"]).index("by_body", ["body"])'),
        /✔ These indexes are now enabled:\n  \[\*\] messages\.by_body {3}body, _creationTime\n/,
      );
      assert.equal((await byBody()).value, 0);
    });
    it("changed: deleted and added", async () => {
      const output = await indexes('.index("by_author", ["author"]).index("by_body", ["body", "author"])');
      assert.match(output, /✔ Deleted table indexes:\n  \[-\] messages\.by_body {3}body, _creationTime\n/);
      assert.match(output, /✔ Added table indexes:\n  \[\+\] messages\.by_body {3}body, author, _creationTime\n/);
    });
    it("added as staged", async () => {
      assert.match(
        await indexes('.index("by_body", ["body", "author"]).index("later", { fields: ["author", "body"], staged: true })'),
        /✔ Deleted table indexes:\n  \[-\] messages\.by_author {3}author, _creationTime\n✔ Added staged table indexes:\n  \[\+\] messages\.later {3}author, body, _creationTime {2}\(staged\)/,
      );
    });
    it("the schema is removed: the indexes are, the documents stay", async () => {
      await hull.server.call("mutation", "messages:send", { body: "kept" });
      const output = await save({ "schema.ts": null });
      assert.match(output, /Deleted table indexes:\n(  \[-\] messages\.(by_body|later) .*\n){2}/);
      assert.deepEqual((await hull.server.call("query", "messages:list")).value.map(({ body }) => body), ["kept"]);
      await indexes("");
    });
  });

  describe("a schema that a document breaks", () => {
    const numbers = schema("body: v.float64(), author: v.optional(v.string())");
    it("is pushed as soon as the document is mended", async () => {
      const [{ _id: id }] = (await hull.server.call("query", "messages:list")).value;
      const output = await save(numbers, "v.float64()\n");
      assert.match(
        output,
        new RegExp(
          `✖ Schema validation failed\\.\nDocument with ID "${id}" in table "messages" does not match the schema: Value does not match validator\\.\n` +
            `Path: \\.body\nValue: "kept"\nValidator: v\\.float64\\(\\)\n`,
        ),
      );
      // The old schema is still in force.
      assert.equal((await hull.server.call("mutation", "messages:mend", { id, body: "still" })).status, "success");
      // What is written before the CLI has subscribed to the table starts no push, so it is written until one starts.
      await until(async () => {
        assert.equal((await hull.server.call("mutation", "messages:mend", { id, body: 1 })).status, "success");
        await sleep(300);
        return READY.test(dev.output);
      }, 60_000);
      const refused = await hull.server.call("mutation", "messages:send", { body: "text" });
      assert.match(refused.errorMessage, /Failed to insert or update a document in table "messages" because it does not match the schema: /);
    });
    it("ends dev --once and deploy with status 1", async () => {
      const other = schema("body: v.boolean(), author: v.optional(v.string())");
      await dev.stop();
      write(hull.app, other);
      for (const command of [["dev", "--once"], ["deploy", "-y"]]) {
        const { code, all } = await hull.app.run([...command, "--typecheck", "disable", "--codegen", "disable"]);
        assert.equal(code, 1, all);
        assert.match(all, /✖ Schema validation failed\.\nDocument with ID/);
      }
      write(hull.app, schema("body: v.any(), author: v.optional(v.string())"));
      dev = hull.app.follow(DEV);
      await dev.seen(READY);
    });
  });

  describe("a variable that is missing", () => {
    const auth = { "auth.config.ts": 'export default { providers: [{ domain: process.env.ISSUER!, applicationID: "app" }] };' };
    const declared =
      'import { defineApp } from "convex/server";\nimport { v } from "convex/values";\n' +
      'export default defineApp({ env: { NEEDED: v.string(), ALSO: v.union(v.literal("a"), v.literal("b")), MAYBE: v.optional(v.string()) } });';

    it("in auth.config.ts: dev waits until it is set", async () => {
      const output = await save(auth, "npx convex env set");
      assert.match(output, /✖ Environment variable ISSUER is used in auth config file but its value was not set/);
      const once = await hull.app.run(["dev", "--once", "--typecheck", "disable", "--codegen", "disable"]);
      assert.equal(once.code, 1, once.all);
      dev.output = "";
      assert.equal((await hull.app.run(["env", "set", "ISSUER", "https://issuer.invalid"])).code, 0);
      await dev.seen(READY);
      const removed = await hull.app.run(["env", "remove", "ISSUER"]);
      assert.equal(removed.code, 1, removed.all);
      assert.match(removed.all, /AuthConfigMissingEnvironmentVariable/);
      await save({ "auth.config.ts": "export default { providers: [] };" });
      assert.equal((await hull.app.run(["env", "remove", "ISSUER"])).code, 0);
    });

    it("declared in convex.config.ts: dev waits until all are set", async () => {
      const output = await save({ "convex.config.ts": declared }, "ALSO <value>");
      assert.match(output, /✖ Environment variables NEEDED, ALSO are declared as required in convex\.config\.ts but their values were not set\./);
      const deployed = await hull.app.run(["deploy", "-y", "--typecheck", "disable", "--codegen", "disable"]);
      assert.equal(deployed.code, 1, deployed.all);
      assert.match(deployed.all, /NEEDED, ALSO are declared as required/);
      dev.output = "";
      assert.equal((await hull.app.run(["env", "set", "NEEDED", "x"])).code, 0);
      await dev.seen("Environment variable ALSO is declared as required in convex.config.ts but its value was not set.");
      assert.equal((await hull.app.run(["env", "set", "ALSO", "a"])).code, 0);
      await dev.seen(READY);
      const invalid = await hull.app.run(["env", "set", "ALSO", "c"]);
      assert.equal(invalid.code, 1, invalid.all);
      assert.match(invalid.all, /InvalidEnvironmentVariable: Environment variable ALSO does not match its declared validator/);
    });
  });
});
