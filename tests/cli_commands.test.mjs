// Commands of `npx convex` that only look or call, against one deployment: their options, texts and exit codes.
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { join } from "node:path";
import { useApp } from "./lib/fixture.mjs";
import { sleep, until } from "./lib/server.mjs";
import { write } from "./lib/source.mjs";

let hull;

/** Runs a command line, and checks its exit code and what it printed. */
async function expect([args, code, ...patterns], options) {
  const result = await hull.app.run(args, options);
  assert.equal(result.code, code, `convex ${args.join(" ")}\n${result.all}`);
  for (const pattern of patterns) assert.match(result.all, pattern, `convex ${args.join(" ")}`);
  return result;
}
const each = (rows) => {
  for (const row of rows) it(row[0].join(" "), async () => void (await expect(row)));
};
const rows = async (...args) => (await expect([["data", ...args], 0])).stdout;

describe("convex commands", { concurrency: false }, () => {
  hull = useApp("tests/app", { push: false });
  before(async () => {
    write(hull.app, {
      "long.ts":
        'import { action } from "./_generated/server";\n' +
        "export default action(async () => {\n" +
        '  console.warn("begun", 1);\n' +
        "  await new Promise((done) => setTimeout(done, 60_000));\n" +
        "});\n",
    });
    await hull.app.push();
    for (const [rank, text] of ["first", "second", "third"].entries()) await hull.server.call("mutation", "notes:add", { text, rank });
  });

  describe("run", { concurrency: 2 }, () => {
    each([
      [["run", "notes:add", '{"text":1,"rank":1}'], 1, /Failed to run function "notes:add":\nError: \[Request ID: [0-9a-f]{16}\] Server Error\nArgumentValidationError: Value does not match validator\.\nPath: \.text\nValue: 1\.0\nValidator: v\.string\(\)/],
      [["run", "notes:add", "{bad"], 1, /✖ Failed to parse arguments as JSON: "\{bad"/],
      [["run", "notes:byTag", "{tag: 'x', least: 1}"], 0, /^\[\]$/m],
      [["run", "nomodule:x"], 1, /Could not find function for 'nomodule:x'\. Did you forget to run `npx convex dev`\?\n\nAvailable functions:\n[\s\S]*• notes:list\n/],
      [["run", "--component", "nope", "notes:list"], 1, /Component path 'nope' not found/],
      [["run", "--identity", "{bad", "facts:whoami"], 1, /✖ Failed to parse identity as JSON/],
      [["run", "--inline-query", "1", "notes:list"], 1, /accepts either <functionName> or `--inline-query`, not both/],
      [["run", "actions:explode"], 1, /Uncaught Error: action boom\n {4}at handler \(\.\.\/convex\/actions\.ts:50:\d+\)/],
    ]);
  });

  describe("data", { concurrency: 2 }, () => {
    const texts = (out) => [...out.matchAll(/"(first|second|third)"/g)].map(([, text]) => text);
    it("newest first; --order asc, --limit", async () => {
      assert.deepEqual(texts(await rows("notes")), ["third", "second", "first"]);
      assert.deepEqual(texts(await rows("notes", "--order", "asc")), ["first", "second", "third"]);
      const limited = await expect([["data", "notes", "--limit", "2"], 0, /Showing the 2 most recently created documents/]);
      assert.deepEqual(texts(limited.stdout), ["third", "second"]);
    });
    it("--format", async () => {
      const array = JSON.parse(await rows("notes", "--format", "jsonArray"));
      assert.deepEqual(array.map(({ text, rank }) => [text, rank]), [["third", 2], ["second", 1], ["first", 0]]);
      assert.ok(array.every(({ _id, _creationTime }) => /^[a-z0-9]{32}$/.test(_id) && _creationTime > 1.7e12));
      const lines = (await rows("notes", "--format", "jsonl", "--limit", "1")).trim().split("\n");
      assert.deepEqual(lines.map((line) => JSON.parse(line).text), ["third"]);
    });
    each([
      [["data", "counters"], 0, /There are no documents in this table\./],
      [["data", "unheard_of"], 0, /There are no documents in this table\./],
      [["data", "_storage"], 0, /There are no documents in this table\./],
      [["data", "_scheduled_functions"], 0, /There are no documents in this table\./],
      [["data", "notes", "--format", "yaml"], 1, /Allowed choices are jsonArray, json, jsonLines, jsonl, pretty/],
    ]);
  });

  describe("logs", { concurrency: false }, () => {
    it("--history n --jsonl, then what happens, an action's lines while it runs", async () => {
      await hull.server.call("query", "facts:logs");
      await hull.server.call("mutation", "notes:fail");
      const logs = hull.app.follow(["logs", "--history", "2", "--jsonl"]);
      const entries = () => logs.output.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
      try {
        await logs.seen(/"identifier":"notes:fail".*\n/);
        const [shown, failed] = entries();
        assert.deepEqual(
          [shown.kind, shown.udfType, shown.identifier, shown.logLines.map(({ level, messages }) => [level, ...messages])],
          ["Completion", "Query", "facts:logs", [["DEBUG", "'d'", "1", "{\n  a: [ 1, 2n ]\n}"], ["WARN", "'w'"], ["ERROR", "'e'"]]],
        );
        assert.equal(failed.identifier, "notes:fail");
        assert.match(failed.error, /^Uncaught Error: boom/);
        assert.equal(entries().length, 2);
        const running = hull.server.post("/api/action", { path: "long", args: {}, format: "json" }).catch(() => {});
        await logs.seen(/"kind":"Progress".*"identifier":"long".*\n/);
        const progress = entries().find(({ kind }) => kind === "Progress");
        assert.deepEqual(progress.logLines.map(({ level, messages }) => [level, ...messages]), [["WARN", "'begun'", "1"]]);
        void running;
      } finally {
        await logs.stop();
      }
    });
    it("errors are shown without --success, and the calls that succeed are not", async () => {
      const logs = hull.app.follow(["logs"]);
      try {
        await logs.seen("Watching logs");
        await until(async () => {
          await hull.server.call("query", "counters:get", { name: `n${Math.random()}` });
          await hull.server.call("mutation", "notes:fail");
          await sleep(200);
          return logs.output.includes("(notes:fail)]");
        });
        assert.match(logs.output, /\[CONVEX .\(notes:fail\)\] Uncaught Error: boom/);
        assert.doesNotMatch(logs.output, /counters:get/);
      } finally {
        await logs.stop();
      }
    });
  });

  describe("env", { concurrency: false }, () => {
    it("values of several lines, lists, files, refusals", async () => {
      await expect([["env", "set", "LINES", "a\nb"], 0, /✔ Successfully set LINES/]);
      assert.equal((await expect([["env", "get", "LINES"], 0])).stdout, "a\nb\n");
      writeFileSync(join(hull.app.dir, "vars"), 'ONE=1\nTWO="two words"\n');
      await expect([["env", "set", "--from-file", "vars"], 0]);
      assert.deepEqual((await expect([["env", "list", "--names-only"], 0])).stdout.trim().split("\n"), ["LINES", "ONE", "TWO"]);
      const listed = (await expect([["env", "list", "--include-values"], 0])).stdout;
      assert.match(listed, /LINES='a\nb'\nONE=1\nTWO=('|")?two words/);
      await expect([["env", "get", "NOPE"], 0, /✖ Environment variable "NOPE" not found/]);
      await expect([["env", "get", "CONVEX_CLOUD_URL"], 0, new RegExp(hull.server.url)]);
      await expect([["env", "set", "1X", "y"], 1, /400 Bad Request: EnvironmentVariableNameInvalid: /]);
      await expect([["env", "set", "CONVEX_CLOUD_URL", "y"], 1, /400 Bad Request: /]);
    });
  });

  describe("function-spec and network-test", { concurrency: 2 }, () => {
    it("function-spec --file", async () => {
      await expect([["function-spec", "--file"], 0, /Wrote function spec to function_spec_\d+\.json/]);
      const [name] = readdirSync(hull.app.dir).filter((file) => file.startsWith("function_spec_"));
      const { url, functions } = JSON.parse(readFileSync(join(hull.app.dir, name), "utf8"));
      assert.equal(url, hull.server.url);
      const secret = functions.find(({ identifier }) => identifier === "notes.js:secret");
      assert.deepEqual([secret.functionType, secret.visibility.kind], ["Query", "internal"]);
    });
    each([[["network-test"], 0, /✔ OK: HTTP check/, /✔ OK: WebSocket connection established/, /✔ OK: echo 4 MiB/, /✔ Network test passed\./]]);
  });

  describe("what a self-hosted deployment does not have", { concurrency: 2 }, () => {
    before(() => writeFileSync(join(hull.app.dir, "rows.jsonl"), '{"text":"x","rank":1}\n'));
    each([
      [["insights"], 1, /Insights are only available for cloud deployments/],
      [["dashboard"], 0, /`npx convex dashboard` is not supported for self-hosted deployments/],
      [["login", "status"], 0, /Status: Not logged in/],
      [["env", "default", "list"], 1, /Default environment variables are only available for cloud projects/],
      [["deployment", "select", "dev"], 1, /cannot be used with a self-hosted deployment/],
      [["deployment", "create", "dev/x"], 1, /requires logging in/],
      [["project", "create"], 1, /requires logging in/],
      [["data", "--prod"], 1, /cannot be used with a self-hosted deployment/],
      [["deploy", "--preview-create", "x"], 1, /Preview deployments can only be created with preview deploy keys/],
      [["export", "--path", "out.zip"], 1, /400 Bad Request: NotImplementedYet: Snapshot export: this version of the server does not support it yet\./],
      [["import", "--append", "-y", "--table", "notes", "rows.jsonl"], 1, /400 Bad Request: NotImplementedYet: Snapshot import: this version of the server does not support it yet\./],
    ]);
  });
});
