// How `npx convex` finds a self-hosted deployment, and what it says when the key does not fit or nobody answers.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { join } from "node:path";
import { promisify } from "node:util";
import { useApp } from "./lib/fixture.mjs";
import { freePort } from "./lib/ports.mjs";
import { HULL } from "./lib/server.mjs";

const hull = useApp("tests/app");
const PUSH = ["--typecheck", "disable", "--codegen", "disable"];
const withKey = (key) => ({ env: { CONVEX_SELF_HOSTED_ADMIN_KEY: key } });
const failed = ({ code, all }, pattern) => {
  assert.equal(code, 1, all);
  assert.match(all, pattern);
};

describe("a key of another deployment", { concurrency: 2 }, () => {
  const wrong = withKey("other|00ff");
  for (const [args, pattern] of [
    [["run", "notes:list"], /The provided admin key was invalid for this instance/],
    [["run", "--push", "notes:list"], /The provided deploy key was invalid for deployment 'convex-self-hosted'/],
    [["deploy", "-y", ...PUSH], /The provided deploy key was invalid for deployment 'convex-self-hosted'\. Double check that the environment/],
    [["env", "set", "A", "b"], /401 Unauthorized: BadAdminKey: The provided admin key was invalid for this instance\nAuthenticate with `npx convex dev`/],
    [["data"], /The provided admin key was invalid for this instance/],
  ]) {
    it(args.slice(0, 2).join(" "), async () => failed(await hull.app.run(args, wrong), pattern));
  }
});

describe("a read-only key", { concurrency: 2 }, () => {
  let readOnly;
  before(async () => {
    const { stdout } = await promisify(execFile)(HULL, ["admin-key", "--read-only", "--data-dir", hull.server.dataDir]);
    readOnly = withKey(stdout.trim());
    assert.equal((await hull.server.call("mutation", "notes:add", { text: "there", rank: 1 })).status, "success");
  });
  const denied = (operation) => new RegExp(`You do not have permission to perform this operation \\(deployment:${operation}\\)\\.`);
  for (const [args, pattern] of [
    [["deploy", "-y", ...PUSH], denied("deploy")],
    [["env", "set", "A", "b"], denied("env:write")],
    [["run", "notes:secretAdd", '{"text":"x"}'], /You do not have permission to perform this operation/],
  ]) {
    it(`refuses ${args.slice(0, 2).join(" ")}`, async () => failed(await hull.app.run(args, readOnly), pattern));
  }
  for (const [args, pattern] of [
    [["data", "notes"], /"there"/],
    [["env", "list"], /No environment variables set/],
    [["run", "notes:secret"], /internal/],
    [["function-spec"], /notes\.js:list/],
  ]) {
    it(`allows ${args.join(" ")}`, async () => {
      const { code, all } = await hull.app.run(args, readOnly);
      assert.equal(code, 0, all);
      assert.match(all, pattern);
    });
  }
});

describe("which deployment", { concurrency: false }, () => {
  const file = (url, key) => `CONVEX_SELF_HOSTED_URL=${url}\nCONVEX_SELF_HOSTED_ADMIN_KEY='${key}'\n`;
  const right = () => file(hull.server.url, hull.server.adminKey);
  const save = (name, text) => writeFileSync(join(hull.app.dir, name), text);
  const NOWHERE = { CONVEX_SELF_HOSTED_URL: "http://127.0.0.1:1", CONVEX_SELF_HOSTED_ADMIN_KEY: "x|01" };
  const secret = async (args, env) => {
    const { code, all } = await hull.app.run(["run", ...args, "notes:secret"], { withKey: false, env });
    assert.equal(code, 0, all);
  };
  it(".env.local", async () => {
    save(".env.local", right());
    await secret([], {});
  });
  it("the environment before .env.local", async () => {
    save(".env.local", file("http://127.0.0.1:1", "x|01"));
    await secret([], { CONVEX_SELF_HOSTED_URL: hull.server.url, CONVEX_SELF_HOSTED_ADMIN_KEY: hull.server.adminKey });
  });
  it("--env-file before both", async () => {
    save("staging.env", right());
    await secret(["--env-file", "staging.env"], NOWHERE);
  });
  it("--url and --admin-key before all", async () => {
    save("staging.env", file("http://127.0.0.1:1", "x|01"));
    await secret(["--url", hull.server.url, "--admin-key", hull.server.adminKey], NOWHERE);
    rmSync(join(hull.app.dir, ".env.local"));
  });
  it("not together with CONVEX_DEPLOYMENT", async () => {
    failed(await hull.app.run(["run", "notes:list"], { env: { CONVEX_DEPLOYMENT: "dev:x" } }), /CONVEX_DEPLOYMENT/);
  });
  it("nobody answers: status 1, with the address", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const started = Date.now();
    failed(await hull.app.run(["deploy", "-y", ...PUSH], { env: { CONVEX_SELF_HOSTED_URL: url } }), new RegExp(`Unable to pull deployment config from ${url}[\\s\\S]*(ECONNREFUSED|fetch failed)`));
    assert.ok(Date.now() - started < 90_000);
  });
});
