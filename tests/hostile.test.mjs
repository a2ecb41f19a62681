// Functions that try to hurt the server fail alone, with the spec's texts, while others go on.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { sleep } from "./lib/server.mjs";

const hull = useApp("tests/app");

/** Runs one hostile query while ordinary calls keep succeeding; returns its error text. */
async function alone(path) {
  let running = true;
  const healthy = (async () => {
    let calls = 0;
    while (running) {
      const result = await hull.server.call("mutation", "counters:bump", { name: "healthy" });
      assert.equal(result.status, "success", JSON.stringify(result));
      calls++;
    }
    return calls;
  })();
  await sleep(50);
  const result = await hull.server.call("query", path);
  running = false;
  assert.ok((await healthy) > 0);
  assert.equal(result.status, "error", JSON.stringify(result));
  return result.errorMessage;
}

describe("hostile queries", () => {
  it("endless allocation", async () => assert.match(await alone("hostile:allocate"), /JavaScript execution ran out of memory \(maximum memory usage: 64 MB\)/));
  it("endless loop", async () => assert.match(await alone("hostile:loop"), /Function execution timed out \(maximum duration: 1s\)/));
  it("an allocation that makes V8 abort", async () => assert.match(await alone("hostile:abort"), /JavaScript execution ran out of memory|timed out/));
  it("WebAssembly memory without end", async () => assert.match(await alone("hostile:fillWasm"), /JavaScript execution ran out of memory|timed out/));
  it("a promise that never settles", async () => assert.match(await alone("hostile:hang"), /Returned promise will never resolve/));
  it("deep recursion", async () => assert.match(await alone("hostile:recurse"), /RangeError: Maximum call stack size exceeded/));
  it("the server is as before", async () => {
    assert.equal((await hull.server.call("query", "facts:fresh")).value, 1);
    assert.equal(hull.server.process.exitCode, null);
  });
});
