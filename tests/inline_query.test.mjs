// Ad-hoc queries: `npx convex run --inline-query` and what the route behind it refuses.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";

const hull = useApp("tests/app");
const preamble = 'import { query, mutation } from "convex:/_system/repl/wrappers.js";\n';

async function run(source, fields = {}) {
  const body = { adminKey: hull.server.adminKey, args: {}, bundle: { path: "testQuery.js", source }, format: "convex_encoded_json", ...fields };
  const response = await hull.server.post("/api/run_test_function", body);
  return { http: response.status, ...(await response.json()) };
}

describe("ad-hoc queries", () => {
  before(async () => {
    for (const rank of [1, 2, 3]) await hull.server.call("mutation", "notes:add", { text: `note ${rank}`, rank });
  });

  describe("npx convex run --inline-query", () => {
    it("an expression", async () => {
      const result = await hull.app.run(["run", "--inline-query", 'await ctx.db.query("notes").collect()']);
      assert.equal(result.code, 0, result.all);
      assert.deepEqual(JSON.parse(result.stdout).map((note) => note.text), ["note 1", "note 2", "note 3"]);
    });
    it("statements, with log lines", async () => {
      const result = await hull.app.run(["run", "--inline-query", 'const n = await ctx.db.query("notes").first(); console.log("saw", n.text); return n.rank;']);
      assert.equal(result.code, 0, result.all);
      assert.equal(result.stdout.trim(), "1");
      assert.match(result.all, /saw.*note 1/);
    });
  });

  describe("POST /api/run_test_function", () => {
    it("runs with arguments, other modules, the newest data and a new source each time", async () => {
      const source = `${preamble}export default query({ handler: async (ctx, { least }) => (await ctx.db.query("notes").collect()).filter((n) => n.rank >= least).length });`;
      assert.deepEqual(await run(source, { args: { least: 2 } }), { http: 200, status: "success", value: 2 });
      await hull.server.call("mutation", "notes:add", { text: "late", rank: 9 });
      assert.deepEqual(await run(source, { args: [{ least: 2 }] }), { http: 200, status: "success", value: 3 });
      const imports = 'import { api } from "./_generated/api.js";\n';
      const nested = `${preamble}export default query({ handler: async (ctx) => ctx.runQuery("facts:echo", { value: 7 }) });`;
      assert.match((await run(imports + nested)).message, /Could not analyze the given module:\n/);
      assert.equal((await run(nested)).value, 7);
    });
    it("cannot write", async () => {
      const result = await run(`${preamble}export default query({ handler: async (ctx) => ctx.runMutation("notes:add", { text: "x", rank: 1 }) });`);
      assert.equal(result.http, 200);
      assert.equal(result.status, "error");
      const insert = await run(`${preamble}export default query({ handler: async (ctx) => ctx.db.insert("notes", { text: "x", rank: 1 }) });`);
      assert.equal(insert.status, "error");
      assert.equal((await hull.server.call("query", "notes:list")).value.filter((note) => note.text === "x").length, 0);
    });
    it("errors of the query are in the body", async () => {
      const result = await run(`${preamble}export default query({ handler: async () => { throw new Error("boom"); } });`);
      assert.deepEqual([result.http, result.status], [200, "error"]);
      assert.match(result.errorMessage, /^\[Request ID: [0-9a-f]{16}\] Server Error\nUncaught Error: boom\n/);
      const endless = await run(`${preamble}export default query({ handler: async () => { for (;;); } });`);
      assert.match(endless.errorMessage, /Function execution timed out/);
    });
    it("what is no single query is refused", async () => {
      for (const [source, code, message] of [
        ["export default 5;", "InvalidTestQuery", "Default export is not a Convex function."],
        [`${preamble}export const other = query(() => 1);`, "InvalidTestQuery", "Only `export default` is supported."],
        [`${preamble}export default mutation(() => 1);`, "UnsupportedTestQuery", "Mutations are not supported in the REPL yet."],
        ["this is no module", "InvalidModules", /^Could not analyze the given module:\n/],
      ]) {
        const result = await run(source);
        assert.deepEqual([result.http, result.code], [400, code], source);
        if (message instanceof RegExp) assert.match(result.message, message);
        else assert.equal(result.message, message);
      }
      const source = `${preamble}export default query(() => 1);`;
      assert.equal((await run(source, { format: undefined })).code, "BadJsonBody");
      assert.equal((await run(source, { bundle: { path: "_system/x.js", source } })).code, "InvalidModules");
      assert.deepEqual((({ http, code }) => [http, code])(await run(source, { adminKey: "bad" })), [403, "BadDeployKey"]);
    });
  });
});
