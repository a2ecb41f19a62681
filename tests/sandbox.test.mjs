// User code has no way out: what tries to reach the host, the file system, the network or other calls gets nothing.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";

const hull = useApp("tests/apps/sandbox");

const noCode = "EvalError: Code generation from strings disallowed for this context";
const expected = {
  evaluate: noCode,
  functionConstructor: noCode,
  asyncFunctionConstructor: noCode,
  generatorConstructor: noCode,
  asyncGeneratorConstructor: noCode,
  constructorOfHostFunction: noCode,
  callerAndArguments: /^(TypeError: .* TypeError: .*)$/,
  sharedMemory: "TypeError: Atomics.wait cannot be called in this context",
};

for (const [kind, run] of [["query", "asQuery"], ["mutation", "asMutation"], ["action", "asAction"]]) {
  it(`probes find nothing in a ${kind}`, async () => {
    const names = (await hull.server.call("query", "run:names")).value;
    assert.ok(names.length > 25);
    const wrong = [];
    for (const name of names) {
      const result = await hull.server.call(kind, `run:${run}`, { name });
      const want = expected[name] ?? "nothing";
      const got = result.status === "success" ? result.value : result.errorMessage;
      if (want instanceof RegExp ? !want.test(got) : got !== want) wrong.push(`${name}: ${got}`);
    }
    assert.deepEqual(wrong, []);
  });
}

describe("values on their way in and out", () => {
  it("__proto__ in arguments is a field or is refused, never a prototype", async () => {
    for (const body of [
      '{"path":"run:echo","args":{"value":{"__proto__":{"polluted":1}}},"format":"json"}',
      '{"path":"run:echo","args":{"value":{"constructor":{"prototype":{"polluted":1}}}},"format":"json"}',
    ]) {
      const response = await hull.server.post("/api/query", body);
      const result = await response.json();
      if (result.status === "success") assert.equal(result.value.polluted, true, JSON.stringify(result));
    }
    assert.equal((await hull.server.call("query", "run:asQuery", { name: "fresh" })).value, "nothing");
  });
});

it("a worker has nothing open but its socket, and no way to open more", { skip: process.platform !== "linux" }, async () => {
  await hull.server.call("query", "run:names");
  const workers = readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")[1] === `${hull.server.process.pid}` &&
        readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("worker.node")
      );
    } catch {
      return false;
    }
  });
  assert.ok(workers.length > 0);
  for (const pid of workers) {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    assert.match(status, /NoNewPrivs:\t1/);
    assert.match(status, /Seccomp:\t2/);
    assert.equal(readFileSync(`/proc/${pid}/environ`, "utf8"), "TZ=UTC\0LC_ALL=en_US.UTF-8\0");
  }
});
