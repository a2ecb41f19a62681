// Limits and warnings as runtime.md §5, §8 and syscalls.md §8.2 describe them, row by row. Some limits are lowered by their knobs so
// that they are reached quickly; the texts show the lowered values.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { App } from "./lib/cli.mjs";
import { conformance, entriesOf } from "./lib/conformance.mjs";
import { HullServer, ROOT } from "./lib/server.mjs";

const hull = {};
before(async () => {
  hull.server = await HullServer.start({
    env: {
      TRANSACTION_MAX_READ_SIZE_ROWS: "100",
      TRANSACTION_MAX_READ_SIZE_BYTES: "200000",
      TRANSACTION_MAX_READ_SET_INTERVALS: "64",
      TRANSACTION_MAX_NUM_USER_WRITES: "110",
      TRANSACTION_MAX_USER_WRITE_SIZE_BYTES: "3145728",
      FUNCTION_MAX_ARGS_SIZE: "1048576",
      FUNCTION_MAX_RESULT_SIZE: "1048576",
      V8_ACTION_USER_TIMEOUT_SECS: "4",
    },
  });
  hull.app = new App(join(ROOT, "tests/apps/conformance"), hull.server);
  await hull.app.push();
  for (let i = 0; i < 2; i++) await hull.server.call("mutation", "limits:write", { rows: 100, bytes: 1000 });
});
after(async () => {
  hull.app?.remove();
  await hull.server?.stop();
});

const help = "Consider using smaller limits in your queries, paginating your queries, or using indexed queries with a selective index range expressions.";
const stack = (text) => (actual) => actual.startsWith(`Uncaught Error: ${text}\n`) && actual.includes("    at async handler (../convex/limits.ts:");
const warning = (pattern) => (lines) => lines.length === 1 && pattern.test(lines[0]);
const timeout = (seconds) => `Function execution timed out (maximum duration: ${seconds}s)`;
const oom = "JavaScript execution ran out of memory (maximum memory usage: 64 MB)";
const noBuffer = /^Array buffer allocation failed$/;

describe("transaction limits (runtime.md §5.1)", () => {
  conformance(hull, [
    { run: ["query", "limits:read", { rows: 101 }], error: stack(`Too many documents read in a single function execution (limit: 100). ${help}`) },
    { run: ["query", "limits:catches", { rows: 101 }], value: `Too many documents read in a single function execution (limit: 100). ${help}` },
    { run: ["query", "limits:gets", { times: 65 }], error: stack(`Too many reads in a single function execution (limit: 64). ${help}`) },
    { run: ["mutation", "limits:write", { rows: 111, bytes: 1 }], error: stack("Too many writes in a single function execution (limit: 110)") },
    { run: ["mutation", "limits:write", { rows: 4, bytes: 1_000_000 }], error: stack("Too many bytes written in a single function execution (limit: 3 MiB)") },
    { run: ["mutation", "limits:write", { rows: 1, bytes: 1_100_000 }], error: (text) => /^Uncaught Error: Value is too large \(1\.05 MiB > maximum size 1 MiB\)/.test(text) },
    { name: "a nested call can lower limits", run: ["query", "limits:narrowed", { limits: { documentsRead: 3 }, rows: 5 }], value: /Too many documents read in a single function execution \(limit: 3\)\./ },
    { name: "a nested call cannot raise limits", run: ["query", "limits:narrowed", { limits: { documentsRead: 1000 }, rows: 101 }], value: /\(limit: 100\)/ },
    { name: "file and scheduling limits are accepted", run: ["query", "limits:narrowed", { limits: { filesRead: 0, fileReadBytes: 0, filesWritten: 0, fileWriteBytes: 0, functionsScheduled: 0, scheduledFunctionArgsBytes: 0 }, rows: 2 }], value: "no error: 2" },
    { name: "limits are counts", run: ["query", "limits:narrowed", { limits: { functionsScheduled: -1 }, rows: 2 }], value: "Invalid arguments for `runUdf`: `functionsScheduled` must be a non-negative integer" },
  ]);
});

describe("sizes (runtime.md §5.2)", () => {
  conformance(hull, [
    { run: ["query", "limits:echo", { text: "x".repeat(1_300_000) }], error: "Arguments for limits.js:echo are too large (actual: 1.24 MiB, limit: 1 MiB)" },
    { run: ["query", "limits:returns", { bytes: 1_300_000 }], error: "Function limits.js:returns return value is too large (actual: 1.24 MiB, limit: 1 MiB)" },
    { run: ["action", "limits:returnsInAction", { bytes: 1_300_000 }], error: "Function limits.js:returnsInAction return value is too large (actual: 1.24 MiB, limit: 1 MiB)" },
  ]);
});

describe("time and memory (runtime.md §5.2)", () => {
  conformance(hull, [
    { run: ["mutation", "limits:forever"], error: timeout(1) },
    { run: ["query", "limits:foreverAsync"], error: timeout(1) },
    { run: ["action", "limits:foreverInAction"], error: timeout(4) },
    { run: ["query", "limits:heap"], error: oom },
    ...["plain", "typed", "shared", "resizable", "growable"].map((kind) => ({ run: ["query", "limits:buffers", { kind }], value: noBuffer })),
    { run: ["query", "limits:buffersFit"], value: 33554432 },
    ...["resizable", "growable"].map((kind) => ({ run: ["query", "limits:one", { kind }], value: noBuffer })),
    { run: ["query", "limits:one", { kind: "resize" }], value: 'no error: "resized"' },
    { run: ["query", "limits:one", { kind: "wasm" }], value: /^(?!no error)/ },
    { name: "actions call concurrently", run: ["action", "limits:many"], value: 300 },
    { name: "actions sleep concurrently", run: ["action", "limits:sleepers"], value: true },
  ]);
});

describe("log lines (runtime.md §8)", () => {
  const overflow = "[ERROR] Log overflow (maximum 256). Remaining log lines omitted.";
  const full = (lines) => lines.length === 256 && lines[254] === "[LOG] 254" && lines[255] === overflow;
  conformance(hull, [
    { run: ["query", "limits:lines", { lines: 255 }], value: null, logs: (lines) => lines.length === 255 && lines[254] === "[LOG] 254" },
    { run: ["query", "limits:lines", { lines: 1000 }], value: null, logs: full },
    { run: ["action", "limits:lines2", { lines: 1000 }], value: null, logs: full },
    { run: ["query", "limits:line", { bytes: 40_000 }], value: null, logs: ([line]) => line.startsWith("[LOG] 'üüü") && line.endsWith("ü (truncated due to length)") && Buffer.byteLength(line) === 32767 + "[LOG] ".length + " (truncated due to length)".length },
    { run: ["query", "limits:longArguments"], value: null, logs: ([line]) => line.startsWith("[LOG] 'x' 'x' 'x'") && line.endsWith(" (truncated due to length)") },
  ]);
});

describe("warnings (runtime.md §5.3)", () => {
  const bytes = (head, limit) => warning(new RegExp(`^\\[WARN\\] ${head} \\(actual: \\d+ bytes, limit: ${limit} bytes\\)\\.`));
  conformance(hull, [
    { run: ["query", "limits:read", { rows: 90 }], value: 90, logs: warning(/^\[WARN\] Many documents read in a single function execution \(actual: 90, limit: 100\)\. ?Consider using smaller limits/) },
    { run: ["query", "limits:gets", { times: 60 }], value: null, logs: (lines) => lines.some((line) => /^\[WARN\] Many reads in a single function execution \(actual: \d+, limit: 64\)\. ?Consider/.test(line)) },
    { run: ["mutation", "limits:write", { rows: 95, bytes: 1 }], value: null, logs: warning(/^\[WARN\] Many writes in a single function execution \(actual: 95, limit: 110\)\./) },
    { run: ["mutation", "limits:write", { rows: 3, bytes: 900_000 }], value: null, logs: (lines) => lines.some((line) => /^\[WARN\] Many bytes written in a single function execution \(actual: \d+ bytes, limit: 3145728 bytes\)\./.test(line)) && lines.some((line) => /^\[WARN\] Large document written with ID "[0-9a-z]+" \(actual: \d+ bytes, limit: 1048576 bytes\)\./.test(line)) },
    { run: ["mutation", "limits:nested", { levels: 15 }], value: null, logs: warning(/^\[WARN\] Deeply nested document written with ID "[0-9a-z]+" \(actual: \d+ levels, limit: 16 levels\)\./) },
    { run: ["query", "limits:echo", { text: "x".repeat(900_000) }], value: null, logs: bytes("Large size of the function arguments", 1048576) },
    { run: ["query", "limits:returns", { bytes: 900_000 }], value: (text) => text.length === 900_000, logs: bytes("Large size of the function return value", 1048576) },
    { run: ["action", "limits:returnsInAction", { bytes: 900_000 }], value: (text) => text.length === 900_000, logs: bytes("Large size of the action return value", 1048576) },
  ]);

  it("a call that takes nearly all its time", async () => {
    let rounds = 5_000_000;
    for (let tries = 0; tries < 8; tries++) {
      const id = `slow-${tries}`;
      const response = await hull.server.post("/api/query", { path: "limits:work", args: { rounds }, format: "json" }, { headers: { "Convex-Request-Id": id } });
      const { logLines } = await response.json();
      const line = logLines?.find((text) => text.includes("took a long time"));
      if (line) return assert.match(line, /^\[WARN\] Function execution took a long time\. \(maximum duration: 1s, actual duration: (8|9)\d\dms\)\.$/);
      const [{ userExecutionTime }] = await entriesOf(hull.server, id);
      rounds = Math.round((rounds * 0.9) / Math.max(userExecutionTime, 0.01)) + tries;
    }
    assert.fail("no call took between 80 and 100 % of its time");
  });

  it("carry their code in the log", async () => {
    await hull.server.post("/api/query", { path: "limits:read", args: { rows: 91 }, format: "json" }, { headers: { "Convex-Request-Id": "warned" } });
    const [{ logLines }] = await entriesOf(hull.server, "warned");
    assert.deepEqual(logLines.map(({ level, systemMetadata }) => [level, systemMetadata]), [["WARN", { code: "warning:TooManyDocumentsRead" }]]);
  });
});
