// Popular libraries run unmodified inside functions and give what they give in Node.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { useApp } from "./lib/fixture.mjs";
import { ROOT } from "./lib/server.mjs";

const hull = useApp("tests/apps/libraries");
let uses;
before(async () => {
  const entryPoints = [join(ROOT, "tests/apps/libraries/convex/uses.ts")];
  const { outputFiles } = await esbuild.build({ entryPoints, bundle: true, format: "esm", platform: "browser", write: false });
  process.env.TZ = "UTC";
  ({ uses } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`));
});

for (const [kind, path] of [["query", "run:asQuery"], ["mutation", "run:asMutation"], ["action", "run:asAction"]]) {
  it(`zod, date-fns, lodash, superjson, nanoid in a ${kind}`, async () => {
    for (const [name, use] of Object.entries(uses)) {
      const result = await hull.server.call(kind, path, { name });
      assert.equal(result.status, "success", `${name}: ${result.errorMessage}`);
      assert.deepEqual(JSON.parse(result.value), JSON.parse(JSON.stringify(use())), name);
    }
  });
}

describe("convex-helpers", () => {
  const call = async (kind, path, args) => {
    const result = await hull.server.call(kind, path, args);
    assert.equal(result.status, "success", result.errorMessage);
    return result.value;
  };
  it("custom functions, triggers, relationships and row-level security", async () => {
    await call("mutation", "helpers:seed", {});
    assert.deepEqual(await call("query", "helpers:titles", { email: "ann@example.com" }), ["welcome ann", "first"]);
    assert.deepEqual(await call("query", "helpers:titles", { email: "bob@example.com" }), ["welcome bob"]);
    assert.equal(await call("query", "helpers:titles", { email: "nobody@example.com" }), null);
  });
  it("merged streams", async () => {
    const titles = await call("query", "helpers:merged", { emails: ["ann@example.com", "bob@example.com"] });
    assert.deepEqual(titles, ["welcome ann", "welcome bob", "first", "secret"]);
  });
});
