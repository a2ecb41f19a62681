// Pushes that end early, and pushes at the same time: none of them harms what is deployed or the next push.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { App } from "./lib/cli.mjs";
import { useApp } from "./lib/fixture.mjs";
import { ROOT } from "./lib/server.mjs";
import { messagesSchema, write } from "./lib/source.mjs";

const DEPLOY = ["deploy", "-y", "--typecheck", "disable", "--codegen", "disable"];
const versionFile = (version) => ({
  "version.ts": `import { queryGeneric as query } from "convex/server";\nexport default query(async () => "${version}");\n`,
});
/** Serves documents whose `mark` is one letter, and an index of that name. */
const marked = (version, mark) => ({
  ...versionFile(version),
  "schema.ts": messagesSchema(`body: v.optional(v.any()), author: v.optional(v.string()), ${mark}: v.optional(v.literal("${mark}"))`, `.index("by_${mark}", ["${mark}"])`),
});

describe("pushes", { concurrency: false }, () => {
  const hull = useApp("tests/apps/push");
  let other;
  before(async () => {
    write(hull.app, versionFile("first"));
    await hull.app.push();
    other = new App(join(ROOT, "tests/apps/push"), hull.server);
    await other.push(["codegen", "--typecheck", "disable"]);
  });
  after(() => other?.remove());
  const deployed = async () => (await hull.server.call("query", "version")).value;
  const indexNames = async () => {
    const query = { path: "_system/frontend/indexes", args: { tableName: "messages", tableNamespace: null }, format: "json" };
    const { value } = await (await hull.server.post("/api/query", query, { key: true })).json();
    return value.map(({ name }) => name).sort();
  };

  // The CLI prints what it is about to do; with "Uploading" it sends start_push, with "Finalizing" finish_push.
  for (const [moment, mayBeDone] of [
    ["Uploading functions to Convex...", false],
    ["Pushing code to your Convex deployment...", false],
    ["Finalizing push...", true],
  ]) {
    it(`killed at "${moment}"`, async () => {
      const earlier = await deployed();
      const version = `killed at ${moment}`;
      write(hull.app, marked(version, "k"));
      const deploy = hull.app.follow(DEPLOY);
      await deploy.seen(moment);
      deploy.child.kill("SIGKILL");
      await new Promise((done) => deploy.child.once("exit", done));
      const now = await deployed();
      assert.ok(now === earlier || (mayBeDone && now === version), now);
      assert.equal((await hull.server.call("mutation", "messages:send", { body: moment })).status, "success");
      write(hull.app, { ...versionFile(`after ${moment}`), "schema.ts": messagesSchema("body: v.any()", '.index("by_body", ["body"])') });
      const next = await hull.app.run(DEPLOY);
      assert.equal(next.code, 0, next.all);
      assert.equal(await deployed(), `after ${moment}`);
      assert.deepEqual(await indexNames(), ["by_body"]);
    });
  }

  it("two at once, of different schemas: one wins entirely", async (t) => {
    for (let round = 0; round < 3; round++) {
      write(hull.app, marked(`a${round}`, "a"));
      write(other, marked(`b${round}`, "b"));
      const results = await Promise.all([hull.app.run(DEPLOY), other.run(DEPLOY)]);
      const won = results.filter(({ code }) => code === 0);
      assert.ok(won.length > 0, results.map(({ all }) => all).join("\n"));
      for (const { code, all } of results) {
        if (code === 0) continue;
        assert.match(all, /Schema was overwritten by another push\.|SchemaAlreadyOverwritten|ConcurrentPush|was dropped or changed meanwhile|MissingExistingModule|ExistingModuleHashConflict/);
      }
      t.diagnostic(`round ${round}: ${won.length} of 2 deployed`);
      const version = await deployed();
      const mark = version[0];
      assert.equal(version, `${mark}${round}`);
      assert.equal(results["ab".indexOf(mark)].code, 0);
      // Code, schema and indexes are of the same push.
      assert.deepEqual(await indexNames(), [`by_${mark}`]);
    }
  });

  it("two at once, of the same schema: both end well", async () => {
    const files = marked("same", "s");
    write(hull.app, files);
    write(other, files);
    const results = await Promise.all([hull.app.run(DEPLOY), other.run(DEPLOY)]);
    for (const { code, all } of results) {
      if (code !== 0) assert.match(all, /ConcurrentPush|SchemaAlreadyOverwritten/);
    }
    assert.ok(results.some(({ code }) => code === 0), results.map(({ all }) => all).join("\n"));
    assert.equal(await deployed(), "same");
    assert.deepEqual(await indexNames(), ["by_s"]);
  });
});
