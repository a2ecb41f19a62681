// Real npm convex code in the runtime: invocation, errors with source-mapped frames, analysis (syscalls.md §2, runtime.md §7,
// deploy-and-cli.md §3).
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundle, makeContext } from "./fake-native.mjs";

const messages = `import { queryGeneric as query, mutationGeneric as mutation, actionGeneric as action, internalQueryGeneric as internalQuery } from "convex/server";
import { ConvexError, v } from "convex/values";

export const list = query({
  args: { n: v.number() },
  returns: v.any(),
  handler: async (ctx, args) => {
    const doc = await ctx.db.get("k1" as any);
    return { doc, n: args.n, big: 3n };
  },
});
export const hidden = internalQuery(async () => 1);
export const send = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("messages", { body: "hi" });
  },
});
export const run = action({
  args: {},
  handler: async (ctx) => {
    void ctx.runMutation("messages:send" as any, {});
    return new Date(0).toISOString();
  },
});
export const boom = query({
  handler: async () => helper(),
});
function helper() {
  throw new TypeError("boom");
}
export const custom = query(async () => {
  throw new ConvexError({ code: 7 });
});
export const hostError = query({
  handler: async (ctx) => {
    return await ctx.db.get("bad" as any);
  },
});
export const stackText = query(async () => new Error("here").stack);
export const helperValue = 5;
`;
const bundled = await bundle(messages, "messages.js");

function loaded(options = {}) {
  const rt = makeContext({ sourceMaps: { "messages.js": bundled.map }, ...options });
  return { rt, ns: rt.load(bundled.code, "messages.js") };
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a failure");
}

test("queries, mutations and actions round trip", async () => {
  const calls = [];
  const { rt, ns } = loaded({
    asyncSyscall: (name, args) => {
      calls.push([name, args]);
      if (name === "1.0/actions/mutation") return new Promise(() => {});
      return name === "1.0/get" ? { _id: "k1" } : { _id: "k2" };
    },
  });
  rt.start("query");
  assert.deepEqual(await rt.invoke(ns, "messages.js", "list", "query", { n: 2 }), {
    doc: { _id: "k1" }, n: 2, big: { $integer: "AwAAAAAAAAA=" },
  });
  rt.start("mutation");
  assert.equal(await rt.invoke(ns, "messages.js", "send", "mutation", {}), null);
  assert.deepEqual(calls.map(([name]) => name), ["1.0/get", "1.0/insert"]);
  rt.start("action");
  assert.equal(await rt.invoke(ns, "messages.js", "run", "action", {}), "1970-01-01T00:00:00.000Z");
  assert.deepEqual([...rt.hooks.unawaitedOps()], ["mutation"]);
});

test("missing exports and wrong kinds", () => {
  const { rt, ns } = loaded();
  rt.start("query");
  const text = (name, kind) => {
    try {
      rt.hooks.invoke(ns, "messages.js", name, kind, "[{}]");
    } catch (error) {
      const record = rt.hooks.describeError(error);
      assert.equal(record.message, error.developerError);
      return record.message;
    }
    return undefined;
  };
  assert.equal(text("nope", "query"), `Couldn't find "nope" in module "messages.js".`);
  assert.equal(text("send", "query"), "Function messages.js:send is registered as a mutation but is being run as a query.");
  assert.equal(text("list", "mutation"), "Function messages.js:list is registered as a query but is being run as a mutation.");
  assert.equal(
    text("helperValue", "query"),
    "Function messages.js:helperValue is neither a query or mutation. Did you forget to wrap it with `query` or `mutation`?",
  );
});

test("errors have mapped frames without library internals", async () => {
  const { rt, ns } = loaded();
  rt.start("query");
  const record = rt.hooks.describeError(await failure(rt.invoke(ns, "messages.js", "boom", "query", {})));
  assert.equal(record.message, "Uncaught TypeError: boom");
  assert.deepEqual([...record.frames], ["at helper (../convex/messages.ts:30:9)", "at handler (../convex/messages.ts:27:24)"]);
  const stack = await rt.invoke(ns, "messages.js", "stackText", "query", {});
  assert.match(stack, /^Error: here\n    at \.\.\/convex\/messages\.ts:40:44$/);
});

test("a failed host operation points at the line of the caller", async () => {
  const { rt, ns } = loaded({ asyncSyscall: () => Promise.reject(new Error("Invalid argument `id` for `db.get`: bad")) });
  rt.start("query");
  const record = rt.hooks.describeError(await failure(rt.invoke(ns, "messages.js", "hostError", "query", {})));
  assert.equal(record.message, "Uncaught Error: Invalid argument `id` for `db.get`: bad");
  assert.deepEqual([...record.frames], ["at async handler (../convex/messages.ts:37:12)"]);
});

test("ConvexError keeps its data", async () => {
  const { rt, ns } = loaded();
  rt.start("query");
  const record = rt.hooks.describeError(await failure(rt.invoke(ns, "messages.js", "custom", "query", {})));
  assert.equal(record.message, 'Uncaught ConvexError: {"code":7}');
  assert.deepEqual(JSON.parse(record.dataJson), { code: 7 });
  const broken = rt.run(`Object.assign(new Error("x"), { ConvexErrorSymbol: Symbol.for("ConvexError"), [Symbol.for("ConvexError")]: true, data: "{" })`);
  assert.match(rt.hooks.describeError(broken).message, /^ConvexError with invalid data: /);
});

test("messages of thrown errors", () => {
  const { rt } = loaded();
  const text = (code) => rt.hooks.describeError(rt.run(code)).message;
  assert.equal(text(`Object.assign(new Error("m"), { name: "" })`), "Uncaught m");
  assert.equal(text(`new Error()`), "Uncaught Error");
  assert.equal(text(`Object.assign(new Error(), { name: "" })`), "Uncaught");
  assert.equal(text(`class MyError extends Error {}; new MyError("m")`), "Uncaught Error: m");
  assert.equal(text(`new DOMException("m", "AbortError")`), "Uncaught AbortError: m");
  for (const other of [`"foo"`, `({})`, `null`]) assert.equal(rt.hooks.describeError(rt.run(other)), undefined);
  assert.equal(Buffer.byteLength(text(`new Error("é".repeat(40000))`)), 65536);
});

test("source maps are read only when a stack is asked for", async () => {
  let reads = 0;
  const { rt, ns } = loaded({ native: { sourceMap: () => { reads++; return bundled.map; } } });
  rt.start("query");
  const error = await failure(rt.invoke(ns, "messages.js", "boom", "query", {}));
  assert.equal(reads, 0);
  assert.equal(rt.hooks.describeError(error).frames.length, 2);
  assert.equal(reads, 1);
});

test("console.trace shows mapped frames", async () => {
  const { code, map } = await bundle(`import { queryGeneric as query } from "convex/server";
export const f = query(async () => { console.trace("x"); });`, "t.js");
  const rt = makeContext({ sourceMaps: { "t.js": map } });
  const ns = rt.load(code, "t.js");
  rt.start("query");
  await rt.invoke(ns, "t.js", "f", "query", {});
  assert.deepEqual(rt.logs[0].messages, ["'x'", "at ../convex/t.ts:2:46"]);
});

test("analysis of a function module", () => {
  const { rt, ns } = loaded({ native: { functionOrigin: () => ({ file: "convex:/messages.js", line: 1, column: 1 }) } });
  const { functions } = JSON.parse(rt.hooks.analyzeModule(ns, "messages.js"));
  const byName = Object.fromEntries(functions.map((fn) => [fn.name, fn]));
  assert.deepEqual(Object.keys(byName).sort(), ["boom", "custom", "hidden", "hostError", "list", "run", "send", "stackText"]);
  assert.deepEqual([byName.list.udfType, byName.list.visibility], ["Query", "public"]);
  assert.equal(JSON.parse(byName.list.args).type, "object");
  assert.equal(byName.list.returns, '{"type":"any"}');
  assert.deepEqual([byName.hidden.visibility, byName.hidden.args, byName.hidden.returns], ["internal", '{"type":"any"}', ""]);
  assert.equal(byName.run.udfType, "Action");
});

test("analysis failures carry text and code", () => {
  const rt = makeContext();
  const record = (hook, code, ...rest) => {
    try {
      rt.hooks[hook](rt.run(`(${code})`), ...rest);
    } catch (error) {
      const { message, code: errorCode } = rt.hooks.describeError(error);
      return [message, errorCode];
    }
    return undefined;
  };
  assert.deepEqual(record("analyzeModule", "{ f: Object.assign(() => 1, { isQuery: true, exportArgs: () => 1 }) }", "a.js"), [
    "Invalid exportArgs return value: a.js:f.exportArgs() didn't return a string.", "InvalidModules",
  ]);
  assert.deepEqual(record("analyzeModule", "{ f: Object.assign(() => 1, { isQuery: true, exportArgs: 1 }) }", "a.js"), [
    "a.js:f.exportArgs is not a function or `undefined`.", "InvalidModules",
  ]);
  assert.equal(
    record("analyzeModule", `{ f: Object.assign(() => 1, { isQuery: true, exportArgs: () => '{"type":"string"}' }) }`, "a.js")[0],
    "Args validator must be an object or any",
  );
  assert.equal(record("analyzeHttp", "{}")[0], "`convex/http.js` must have a default export of a Router.");
  assert.equal(record("analyzeCrons", "{ default: {} }")[0], "The default export of `convex/crons.js` is not a Crons object.");
  assert.equal(record("exportSchema", "{}")[1], "MissingSchemaExportError");
  assert.equal(record("exportSchema", "{ default: 1 }")[1], "InvalidSchemaExport");
  assert.equal(record("exportAuth", "{}")[1], "InvalidAuthConfig");
  assert.match(record("exportDefinition", "{}")[0], /has an invalid value \(missing default export\)\. Please make sure that you’re/);
});

test("analysis of router, crons, schema, auth and app definition", async () => {
  const { code } = await bundle(`import { httpRouter, httpActionGeneric, cronJobs, defineSchema, defineTable, defineApp } from "convex/server";
import { v } from "convex/values";
const http = httpRouter();
http.route({ path: "/hook", method: "POST", handler: httpActionGeneric(async () => new Response("x")) });
http.route({ pathPrefix: "/p/", method: "GET", handler: httpActionGeneric(async () => new Response("x")) });
const crons = cronJobs();
crons.interval("clean", { seconds: 30 }, "jobs:clean" as any);
export const parts = {
  http: { default: http }, crons: { default: crons },
  schema: { default: defineSchema({ messages: defineTable({ body: v.string() }).index("by_body", ["body"]) }) },
  auth: { default: { providers: [] } }, app: { default: defineApp() },
};`, "parts.js");
  const rt = makeContext();
  const { parts } = rt.load(code, "parts.js");
  assert.deepEqual(JSON.parse(rt.hooks.analyzeHttp(parts.http)).routes, [{ path: "/hook", method: "POST" }, { path: "/p/*", method: "GET" }]);
  assert.deepEqual(JSON.parse(rt.hooks.analyzeCrons(parts.crons)).clean.schedule, { type: "interval", seconds: 30 });
  assert.equal(JSON.parse(rt.hooks.exportSchema(parts.schema)).tables[0].tableName, "messages");
  assert.equal(rt.hooks.exportAuth(parts.auth), '{"providers":[]}');
  assert.equal(JSON.parse(rt.hooks.exportDefinition(parts.app)).definitionType.type, "app");
});
