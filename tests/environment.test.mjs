// Environment variables of the deployment (deploy-and-cli.md §1.7, §3.7, §3.9): the CLI's commands, rules, what a change
// sets off, and that values never reach the server's log.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConvexClient } from "convex/browser";
import WebSocket from "ws";
import { useApp } from "./lib/fixture.mjs";
import { until } from "./lib/server.mjs";

// Part of every value that is set here.
const MARK = "h7nter2";
const hull = useApp("tests/app", { push: false, env: { RUST_LOG: "trace", CANARY_OF_THE_PROCESS: "x" } });
const write = (name, text) => writeFileSync(join(hull.app.dir, "convex", name), text);
const cli = (...args) => hull.app.run(["env", ...args]);
const lines = (text) => text.split("\n").filter(Boolean);

/** The answer to a list of changes, [name, value or null] each. */
async function change(...changes) {
  const body = { changes: changes.map(([name, value]) => ({ name, value })) };
  const response = await hull.server.post("/api/update_environment_variables", body, { key: true });
  const text = await response.text();
  return response.ok ? "" : ((parsed) => `${response.status} ${parsed.code}: ${parsed.message}`)(JSON.parse(text));
}
const list = async () => (await (await hull.server.get("/api/v1/list_environment_variables", { key: true })).json()).environmentVariables;
const clear = async () => assert.equal(await change(...Object.keys(await list()).map((name) => [name, null])), "");

describe("environment variables", () => {
  before(async () => {
    write("vars.ts", 'import { query } from "./_generated/server";\nexport const get = query(async () => [process.env.A ?? null, process.env.CANARY_OF_THE_PROCESS ?? null]);\n');
    await hull.app.push();
  });
  after(async () => {
    const text = hull.server.logText();
    assert.match(text, /update_environment_variables/);
    assert.ok(!text.includes(MARK), text.split("\n").find((line) => line.includes(MARK)));
  });

  describe("npx convex env", () => {
    after(clear);

    it("sets, gets, lists and removes", async () => {
      assert.match((await cli("list")).all, /No environment variables set/);
      assert.match((await cli("set", "B", `${MARK} two words`)).all, /✔ Successfully set B$/m);
      assert.equal((await cli("set", `A=${MARK}=x`)).code, 0);
      assert.equal((await cli("get", "A")).stdout, `${MARK}=x\n`);
      assert.deepEqual(lines((await cli("list", "--include-values")).stdout), [`A=${MARK}=x`, `B=${MARK} two words`]);
      assert.deepEqual(lines((await cli("list", "--names-only")).stdout), ["A", "B"]);
      assert.equal((await cli("get", "CONVEX_CLOUD_URL")).stdout, `${hull.server.url}\n`);
      assert.match((await cli("get", "NOPE")).all, /✖ Environment variable "NOPE" not found/);
      for (const [command, name] of [["remove", "A"], ["unset", "B"], ["rm", "NOPE"]]) assert.match((await cli(command, name)).all, new RegExp(`Successfully unset ${name}`));
      assert.deepEqual(await list(), {});
    });

    it("takes values of several lines from files and stdin, and many variables at once", async () => {
      const pem = `-----BEGIN KEY-----\n${MARK}\n"quoted" $x #y\n-----END KEY-----`;
      writeFileSync(join(hull.app.dir, "key.pem"), pem);
      assert.equal((await cli("set", "PEM", "--from-file", "key.pem")).code, 0);
      assert.equal((await hull.app.run(["env", "set", "PIPED"], { input: pem })).code, 0);
      assert.deepEqual(await list(), { PEM: pem, PIPED: pem });
      writeFileSync(join(hull.app.dir, ".env.defaults"), `ONE=1${MARK}\nTWO="2${MARK}\nnext"\nPEM=other${MARK}\nCONVEX_DEPLOYMENT=x\n`);
      const refused = await cli("set", "--from-file", ".env.defaults");
      assert.equal(refused.code, 1);
      assert.match(refused.all, /environment variable PEM already exists with different value/);
      assert.deepEqual(Object.keys(await list()), ["PEM", "PIPED"]);
      assert.match((await cli("set", "--from-file", ".env.defaults", "--force")).all, /Successfully set 3 environment variables from \.env\.defaults \(2 new, 1 updated\)/);
      assert.deepEqual(await list(), { ONE: `1${MARK}`, PEM: `other${MARK}`, PIPED: pem, TWO: `2${MARK}\nnext` });
      const saved = (await cli("list", "--include-values")).stdout;
      await clear();
      assert.equal((await hull.app.run(["env", "set"], { input: saved })).code, 0);
      assert.deepEqual(await list(), { ONE: `1${MARK}`, PEM: `other${MARK}`, PIPED: pem, TWO: `2${MARK}\nnext` });
    });

    it("shows why a change is refused", async () => {
      const refused = await cli("set", "CONVEX_SITE_URL", `${MARK}`);
      assert.equal(refused.code, 1);
      assert.match(refused.all, /400 Bad Request: EnvVarNameForbidden: /);
      assert.match((await cli("set", "9A", MARK)).all, /EnvironmentVariableNameInvalid/);
    });
  });

  describe("rules", () => {
    after(clear);
    const refused = {
      "a name of other characters": [[["a-b", MARK]], "EnvironmentVariableNameInvalid"],
      "a long name": [[["a".repeat(257), MARK]], "EnvironmentVariableNameTooLong"],
      "a long value": [[["A", MARK.padEnd(8193, "x")]], "EnvironmentVariableValueTooLarge"],
      "a built-in": [[["CONVEX_CLOUD_URL", MARK]], "EnvVarNameForbidden"],
      "removing a built-in": [[["CONVEX_SITE_URL", null]], "EnvVarNameForbidden"],
      "513 variables": [Array.from({ length: 513 }, (_, i) => [`V${i}`, MARK]), "EnvVarLimitMet: The environment variable limit (512) has been met."],
      "more than 512 KiB": [Array.from({ length: 65 }, (_, i) => [`V${i}`, MARK.padEnd(8192, "x")]), "EnvVarTotalSizeLimitMet"],
    };
    for (const [what, [changes, error]] of Object.entries(refused)) {
      it(`${what}: refused, with everything that came along`, async () => {
        const answer = await change(["GOOD", MARK], ...changes);
        assert.ok(answer.startsWith(`400 ${error}`), answer);
        assert.deepEqual(await list(), {});
      });
    }

    it("deletes count before sets, and unknown ones are no error", async () => {
      assert.equal(await change(...Array.from({ length: 512 }, (_, i) => [`V${i}`, MARK])), "");
      assert.equal(await change(["NEW", MARK], ["V0", null], ["UNKNOWN", null], ["V1", null], ["V1", `${MARK}!`]), "");
      const now = await list();
      assert.deepEqual([Object.keys(now).length, now.NEW, now.V1], [512, MARK, `${MARK}!`]);
    });
  });

  it("a live query sees a change, and nothing of the server's own environment", async () => {
    const client = new ConvexClient(hull.server.url, { webSocketConstructor: WebSocket });
    try {
      const seen = [];
      client.onUpdate("vars:get", {}, (value) => seen.push(value));
      await until(() => seen.length === 1);
      assert.equal(await change(["A", MARK]), "");
      await until(() => seen.length === 2);
      assert.equal(await change(["A", null]), "");
      await until(() => seen.length === 3);
      assert.deepEqual(seen, [[null, null], [MARK, null], [null, null]]);
    } finally {
      await client.close();
    }
  });

  describe("auth.config.ts", () => {
    it("is evaluated again on every change, which is refused if it fails", async () => {
      write("auth.config.ts", 'export default { providers: [{ domain: process.env.DOMAIN!, applicationID: "app" }] };\n');
      const failed = await hull.app.run(["dev", "--once", "--typecheck", "disable", "--tail-logs", "disable"]);
      assert.equal(failed.code, 1);
      assert.match(failed.all, /Environment variable DOMAIN is used in auth config file but its value was not set/);
      assert.equal(await change(["DOMAIN", `https://${MARK}.example`]), "");
      await hull.app.push();
      const providers = async () => (await hull.server.call("query", "_system/frontend/listAuthProviders", {}, { key: true })).value.map(({ domain }) => domain);
      assert.deepEqual(await providers(), [`https://${MARK}.example`]);
      assert.equal(await change(["DOMAIN", `https://${MARK}.test`]), "");
      assert.deepEqual(await providers(), [`https://${MARK}.test`]);
      assert.equal(await change(["DOMAIN", null], ["A", MARK]), "400 AuthConfigMissingEnvironmentVariable: Environment variable DOMAIN is used in auth config file but its value was not set");
      assert.match(await change(["DOMAIN", `ftp://${MARK}`]), /^400 InvalidAuthConfig: This change would make the auth config invalid: /);
      assert.deepEqual(await list(), { DOMAIN: `https://${MARK}.test` });
    });
  });

  describe("variables that convex.config.ts declares", () => {
    const declare = (env) => write("convex.config.ts", `import { defineApp } from "convex/server";\nimport { v } from "convex/values";\nexport default defineApp({ env: { ${env} } });\n`);

    it("are required for a push, which dev waits for, and checked on every change", { timeout: 900_000 }, async () => {
      declare(`MODE: v.union(v.literal("${MARK}"), v.literal("${MARK}2")), NAME: v.optional(v.string())`);
      const dev = hull.app.follow(["dev", "--typecheck", "disable", "--tail-logs", "disable"]);
      try {
        await dev.seen(/MODE/);
        assert.doesNotMatch(dev.output, /functions ready/);
        assert.equal(await change(["MODE", `${MARK}2`]), "");
        await dev.seen("functions ready");
      } finally {
        await dev.stop();
      }
      const refused = await change(["MODE", `${MARK}3`]);
      assert.ok(refused.startsWith("400 InvalidEnvironmentVariable: Environment variable MODE does not match its declared validator: "), refused);
      assert.match(await change(["MODE", null]), /^400 RequiredEnvironmentVariable: /);
      assert.equal(await change(["NAME", MARK], ["OTHER", MARK]), "");
      assert.equal(await change(["NAME", null], ["MODE", MARK]), "");
    });

    it("must be of strings", async () => {
      declare("COUNT: v.number() as any");
      const failed = await hull.app.run(["dev", "--once", "--typecheck", "disable", "--tail-logs", "disable"]);
      assert.equal(failed.code, 1);
      assert.match(failed.all, /COUNT/);
    });
  });
});
