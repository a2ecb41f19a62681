// Determinism, endings, nested calls and operations as runtime.md §3-§4, §10 and syscalls.md §1-§2, §8-§9, §11 describe them, row by row.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { conformance, entriesOf, failure } from "./lib/conformance.mjs";

const hull = useApp("tests/apps/conformance");
const noTimers = (name) =>
  `Uncaught Error: Can't use ${name} in queries and mutations. Please consider using an action. See https://docs.convex.dev/functions/actions for more details.`;
const names = async () => (await hull.server.call("query", "ending:names")).value;

describe("determinism (runtime.md §3)", () => {
  conformance(hull, [
    { name: "frozen clock", run: ["query", "determinism:frozenQuery"], value: ({ same, now }) => same && Math.abs(now - Date.now()) < 20_000 },
    { name: "frozen clock", run: ["mutation", "determinism:frozenMutation"], value: ({ same, now }) => same && Math.abs(now - Date.now()) < 5000 },
    { name: "running clock", run: ["action", "determinism:runningAction"], value: ({ ms, performance, integer }) => ms >= 29 && performance >= 29 && ms < 5000 && integer },
    { name: "performance.now stands still", run: ["query", "determinism:performanceQuery"], value: { sinceOrigin: true, grew: false, tenths: true } },
    { name: "performance.now goes on", run: ["mutation", "determinism:performanceMutation"], value: { sinceOrigin: true, grew: true, tenths: true } },
    { name: "performance.now goes on", run: ["action", "determinism:performanceAction"], value: { sinceOrigin: true, grew: true, tenths: true } },
    { name: "fresh state per call", run: ["query", "determinism:state"], value: [1, 1] },
    { name: "fresh state per nested call", run: ["mutation", "determinism:stateTwice"], value: [[1, 1], [1, 1], 10] },
    { name: "nested calls have the same time", run: ["query", "determinism:nestedTime"], value: true },
    { name: "nested calls have their own seeds", run: ["query", "determinism:nestedRandom"], value: 4 },
    { name: "the time zone is UTC", run: ["query", "determinism:utc"], value: [0, "UTC", "string", "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"] },
    { name: "process.env", run: ["query", "determinism:environment"], value: [null, [], false] },
  ]);

  it("time, randomness and environment of the import are those of the push", async () => {
    const first = (await hull.server.call("query", "determinism:atImport")).value;
    assert.deepEqual((await hull.server.call("action", "determinism:atImportInAction")).value, first);
    assert.deepEqual({ ...first, random: 0, uuid: "" }, { now: first.origin, date: first.origin, origin: first.origin, performance: 0, env: null, random: 0, uuid: "" });
    assert.ok(Date.now() - first.now < 120_000 && first.now < Date.now());
    assert.ok(first.random > 0 && first.random < 1);
    await hull.app.run(["env", "set", "CONFORMANCE", "on"]);
    assert.equal((await hull.server.call("query", "determinism:atImport")).value.env, "on");
    assert.deepEqual((await hull.server.call("query", "determinism:environment")).value, ["on", [], false]);
    await hull.app.run(["env", "remove", "CONFORMANCE"]);
  });
});

describe("the end of a function (runtime.md §3)", () => {
  conformance(hull, [
    { name: "never resolves", run: ["query", "ending:never"], error: "Returned promise will never resolve" },
    { name: "never resolves", run: ["action", "ending:neverAction"], error: "Returned promise will never resolve" },
    { name: "unhandled rejection", run: ["query", "ending:unhandled"], error: failure("Uncaught Error: nobody cares", "handler") },
    { name: "unhandled rejection", run: ["action", "ending:unhandledAction"], error: failure("Uncaught Error: nobody cares", "handler") },
    { name: "a handler that would come later", run: ["query", "ending:handledLate"], error: failure("Uncaught Error: too late", "handler") },
    { name: "a handler within the same drain", run: ["query", "ending:handledInTime"], value: "in time" },
    { name: "results in issue order", run: ["mutation", "ending:order"], value: ["runQuery", "get", "patch", "delete", "first"] },
    { name: "timers in order of due time", run: ["action", "ending:timerOrder"], value: [0, 10, 20, 30] },
    { name: "no timers", run: ["query", "ending:timerQuery"], error: (text) => text.startsWith(noTimers("setTimeout")) },
    { name: "no timers", run: ["mutation", "ending:intervalMutation"], error: (text) => text.startsWith(noTimers("setTimeout")) },
    { name: "clearing is harmless", run: ["query", "ending:clearQuery"], value: ["undefined", "undefined"] },
    { name: "no fetch", run: ["query", "ending:fetchQuery"], value: "Can't use fetch() in queries and mutations. Please consider using an action. See https://docs.convex.dev/functions/actions for more details." },
    { name: "no fetch", run: ["mutation", "ending:fetchMutation"], error: (text) => text.startsWith(noTimers("fetch()")) },
    { name: "no dynamic import", run: ["query", "ending:importQuery"], value: "TypeError: dynamic module import unsupported" },
    { name: "dynamic import", run: ["action", "ending:importAction"], value: [true, 42, ["answer"]] },
    { name: "import cycle", run: ["query", "cycle_a:both"], value: ["first", "second after first"] },
    {
      name: "dangling operation", run: ["action", "ending:dangling"], value: "done",
      logs: ["[WARN] 1 unawaited operation: [query]. Async operations should be awaited or they might not run. See https://docs.convex.dev/functions/actions#dangling-promises for more information."],
    },
    {
      name: "dangling operations, timers excepted", run: ["action", "ending:danglingTwo"], value: "done",
      logs: ["[WARN] 2 unawaited operations: [query, mutation]. Async operations should be awaited or they might not run. See https://docs.convex.dev/functions/actions#dangling-promises for more information."],
    },
  ]);

  it("operations nobody awaits run and commit", async () => {
    const before = await names();
    assert.equal((await hull.server.call("mutation", "ending:unawaited")).value, "done");
    assert.equal((await hull.server.call("mutation", "ending:unawaitedChain")).value, "done");
    assert.deepEqual((await names()).slice(before.length).sort(), ["chain 1", "chain 2", "unawaited", "unawaited too"]);
  });

  it("an operation nobody awaits fails the function", async () => {
    const before = await names();
    const result = await hull.server.call("mutation", "ending:unawaitedFailure");
    assert.match(result.errorMessage, /Uncaught Error: Failed to insert or update a document in table "rows" because it does not match the schema/);
    assert.match((await hull.server.call("mutation", "ending:rejectedWhilePending")).errorMessage, /Uncaught Error: early\n/);
    assert.deepEqual(await names(), before);
  });
});

describe("calls between functions (syscalls.md §8)", () => {
  const hidden = { value: "hidden" };
  const address = (given) => ["query", "calls:address", given];
  conformance(hull, [
    { name: "internal functions", run: ["query", "calls:callsInternal"], ...hidden },
    { name: "rollback and message", run: ["mutation", "calls:rollsBack"], value: ([message, kept]) => failure("Uncaught Error: boom", "handler").test(message) && kept === 0 },
    { name: "uncaught", run: ["mutation", "calls:failsThrough"], error: /^Uncaught Error: Uncaught Error: boom\n    at handler \(\.\.\/convex\/calls\.ts:\d+:\d+\)\n\n    at async handler \(\.\.\/convex\/calls\.ts:\d+:\d+\)\n$/ },
    { name: "uncaught", run: ["action", "calls:failsThroughAction"], error: /^Uncaught Error: Uncaught Error: boom\n    at handler \(\.\.\/convex\/calls\.ts:\d+:\d+\)\n\n    at async handler \(\.\.\/convex\/calls\.ts:\d+:\d+\)\n$/ },
    { name: "ConvexError", run: ["mutation", "calls:keepsData"], value: [true, { code: 7 }, 'Uncaught ConvexError: {"code":7}'] },
    { name: "ConvexError", run: ["action", "calls:keepsDataInAction"], value: [true, { code: 7 }, 'Uncaught ConvexError: {"code":7}'] },
    { name: "ConvexError through", run: ["mutation", "calls:dataThrough"], error: /^Uncaught ConvexError: Uncaught ConvexError: \{"code":7\}\n/, data: { code: 7 } },
    { name: "arguments", run: ["query", "calls:badArgs"], value: 'ArgumentValidationError: Value does not match validator.\nPath: .n\nValue: "x"\nValidator: v.float64()' },
    { name: "return value", run: ["query", "calls:badReturn"], value: "ReturnsValidationError: Value does not match validator.\n\nValue: 1.0\nValidator: v.string()" },
    { name: "return value", run: ["action", "calls:badReturnInAction"], value: "ReturnsValidationError: Value does not match validator.\n\nValue: 1.0\nValidator: v.string()\n" },
    { name: "missing", run: ["query", "calls:missing"], value: "Could not find public function for 'calls:nothing'." },
    { name: "missing", run: ["action", "calls:missingInAction"], value: /^Could not find public function for 'calls:nothing'\.\n?$/ },
    { name: "wrong kind", run: ["query", "calls:wrongKind"], value: "Trying to execute calls.js:add as Query, but it is defined as Mutation." },
    { name: "mutation in a query", run: ["query", "calls:mutationInQuery"], value: "Cannot call a Mutation function from a Query function" },
    { name: "eight levels", run: ["query", "calls:sink", { depth: 8 }], value: 8 },
    { name: "nine levels", run: ["query", "calls:tooDeep"], value: /Cross component call depth limit exceeded\. Do you have an infinite loop in your app\?/ },
    { name: "one after the other", run: ["mutation", "calls:together"], value: 1 },
    { name: "lines in order", run: ["mutation", "calls:speaks"], value: null, logs: ["[LOG] 'before'", "[LOG] 'adding' 'inner'", "[LOG] 'after'"] },
    { name: "shared lines", run: ["query", "calls:sharedLines"], value: null, logs: (lines) => lines.length === 256 && lines[99] === "[LOG] 'outer'" && lines[100] === "[LOG] 0" && lines[199] === "[LOG] 99" && lines[200] === "[LOG] 0" && lines[254] === "[LOG] 54" && lines[255] === "[ERROR] Log overflow (maximum 256). Remaining log lines omitted." },
    { name: "shared time", run: ["query", "calls:sharedTime"], error: "Function execution timed out (maximum duration: 1s)" },
    { name: "a timeout ends all", run: ["query", "calls:catchesTimeout"], error: "Function execution timed out (maximum duration: 1s)" },
    { name: "what the callee cannot catch its caller can", run: ["query", "calls:catchesUncatchable"], value: /^Unknown JS syscall: nope\n?$/ },
    { name: "name", run: address({ address: { name: "calls:hidden" } }), value: 'no error: "hidden"' },
    { name: "old name", run: address({ address: { name: "calls.js:hidden" } }), value: 'no error: "hidden"' },
    { name: "reference", run: address({ address: { reference: "_reference/function/calls:hidden" } }), value: 'no error: "hidden"' },
    { name: "none", run: address({ address: {} }), value: "Invalid arguments for `runUdf`: Missing required argument 'name'" },
    { name: "none", run: ["action", "calls:addressInAction", { address: {} }], value: "Invalid arguments for `runQuery`: Missing required argument 'name'" },
    { name: "bad reference", run: address({ address: { reference: "nonsense" } }), value: /^Invalid reference: / },
    { name: "argument reference", run: address({ address: { reference: "_reference/componentArgument/x" } }), value: "Can't use an argument reference in the app" },
    { name: "child reference", run: address({ address: { reference: "_reference/childComponent/x/y" } }), value: 'Child component "x" not found' },
    { name: "bad handle", run: address({ address: { functionHandle: "handle" } }), value: /^Invalid function handle/ },
    { name: "garbled handle", run: address({ address: { functionHandle: "function://nothing" } }), value: /^Invalid argument `functionHandle` for `runUdf`: Unable to decode ID: / },
    { name: "garbled handle", run: ["action", "calls:addressInAction", { address: { functionHandle: "function://nothing" } }], value: /^Invalid argument `functionHandle` for `runQuery`: Unable to decode ID: / },
    { name: "shared chunks", run: address({ address: { name: "_deps/x:y" } }), value: /Could not find public function for '_deps\/x:y'\./ },
    { name: "handle", run: ["query", "calls:handleInQuery"], value: /^function:\/\/[0-9a-hjkmnp-tv-z]{32}#calls:count$/ },
    { name: "handle", run: ["query", "calls:viaHandle", { suffix: "" }], ...hidden },
    { name: "handle with a suffix", run: ["query", "calls:viaHandle", { suffix: "#calls:hidden" }], ...hidden },
    { name: "handle", run: ["action", "calls:viaHandleInAction"], ...hidden },
    { name: "handle of a missing function", run: ["mutation", "calls:handle", { name: "calls:nothing" }], value: "Function handle not found" },
    { name: "handle of a handle", run: ["query", "calls:handleOfHandle", { handle: "function://x" }], value: 'no error: "function://x"' },
    { name: "component argument", run: ["query", "calls:argument"], value: "Component arguments are not available within the app" },
    { name: "no user", run: ["query", "calls:whoamiNested"], value: [null, null] },
    { name: "no user", run: ["action", "calls:whoamiInAction"], value: [null, null] },
  ]);

  it("lines of callees carry their path", async () => {
    const id = "conformance-lines";
    await hull.server.post("/api/mutation", { path: "calls:speaks", args: {}, format: "json" }, { headers: { "Convex-Request-Id": id } });
    const [entry] = await entriesOf(hull.server, id);
    assert.deepEqual(entry.logLines.map((line) => line.udfPath ?? null), [null, "calls.js:add", null]);
  });

  it("an id that is no handle", async () => {
    const { value } = await hull.server.call("mutation", "calls:add", { text: "no handle" });
    const address = { functionHandle: `function://${value}` };
    assert.equal((await hull.server.call("query", "calls:address", { address })).value, "Function handle not found");
    assert.equal((await hull.server.call("action", "calls:addressInAction", { address })).value, "Function handle not found");
  });

  it("handles survive a push", async () => {
    const [query, action] = [await hull.server.call("query", "calls:handleInQuery"), await hull.server.call("action", "calls:handleInAction")];
    assert.equal(query.value, action.value);
    await hull.app.push();
    assert.equal((await hull.server.call("query", "calls:handleInQuery")).value, query.value);
    const address = { functionHandle: query.value.replace("#calls:count", "") };
    assert.match((await hull.server.call("query", "calls:address", { address })).value, /^no error: \d+$/);
    assert.match((await hull.server.call("action", "calls:addressInAction", { address })).value, /^no error: \d+$/);
  });

  it("the user stays the same in callees", async () => {
    const token = Buffer.from(JSON.stringify({ subject: "ann", issuer: "https://example.com" })).toString("base64");
    const call = async (kind, path) => {
      const response = await hull.server.post(`/api/${kind}`, { path, args: {}, format: "json" }, { headers: { Authorization: `Convex ${hull.server.adminKey}:${token}` } });
      return (await response.json()).value;
    };
    assert.deepEqual(await call("query", "calls:whoamiNested"), ["ann", "ann"]);
    assert.deepEqual(await call("action", "calls:whoamiInAction"), ["ann", "ann"]);
  });
});

describe("operations (syscalls.md §1, §9, §11)", () => {
  const inQuery = (op, args = {}, sync = undefined) => ["query", "ops:inQuery", { op, args, ...(sync ? { sync } : {}) }];
  const inMutation = (op, args = {}) => ["mutation", "ops:inMutation", { op, args }];
  const inAction = (op, args = {}, sync = undefined) => ["action", "ops:inAction", { op, args, ...(sync ? { sync } : {}) }];
  const metrics = {
    bytesRead: 16777216, bytesWritten: 16777216, databaseQueries: 4096, documentsRead: 32000, documentsWritten: 16000,
    functionsScheduled: 1000, scheduledFunctionArgsBytes: 16777216,
  };
  conformance(hull, [
    { run: inQuery("1.0/nope"), value: "Unknown async operation 1.0/nope" },
    { run: inQuery("1.0/nope", {}, true), value: "Unknown operation 1.0/nope" },
    { run: inAction("1.0/nope"), value: "Unknown async operation 1.0/nope" },
    { run: inAction("1.0/nope", {}, true), value: "Unknown operation 1.0/nope" },
    ...["1.0/get", "1.0/queryStreamNext", "1.0/queryPage", "1.0/count", "1.0/insert", "1.0/shallowMerge", "1.0/replace", "1.0/remove", "1.0/schedule", "1.0/cancel_job", "1.0/runUdf", "1.0/getTransactionMetrics"].map(
      (op) => ({ run: inAction(op), value: `Unknown async operation ${op}` })),
    ...["1.0/queryStream", "1.0/queryCleanup", "1.0/db/normalizeId"].map((op) => ({ run: inAction(op, {}, true), value: `Unknown operation ${op}` })),
    ...["1.0/actions/query", "1.0/actions/mutation", "1.0/actions/action", "1.0/actions/schedule", "1.0/actions/cancel_job", "1.0/actions/vectorSearch"].flatMap((op) => [
      { run: inQuery(op), value: `Unknown async operation ${op}` },
      { run: inMutation(op), value: `Unknown async operation ${op}` },
    ]),
    ...["1.0/insert", "1.0/shallowMerge", "1.0/replace", "1.0/remove", "1.0/schedule", "1.0/cancel_job"].map((op) => ({ name: "refused in a query", run: inQuery(op), value: (text) => !text.startsWith("no error") })),
    { run: ["query", "ops:invalidJson"], value: /^Received invalid json: / },
    { run: ["query", "ops:invalidSyncJson"], value: /^Received invalid json: / },
    { run: ["query", "ops:oneArgument"], error: (text) => !text.startsWith("Uncaught") },
    { run: ["query", "ops:unknownJs"], error: "Unknown JS syscall: nope" },
    { run: ["action", "ops:unknownJsInAction"], error: "Unknown JS syscall: nope" },
    { run: ["query", "ops:metadata"], value: { name: "ops:metadata", componentPath: "", type: "query", visibility: "public" } },
    { run: ["action", "ops:metadataInAction"], value: { name: "ops:metadataInAction", componentPath: "", type: "action", visibility: "public" } },
    { run: ["mutation", "ops:deployment"], value: ({ name, region, class: kind }) => typeof name === "string" && region === null && kind === "s16" },
    { run: ["mutation", "ops:request"], value: ({ ip, requestId, scheduledFunctionId, authToken }) => ip === "127.0.0.1" && /^[0-9a-f]{16}$/.test(requestId) && scheduledFunctionId === null && authToken === null },
    { run: ["action", "ops:requestInAction"], value: ({ ip, scheduledFunctionId }) => ip === "127.0.0.1" && scheduledFunctionId === null },
    { run: ["query", "ops:requestInQuery"], value: "Cannot get request metadata in a Query" },
    { run: ["query", "ops:snapshotTs"], value: ({ $integer }) => Math.abs(Number(Buffer.from($integer, "base64").readBigInt64LE()) / 1e6 - Date.now()) < 600_000 },
    { run: ["mutation", "ops:metrics"], value: (used) => Object.entries(metrics).every(([name, limit]) => used[name] === limit) && ["filesWritten", "fileWriteBytes", "filesRead", "fileReadBytes"].every((name) => used[name] > 0) },
    { run: ["action", "ops:metricsInAction"], value: "Unknown async operation 1.0/getTransactionMetrics" },
    {
      run: ["query", "ops:badIndex"],
      value: (events) => events[0] === "Index rows.nope not found." && events[1].startsWith('The index range included a comparison with "nope", but rows.by_n with fields ['),
    },
    { run: inQuery("1.0/db/normalizeId", { table: "rows", idString: "x" }, true), value: 'no error: {"id":null}' },
    { run: inQuery("1.0/queryCleanup", { queryId: 99 }, true), value: "no error: false" },
    { run: inQuery("1.0/queryStreamNext", { queryId: 99 }), value: "in-progress query not found" },
    { run: inQuery("1.0/get", { id: "nonsense" }), value: /^Invalid argument `id` for `db\.get`: Unable to decode ID: / },
    { run: inMutation("1.0/insert", { table: "rows", value: 5 }), value: "Invalid argument `value` for `db.insert`: Value must be an Object" },
    { run: inMutation("1.0/auditLog", { body: {} }), value: "no error: null" },
    { run: inAction("1.0/auditLog", { body: {} }), value: "Audit logging is not yet supported in actions" },
    { run: inQuery("1.0/getUserIdentity"), value: "no error: null" },
  ]);

  it("request metadata follows the headers", async () => {
    const headers = { "Convex-Request-Id": "my-request", "User-Agent": "agent/1", "X-Forwarded-For": " 10.1.2.3 , 4.4.4.4" };
    const response = await hull.server.post("/api/mutation", { path: "ops:request", args: {}, format: "json" }, { headers });
    assert.deepEqual((await response.json()).value, { ip: "10.1.2.3", userAgent: "agent/1", requestId: "my-request", scheduledFunctionId: null, authToken: null });
  });
});
