// Errors, module loading and the console as runtime.md §4, §7 and §8 describe them, row by row.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { conformance, entriesOf, failure, prettyLine } from "./lib/conformance.mjs";
import { HullServer } from "./lib/server.mjs";

const hull = useApp("tests/apps/conformance");
const thrown = (kind, error, data) => ({ run: ["mutation", "errors:thrown", { kind }], error, ...(data === undefined ? {} : { data }) });
const framed = (kind, text, data) => thrown(kind, failure(text, `Object.${kind}`, "handler"), data);

describe("thrown values (runtime.md §7.1)", () => {
  conformance(hull, [
    framed("error", "Uncaught Error: boom"),
    framed("empty", "Uncaught Error"),
    framed("subclass", "Uncaught Error: over"),
    framed("named", "Uncaught Named: n"),
    framed("typeError", "Uncaught TypeError: t"),
    framed("noName", "Uncaught only message"),
    framed("nothing", "Uncaught"),
    framed("dom", "Uncaught AbortError: d"),
    framed("aggregate", "Uncaught AggregateError: both"),
    framed("cause", "Uncaught Error: outer"),
    framed("frozen", "Uncaught Error: cold"),
    framed("throwingGetter", "Uncaught Error"),
    thrown("loopingGetter", "Function execution timed out (maximum duration: 1s)"),
    thrown("proxy", "Uncaught Error: behind"),
    thrown("hostileProxy", (text) => text.startsWith("Uncaught") && text.length < 100),
    thrown("string", "Uncaught text"),
    thrown("emptyString", (text) => text.startsWith("Uncaught")),
    thrown("number", "Uncaught 7"),
    thrown("null", "Uncaught null"),
    thrown("undefined", "Uncaught undefined"),
    thrown("symbol", "Uncaught Symbol(s)"),
    thrown("bigint", "Uncaught 7"),
    thrown("object", "Uncaught #<Object>"),
    thrown("instance", /^Uncaught #<\w+>\n$/), // the CLI has shortened the name of the class
    thrown("array", "Uncaught [object Array]"),
    thrown("fn", /^Uncaught function/),
    thrown("bare", "Uncaught [object Object]"),
    thrown("long", (text) => Buffer.byteLength(text.split("\n")[0]) === 65536 && text.startsWith("Uncaught Error: üü")),
    framed("convexString", "Uncaught ConvexError: plain", "plain"),
    framed("convexObject", 'Uncaught ConvexError: {"code":7,"list":["1n"]}', { code: 7, list: [{ $integer: "AQAAAAAAAAA=" }] }),
    thrown("invalidData", /^ConvexError with invalid data: /),
    thrown("invalidValue", /^ConvexError with invalid data: /),
    thrown("dataNotText", /^ConvexError with invalid data: /),
    { run: ["query", "errors:inQuery"], error: failure("Uncaught Error: from a query", "handler") },
    { run: ["action", "errors:inAction"], error: failure('Uncaught ConvexError: {"code":8}', "handler"), data: { code: 8 } },
    { run: ["query", "errors:rejected"], error: failure("Uncaught Error: rejected", "handler") },
  ]);
});

describe("frames (runtime.md §7.1)", () => {
  conformance(hull, [
    { run: ["query", "errors:frames"], error: failure("Uncaught Error: deep", "inner", "outer", "handler") },
    { run: ["query", "errors:asyncFrames"], error: failure("Uncaught Error: deep", "inner", "later", "async handler") },
    { run: ["query", "errors:constructorFrame"], error: failure("Uncaught Error: from a constructor", "new Strict", "handler") },
    { run: ["query", "errors:methodFrame"], error: /^Uncaught Error: from a method\n    at \w+\.check \(\.\.\/convex\/errors\.ts:12:11\)\n    at handler \(/ },
    { run: ["query", "errors:all"], error: failure("Uncaught Error: one of many", "later", "=async Promise.all (index 0)", "async handler") },
    { run: ["query", "errors:manyFrames"], error: failure("Uncaught Error: deep", "inner", ...Array(9).fill("recurse")) },
    { run: ["query", "errors:library"], error: failure("Uncaught Error: Invalid argument `id` for `db.get`, expected string but got 'number': 5", "handler") },
    { run: ["query", "errors:stackText"], value: ["Error: mine", "at handler (../convex/errors.ts)"] },
    { run: ["query", "errors:overflow"], error: /^Uncaught RangeError: Maximum call stack size exceeded\n/ },
    { run: ["query", "errors:catchesOverflow"], value: "RangeError: Maximum call stack size exceeded" },
    { run: ["query", "errors:codeFromText"], value: Array(2).fill("EvalError: Code generation from strings disallowed for this context") },
  ]);
});

describe("what a call is told before it runs (runtime.md §6, syscalls.md §2.1)", () => {
  conformance(hull, [
    { run: ["query", "calls:nothing"], error: "Could not find public function for 'calls:nothing'." },
    { run: ["query", "nowhere:nothing"], error: "Could not find public function for 'nowhere:nothing'." },
    { run: ["query", "calls:hidden"], error: "Could not find public function for 'calls:hidden'." },
    { run: ["query", "_deps/chunk:x"], error: "Could not find public function for '_deps/chunk:x'." },
    { run: ["query", "calls:add", { text: "x" }], error: "Trying to execute calls.js:add as Query, but it is defined as Mutation." },
    { run: ["action", "calls:count"], error: "Trying to execute calls.js:count as Action, but it is defined as Query." },
    { run: ["mutation", "calls:add", { text: 5 }], error: "ArgumentValidationError: Value does not match validator.\nPath: .text\nValue: 5.0\nValidator: v.string()" },
    { run: ["mutation", "calls:add", { text: "x", more: 1 }], error: 'ArgumentValidationError: Object contains extra field `more` that is not in the validator.\n\nObject: {more: 1.0, text: "x"}\nValidator: v.object({text: v.string()})' },
    { run: ["query", "calls:numbers", { n: 1 }], error: "ReturnsValidationError: Value does not match validator.\n\nValue: 1.0\nValidator: v.string()" },
  ]);

  it("arguments that are no single object", async () => {
    const call = async (args) => (await (await hull.server.post("/api/mutation", { path: "calls:add", args, format: "json" })).json()).errorMessage.split("\n").slice(1).join("\n");
    assert.match(await call([{ text: "a" }, 5]), /^ArgumentValidationError: Expected to receive a single object as the function's argument\. Instead received 2 arguments: \[/);
    assert.equal(await call([1]), "ArgumentValidationError: Expected to receive an object as the function's argument. Instead received: 1.0\n");
    assert.match(await call([{ text: { $nope: 1 } }]), /^Invalid arguments for calls\.js:add: /);
  });
});

describe("loading modules (runtime.md §4)", () => {
  const mode = async (value) => void (await hull.app.run(value ? ["env", "set", "IMPORT_MODE", value] : ["env", "remove", "IMPORT_MODE"]));
  const call = (name) => hull.server.call("query", `failing:${name}`);
  const reason = ({ errorMessage }) => errorMessage?.split("\n").slice(1).join("\n");

  it("what a module prints while it is loaded appears in every call", async () => {
    assert.deepEqual((await call("one")).logLines, ["[LOG] 'loading'"]);
    assert.deepEqual((await hull.server.call("query", "logs:trace")).logLines.slice(0, 2), ["[LOG] 'at import'", "[WARN] 'of logs.ts'"]);
    await mode("formatter"); // no snapshot holds this one: it is loaded afresh
    assert.deepEqual((await call("one")).logLines, ["[LOG] 'loading'"]);
  });

  for (const [value, expected] of [
    ["throw", failure("Uncaught Error: no import today", "")],
    ["reject", failure("Uncaught Error: nobody waits", "")],
    ["database", failure("Uncaught Error: Can't use database at import time", "")],
    ["get", failure("Uncaught Error: Syscall 1.0/get unsupported at import time", "")],
    ["runQuery", failure("Uncaught Error: Cannot call another function at import time", "")],
    ["runAction", failure("Uncaught Error: Cannot call another function at import time", "")],
    ["component", failure("Uncaught Error: Can't use `componentArg` at import time", "")],
    ["fetch", /^Uncaught Error: fetch\(\) unsupported at import time\n/],
    ["timer", /^Uncaught Error: setTimeout\(\) unsupported at import time\n/],
    ["loop", /^Function execution timed out \(maximum duration: 1s\)\n$/],
  ]) {
    it(`${value} fails every function of the module and no other`, async () => {
      await mode(value);
      for (const name of ["one", "two"]) {
        const result = await call(name);
        assert.match(reason(result) ?? JSON.stringify(result), expected);
      }
      assert.equal((await hull.server.call("query", "cycle_a:both")).status, "success");
    });
  }

  it("a dynamic import is refused, and all is well afterwards", async () => {
    await mode("import");
    assert.deepEqual((await call("one")).logLines, ["[LOG] 'loading'", "[LOG] 'TypeError: dynamic module import unsupported'"]);
    await mode(null);
    assert.equal((await call("two")).value, 2);
  });
});

describe("console (runtime.md §8)", () => {
  const imported = ["[LOG] 'at import'", "[WARN] 'of logs.ts'"];
  conformance(hull, [
    {
      run: ["query", "logs:values"], value: null,
      logs: [
        ...imported,
        "[LOG] 'hi' 3 1n undefined null true -0",
        "[INFO] {\n  a: {\n    b: [ 1, 2 ]\n  }\n} [ 1, 'x' ] Map (1) {\n  1 => 2\n} Set (1) {\n  'a'\n} Box {\n  size: 1\n}",
        "[DEBUG] [Function: f] [Function: A] Symbol(s) /r/ Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)",
        "[WARN] '%s' 'no substitution'",
        "[ERROR] ",
      ],
    },
    {
      run: ["query", "logs:timers"], value: null,
      logs: (lines) => /^\[WARN\] Timer 't' already exists\n\[INFO\] t: \d+ms 'more'\n\[INFO\] t: \d+ms\n\[WARN\] Timer 't' does not exist\n\[INFO\] default: \d+ms$/.test(lines.slice(2).join("\n")),
    },
    { run: ["query", "logs:trace"], value: null, logs: (lines) => /^\[LOG\] 'here' at handler \(\.\.\/convex\/logs\.ts:\d+:\d+\)$/.test(lines[2]) },
  ]);

  it("lines of actions arrive one by one, with the structure of the log", async () => {
    await hull.server.post("/api/action", { path: "logs:live", args: {}, format: "json" }, { headers: { "Convex-Request-Id": "live" } });
    const entries = await entriesOf(hull.server, "live");
    assert.deepEqual(entries.flatMap(({ kind, logLines }) => logLines.map((line) => `${kind} ${prettyLine(line)}`)), [...imported, "[LOG] 'from an action'"].map((line) => `Progress ${line}`));
    const line = entries.at(-2).logLines.at(-1);
    assert.ok(Number.isInteger(line.timestamp) && Math.abs(line.timestamp - Date.now()) < 10_000);
    assert.deepEqual({ ...line, timestamp: 0 }, { messages: ["'from an action'"], level: "LOG", timestamp: 0, isTruncated: false, systemMetadata: null });
  });
});

describe("redaction (runtime.md §7.2)", () => {
  it("clients see neither texts nor lines, the log does", async () => {
    const { dataDir } = hull.server;
    await hull.server.kill("SIGTERM");
    const quiet = await HullServer.start({ dataDir, env: { REDACT_LOGS_TO_CLIENT: "1" } });
    try {
      const headers = { "Convex-Request-Id": "quiet" };
      const response = await quiet.post("/api/mutation", { path: "errors:thrown", args: { kind: "convexObject" }, format: "json" }, { headers });
      assert.deepEqual(await response.json(), { status: "error", errorMessage: "[Request ID: quiet] Server Error", errorData: { code: 7, list: ["1"] } });
      assert.deepEqual(Object.keys(await (await quiet.post("/api/query", { path: "logs:values", args: {} })).json()).sort(), ["status", "value"]);
      const [{ error }] = await entriesOf(quiet, "quiet");
      assert.match(error, /^Uncaught ConvexError: /);
    } finally {
      await quiet.kill("SIGTERM");
    }
  });
});
