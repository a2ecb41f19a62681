// `npx convex deploy` and `codegen`: options, exit codes, and that what only looks changes nothing.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { before, describe, it } from "node:test";
import { join } from "node:path";
import { useApp } from "./lib/fixture.mjs";
import { ROOT } from "./lib/server.mjs";
import { messagesSchema, write } from "./lib/source.mjs";

const FAST = ["--typecheck", "disable", "--codegen", "disable"];
const twoIndexes = messagesSchema("body: v.any(), author: v.optional(v.string())", '.index("by_author", ["author"]).index("by_body", ["body"])');
const noIndex = messagesSchema("body: v.any(), author: v.optional(v.string())");

describe("deploy", { concurrency: false }, () => {
  const hull = useApp("tests/apps/push");
  const deploy = (args = [], options = {}) => hull.app.run(["deploy", "-y", ...FAST, ...args], options);
  const modules = async () => (await (await hull.server.post("/api/get_config_hashes", { version: "1.48.0", adminKey: hull.server.adminKey })).json()).moduleHashes;
  const versionFile = (version) => ({
    "version.ts": `import { queryGeneric as query } from "convex/server";\nexport default query(async () => ${version});\n`,
  });
  const deployed = async () => (await hull.server.call("query", "version")).value;

  before(async () => {
    write(hull.app, versionFile(1));
    assert.equal((await deploy()).code, 0);
    for (const body of ["a", "b", "c"]) await hull.server.call("mutation", "messages:send", { body });
  });

  it("says where the code went", async () => {
    const { code, all } = await deploy();
    assert.equal(code, 0, all);
    assert.match(all, new RegExp(`✔ Deployed Convex functions to ${hull.server.url}\n`));
  });

  describe("changes nothing", () => {
    const unchanged = async (run) => {
      const earlier = await modules();
      write(hull.app, { ...versionFile(2), "schema.ts": twoIndexes });
      await run();
      assert.deepEqual(await modules(), earlier);
      assert.equal(await deployed(), 1);
      write(hull.app, versionFile(1));
    };
    it("with --dry-run, which says what it would do", async () =>
      await unchanged(async () => {
        const { code, all } = await deploy(["--dry-run"]);
        assert.equal(code, 0, all);
        assert.match(all, /✔ Would add table indexes:\n  \[\+\] messages\.by_body {3}body, _creationTime\n/);
        assert.match(all, new RegExp(`✔ Would have deployed Convex functions to ${hull.server.url}\n`));
      }));
    it("with --dry-run and a schema that documents break: status 1", async () =>
      await unchanged(async () => {
        write(hull.app, { "schema.ts": messagesSchema("body: v.null()") });
        const { code, all } = await deploy(["--dry-run"]);
        assert.equal(code, 1, all);
        assert.match(all, /Schema validation failed/);
        assert.equal((await hull.server.call("mutation", "messages:send", { body: "text" })).status, "success");
      }));
    it("codegen writes _generated", async () =>
      await unchanged(async () => {
        const generated = join(hull.app.dir, "convex/_generated/api.d.ts");
        rmSync(generated);
        const printed = await hull.app.run(["codegen", "--dry-run", "--typecheck", "disable"]);
        assert.equal(printed.code, 0, printed.all);
        assert.match(printed.all, /Command would write file: .*_generated\/api\.d\.ts/);
        assert.equal(existsSync(generated), false);
        const written = await hull.app.run(["codegen", "--typecheck", "disable"]);
        assert.equal(written.code, 0, written.all);
        assert.match(readFileSync(generated, "utf8"), /typeof version/);
        assert.equal((await hull.server.call("mutation", "messages:send", { body: "text" })).status, "success");
      }));
    it("codegen of code that does not load: the server's text, status 1", async () =>
      await unchanged(async () => {
        write(hull.app, { "bad.ts": 'export {};\nthrow new Error("no");\n' });
        const { code, all } = await hull.app.run(["codegen", "--typecheck", "disable"]);
        write(hull.app, { "bad.ts": null });
        assert.equal(code, 1, all);
        assert.match(all, /Failed to analyze bad\.js: Uncaught Error: no\n    at \.\.\/convex\/bad\.ts:2:7/);
      }));
    it("when the command of --cmd fails: status 1", async () =>
      await unchanged(async () => {
        const { code, all } = await deploy(["--cmd", "exit 3"]);
        assert.equal(code, 1, all);
        assert.match(all, /'exit 3' failed/);
      }));
    it("with a message of more than 1024 bytes: status 1", async () =>
      await unchanged(async () => {
        const { code, all } = await deploy(["--message", "é".repeat(513)]);
        assert.equal(code, 1, all);
        assert.match(all, /400 Bad Request: PushMessageTooLong: Push messages can be at most 1024 bytes long/);
      }));
    it("with a type error: status 1", async () =>
      await unchanged(async () => {
        // The CLI looks for tsc in the app's own directory.
        const link = join(hull.app.dir, "node_modules");
        symlinkSync(join(ROOT, "node_modules"), link);
        const options = { target: "ESNext", module: "ESNext", moduleResolution: "Bundler", noEmit: true, skipLibCheck: true, types: [] };
        write(hull.app, { "bad.ts": "export const n: number = 'text';\n", "tsconfig.json": JSON.stringify({ compilerOptions: options }) });
        const { code, all } = await hull.app.run(["deploy", "-y", "--codegen", "disable"], { timeout: 400_000 });
        write(hull.app, { "bad.ts": null, "tsconfig.json": null });
        rmSync(link);
        assert.equal(code, 1, all);
        assert.match(all, /✖ TypeScript typecheck via `tsc` failed\.[\s\S]*TS2322/);
      }));
  });

  it("--cmd gets the addresses of the deployment", async () => {
    const { code, all } = await deploy(["--cmd", 'echo "$CONVEX_URL $CONVEX_SITE_URL" > urls']);
    assert.equal(code, 0, all);
    assert.equal(readFileSync(join(hull.app.dir, "urls"), "utf8"), `${hull.server.url} ${hull.server.siteUrl}\n`);
    const named = await deploy(["--cmd", 'echo "$MY_URL" > urls', "--cmd-url-env-var-name", "MY_URL"]);
    assert.equal(named.code, 0, named.all);
    assert.equal(readFileSync(join(hull.app.dir, "urls"), "utf8"), `${hull.server.url}\n`);
  });

  it("--message of 1024 bytes", async () => {
    write(hull.app, versionFile(3));
    const { code, all } = await deploy(["--message", "é".repeat(512)]);
    assert.equal(code, 0, all);
    assert.equal(await deployed(), 3);
  });

  it("--push-all-modules", async () => {
    const { code, all } = await deploy(["--push-all-modules"]);
    assert.equal(code, 0, all);
    assert.equal(await deployed(), 3);
  });

  it("a large index is deleted only with --skip-large-indexes-check", async () => {
    write(hull.app, { "schema.ts": twoIndexes });
    assert.equal((await deploy()).code, 0);
    write(hull.app, { "schema.ts": noIndex });
    const options = { env: { CONVEX_MIN_DOCUMENTS_FOR_INDEX_DELETE_WARNING: "3" } };
    const refused = await deploy([], options);
    assert.equal(refused.code, 1, refused.all);
    assert.match(refused.all, /This code push will delete the following indexes\nfrom your production deployment/);
    for (const name of ["by_author", "by_body"]) assert.match(refused.all, new RegExp(`⛔ messages\\.${name} .* [3-9] documents\n`));
    assert.match(refused.all, /or run the deploy command with the --skip-large-indexes-check flag/);
    const { code, all } = await deploy(["--skip-large-indexes-check"], options);
    assert.equal(code, 0, all);
    assert.match(all, /Deleted table indexes:\n(  \[-\] messages\.by_(author|body) .*\n){2}/);
  });

  it("takes staged validators, which say nothing yet about what may be written", async () => {
    write(hull.app, { "schema.ts": messagesSchema("body: v.any(), author: v.optional(v.string())", ".staged({ body: v.null() })") });
    for (const args of [["--dry-run"], []]) {
      const { code, all } = await deploy(args);
      assert.equal(code, 0, all);
    }
    assert.equal((await hull.server.call("mutation", "messages:send", { body: "text" })).status, "success");
    write(hull.app, { "schema.ts": messagesSchema("body: v.null()") });
    const promoted = await deploy();
    assert.equal(promoted.code, 1, promoted.all);
    assert.match(promoted.all, /Schema validation failed/);
  });
});
