// The table of globals (runtime.md §2) in the real worker, through the real CLI and client: every row in every kind of context.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { failing, rows } from "./apps/globals/convex/rows.ts";
import { useApp } from "./lib/fixture.mjs";

const hull = useApp("tests/apps/globals", { push: false });
const client = () => new ConvexHttpClient(hull.server.url, { logger: false });

const call = {
  query: async (names) => JSON.parse(await client().query("run:inQuery", { names })),
  mutation: async (names) => JSON.parse(await client().mutation("run:inMutation", { names })),
  action: async (names) => JSON.parse(await client().action("run:inAction", { names })),
  http: async (names) => {
    const response = await fetch(`${hull.server.siteUrl}/run`, { method: "POST", body: JSON.stringify(names) });
    const text = await response.text();
    if (response.status !== 200) throw new Error(text);
    return JSON.parse(text);
  },
  import: async () => JSON.parse(await client().query("import_time:atImport", {})),
};

function expected({ gives }, place) {
  if (typeof gives === "string" || gives instanceof RegExp) return gives;
  const group = { query: "transaction", mutation: "transaction", action: "active", http: "active" }[place];
  return gives[place] ?? gives[group] ?? gives.else;
}

function check(name, actual, wanted) {
  if (wanted instanceof RegExp) assert.match(String(actual), wanted, name);
  else assert.equal(actual, wanted, name);
}

describe("globals", () => {
  it("the app is pushed", async () => {
    const set = await hull.app.run(["env", "set", "GREETING", "hello"]);
    assert.equal(set.code, 0, set.all);
    await hull.app.push();
  });

  for (const [place, run] of Object.entries(call)) {
    describe(place, () => {
      let results;
      for (const [name, row] of Object.entries(rows)) {
        const wanted = expected(row, place);
        if (wanted === undefined) continue;
        it(name, async () => {
          results ??= await run(Object.keys(rows).filter((other) => expected(rows[other], place) !== undefined));
          check(name, results[name], wanted);
        });
      }
      if (place === "import") return;
      for (const [name, row] of Object.entries(failing)) {
        it(name, async () => {
          const result = await run([name]).then((value) => value[name], (error) => error.message);
          check(name, result, expected(row, place));
        });
      }
    });
  }
});

// The npm library runs on the same built-ins, so a call may fail; but as a call of its own does, with its log, and alone.
describe("patched built-ins", () => {
  const ask = (path, args = {}) => hull.server.call("query", path, args);

  it("the runtime goes on", async () => {
    for (const patch of (await ask("hostile:names")).value) {
      const logged = await ask("hostile:logs", { patch });
      if (logged.status === "success") assert.equal(logged.value, 5, patch);
      else assert.match(logged.errorMessage, /Server Error\nUncaught /, patch);
      assert.deepEqual(logged.logLines, ["[LOG] 'before' 1 true null"], patch);
      const failed = await ask("hostile:fails", { patch });
      assert.equal(failed.status, "error", patch);
      assert.match(failed.errorMessage, /Server Error\nUncaught /, patch);
    }
  });

  it("nothing of the runtime is seen", async () => {
    for (const [path, wanted] of [["hostile:spy", [[], []]], ["hostile:getters", []]]) {
      const { status, value, errorMessage } = await ask(path);
      assert.equal(status, "success", errorMessage);
      assert.deepEqual(JSON.parse(value), wanted, path);
    }
  });
});
