// The unmodified CLI against a real server, command by command.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { join } from "node:path";
import { useApp } from "./lib/fixture.mjs";
import { sleep } from "./lib/server.mjs";

const hull = useApp("tests/app", { push: false });
const edit = (file, from, to) => {
  const path = join(hull.app.dir, "convex", file);
  const text = readFileSync(path, "utf8");
  assert.ok(text.includes(from), `${file} contains ${from}`);
  writeFileSync(path, text.replace(from, to));
};

describe("convex CLI", { concurrency: false }, () => {
  it("dev --once pushes and writes _generated and .env.local", async () => {
    const { code, all } = await hull.app.run(["dev", "--once"]);
    assert.equal(code, 0, all);
    assert.match(all, /Convex functions ready!/);
    assert.match(all, /Added table indexes:/);
    assert.ok(existsSync(join(hull.app.dir, "convex/_generated/api.d.ts")));
    assert.match(readFileSync(join(hull.app.dir, ".env.local"), "utf8"), new RegExp(`CONVEX_URL=${hull.server.url}`));
  });

  it("run: all kinds, identity, push, unknown functions", async () => {
    assert.equal((await hull.app.run(["run", "notes:add", '{"text":"from cli","rank":1}'])).code, 0);
    const listed = await hull.app.run(["run", "notes:list"]);
    assert.equal(JSON.parse(listed.stdout)[0].text, "from cli");
    const relayed = await hull.app.run(["run", "actions:relay", '{"text":"x"}']);
    assert.deepEqual(JSON.parse(relayed.stdout), { before: 1, after: 2 });
    assert.equal((await hull.app.run(["run", "notes:secret"])).stdout.trim(), '"internal"');
    const me = await hull.app.run(["run", "--identity", '{"name":"Ada","subject":"u1"}', "facts:whoami"]);
    assert.deepEqual({ ...JSON.parse(me.stdout) }, {
      name: "Ada",
      subject: "u1",
      issuer: "https://convex.test",
      tokenIdentifier: "https://convex.test|u1",
    });
    const failed = await hull.app.run(["run", "notes:fail"]);
    assert.equal(failed.code, 1);
    assert.match(failed.all, /Uncaught Error: boom/);
    const unknown = await hull.app.run(["run", "notes:missing"]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.all, /Could not find function/);
    assert.match(unknown.all, /notes:add/);
    edit("facts.ts", 'handler: async () => ++calls', 'handler: async () => ++calls + 10');
    const pushed = await hull.app.run(["run", "--push", "facts:fresh"]);
    assert.equal(pushed.code, 0, pushed.all);
    assert.match(pushed.stdout, /11/);
  });

  it("run --watch shows changes", async () => {
    const watching = hull.app.follow(["run", "--watch", "counters:get", '{"name":"watched"}']);
    try {
      await watching.seen(/^0$/m);
      await hull.server.call("mutation", "counters:bump", { name: "watched" });
      await watching.seen(/^1$/m);
    } finally {
      await watching.stop();
    }
  });

  it("env set, get, list, remove; functions see the change", async () => {
    assert.equal((await hull.app.run(["env", "set", "FLAVOUR", "vanilla"])).code, 0);
    assert.equal((await hull.app.run(["env", "get", "FLAVOUR"])).stdout.trim(), "vanilla");
    assert.match((await hull.app.run(["env", "list"])).stdout, /FLAVOUR/);
    assert.equal((await hull.server.call("query", "facts:env")).value, "vanilla");
    assert.equal((await hull.app.run(["env", "remove", "FLAVOUR"])).code, 0);
    assert.equal((await hull.server.call("query", "facts:env")).value, null);
    const bad = await hull.server.post("/api/update_environment_variables", { changes: [{ name: "1X", value: "y" }] }, { key: true });
    assert.equal(bad.status, 400);
    assert.equal((await bad.json()).code, "EnvironmentVariableNameInvalid");
  });

  it("data lists tables and documents", async () => {
    const tables = await hull.app.run(["data"]);
    assert.match(tables.stdout, /counters[\s\S]*notes/);
    const rows = await hull.app.run(["data", "notes"]);
    assert.equal(rows.code, 0, rows.all);
    assert.match(rows.stdout, /from cli/);
  });

  it("logs --history shows executions", async () => {
    const logs = hull.app.follow(["logs", "--history", "50", "--success"]);
    try {
      await logs.seen(/\[CONVEX M\(notes:add\)\]/);
      await hull.server.call("mutation", "notes:add", { text: "logged", rank: 2 });
      await logs.seen(/'adding' 'logged'/);
    } finally {
      await logs.stop();
    }
  });

  it("function-spec and codegen", async () => {
    const spec = await hull.app.run(["function-spec"]);
    assert.equal(spec.code, 0, spec.all);
    const parsed = JSON.parse(spec.stdout);
    assert.equal(parsed.url, hull.server.url);
    const add = parsed.functions.find((entry) => entry.identifier === "notes.js:add");
    assert.equal(add.functionType, "Mutation");
    assert.deepEqual(add.visibility, { kind: "public" });
    assert.equal((await hull.app.run(["codegen"])).code, 0);
  });

  it("deploy", async () => {
    const { code, all } = await hull.app.run(["deploy", "-y"]);
    assert.equal(code, 0, all);
    assert.match(all, /Deployed Convex functions to/);
  });

  it("push errors name the file and the reason", async () => {
    writeFileSync(join(hull.app.dir, "convex/broken.ts"), 'export const x = 1;\nthrow new Error("at import");\n');
    const { code, all } = await hull.app.run(["dev", "--once", "--typecheck", "disable"]);
    assert.equal(code, 1);
    assert.match(all, /InvalidModules: Hit an error while pushing:/);
    assert.match(all, /Failed to analyze broken\.js: Uncaught Error: at import\n\s+at .*convex\/broken\.ts:2/);
    writeFileSync(join(hull.app.dir, "convex/broken.ts"), "export const x = 1;\n");
  });

  it("a schema that existing documents break is refused and the old one serves on", async () => {
    edit("schema.ts", "rank: v.number()", "rank: v.string()");
    const { code, all } = await hull.app.run(["deploy", "-y", "--typecheck", "disable"]);
    assert.equal(code, 1);
    assert.match(all, /Schema validation failed/);
    assert.match(all, /Document with ID "[^"]+" in table "notes" does not match the schema/);
    edit("schema.ts", "rank: v.string()", "rank: v.number()");
    assert.equal((await hull.server.call("mutation", "notes:add", { text: "still", rank: 3 })).status, "success");
  });

  it("dev watches files, pushes changes and drops an index", async () => {
    const dev = hull.app.follow(["dev", "--typecheck", "disable"]);
    try {
      await dev.seen("Convex functions ready!");
      await sleep(1000);
      edit("facts.ts", "++calls + 10", "++calls + 20");
      await dev.seen(/ready![\s\S]*ready!/);
      assert.equal((await hull.server.call("query", "facts:fresh")).value, 21);
      edit("schema.ts", '.index("by_rank", ["rank"])', '.index("by_rank", ["rank"]).index("by_text", ["text"])');
      await dev.seen(/notes\.by_text/);
    } finally {
      await dev.stop();
    }
  });

  it("a wrong key is refused at once", async () => {
    const started = Date.now();
    const { code, all } = await hull.app.run(["dev", "--once"], { env: { CONVEX_SELF_HOSTED_ADMIN_KEY: "wrong|00ff" } });
    assert.notEqual(code, 0);
    assert.match(all, /admin key|401|BadAdminKey/i);
    assert.ok(Date.now() - started < 20_000);
  });
});
