// The executor of "use node" actions, without a server (auth-and-node.md §7.3, runtime.md §13).
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Executor, makeSources } from "./executor.mjs";

const app = `"use node";
import { createHash } from "node:crypto";
import { actionGeneric as action, internalActionGeneric as internalAction } from "convex/server";
import { ConvexError, v } from "convex/values";

let warm = 0;
export const basics = action({
  args: { text: v.string() },
  returns: v.any(),
  handler: async (ctx, { text }) => ({
    calls: ++warm,
    hash: createHash("sha256").update(Buffer.from(text)).digest("hex").slice(0, 8),
    env: Object.keys(process.env).sort(),
    commonJs: [typeof require, typeof module, typeof exports, typeof __dirname, typeof __filename],
    zone: new Date(0).getTimezoneOffset(),
    cwd: process.cwd() === __dirname.replace("/modules", ""),
  }),
});
export const ops = action(async (ctx) => [
  await ctx.runQuery("m:q" as any, { n: 1 }),
  await ctx.auth.getUserIdentity(),
  await ctx.scheduler.runAfter(0, "m:q" as any, {}).catch((error) => error.message),
]);
export const opError = action(async (ctx) => {
  try {
    await ctx.runMutation("m:fails" as any, {});
  } catch (error: any) {
    return [error instanceof ConvexError, error.data];
  }
});
export const database = action(async (ctx) => {
  const Convex = (globalThis as any).Convex;
  const text = async (run: () => unknown) => { try { await run(); } catch (error: any) { return error.message; } };
  return [
    await text(() => Convex.asyncSyscall("1.0/get", "{}")),
    await text(() => Convex.syscall("1.0/queryStream", "{}")),
    await text(() => Convex.asyncSyscall("1.0/schedule", "{}")),
    await text(() => Convex.asyncSyscall("fetch", "{}")),
  ];
});
export const logs = action(async () => {
  console.log("hi", 1n, { a: [1] });
  await Promise.resolve();
  console.warn("careful");
  console.timeLog("t");
  console.time("t");
  console.timeEnd("t");
  console.log("x".repeat(40000), "dropped");
});
export const chatty = action(async (ctx, { lines, size }: any) => {
  for (let i = 0; i < lines; i++) console.log("y".repeat(size));
});
export const interleaved = action(async (ctx, { name }: any) => {
  for (let i = 0; i < 5; i++) {
    console.log(name);
    await new Promise((done) => setTimeout(done, 5));
  }
});
function helper() {
  throw new TypeError("boom");
}
export const throws = action(async () => helper());
export const later = action(async () => {
  await new Promise((done) => setTimeout(done, 1));
  helper();
});
export const convexError = action(async () => {
  throw new ConvexError({ code: 7 });
});
export const text = action(async () => {
  throw "plain";
});
export const fetchFails = action(async () => {
  await fetch("http://127.0.0.1:1/");
});
export const rejects = action(async () => {
  void Promise.reject(new Error("nobody looks"));
  await new Promise(() => {});
});
export const uncaught = action(async () => {
  setTimeout(() => { throw new RangeError("in a timer"); }, 1);
  await new Promise(() => {});
});
export const exits = action(async () => {
  try { process.exit(3); } catch {}
  return "went on";
});
export const never = action(async () => new Promise(() => {}));
export const nap = action(async (ctx, { ms }: any) => new Promise((done) => setTimeout(() => done("slept"), ms)));
export const forgets = action(async (ctx) => {
  void ctx.runMutation("m:slow" as any, {});
});
export const floods = action(async (ctx) => {
  const all = await Promise.allSettled(Array.from({ length: 1001 }, () => ctx.runQuery("m:slow" as any, {})));
  return all;
});
export const bad = action(async () => "x".repeat(5));
export const kept: { ctx?: any } = {};
export const keep = action(async (ctx) => { kept.ctx = ctx; });
export const useKept = action(async () => await kept.ctx.runQuery("m:q", {}));
export const inner = internalAction(async () => 1);
export const helperValue = 5;
export const notAction = () => 1;
`;
const answer = ({ name, argsJson }) => {
  if (argsJson.includes("m:slow")) return undefined;
  if (argsJson.includes("m:fails")) return { error: { message: "Uncaught ConvexError: no\n", dataJson: '{"why":1}' } };
  if (name === "1.0/actions/query") return { json: JSON.stringify(`${name} ${JSON.parse(argsJson).name}`) };
  if (name === "1.0/actions/schedule") return { error: { message: "no scheduler" } };
  return { json: "null" };
};

describe("an executor", () => {
  let sources;
  let executor;
  before(async () => {
    sources = await makeSources({ "app.js": app });
    executor = await Executor.start(sources.directory, { answer, env: { MINE: "1" } });
  });
  after(async () => {
    await executor.stop();
    sources.remove();
  });

  it("gives modules Node's own world, only the deployment's variables, and warm globals", async () => {
    const { value } = await executor.call("app:basics", { text: "hull" });
    assert.deepEqual(value.env.filter((name) => name !== "PATH"), ["MINE", "TZ"]);
    assert.match(value.hash, /^[0-9a-f]{8}$/);
    assert.deepEqual(value.commonJs, ["function", "object", "object", "string", "string"]);
    assert.deepEqual([value.zone, value.cwd], [0, true]);
    assert.equal((await executor.call("app:basics", { text: "" })).value.calls, value.calls + 1);
  });

  it("operations are asked of the server", { timeout: 5000 }, async () => {
    assert.deepEqual((await executor.call("app:ops")).value, ["1.0/actions/query m:q", null, "no scheduler"]);
    assert.deepEqual((await executor.call("app:opError")).value, [true, { why: 1 }]);
  });

  it("operations of queries and mutations are refused", async () => {
    const [read, stream, schedule, unknown] = (await executor.call("app:database")).value;
    for (const text of [read, stream]) {
      assert.match(text, /^The Convex database object is being used outside of a Convex query or mutation\. Did you mean to use /);
    }
    assert.match(schedule, /^The mutation scheduler is being used outside of a Convex mutation\. /);
    assert.equal(unknown, "Unknown async operation fetch");
  });

  it("log lines belong to their call", async () => {
    const { lines } = await executor.call("app:logs");
    assert.equal(lines[0], "[LOG] 'hi' 1n { a: [ 1 ] }");
    assert.deepEqual(lines.slice(1, 3), ["[WARN] 'careful'", "[WARN] Timer 't' does not exist"]);
    assert.match(lines[3], /^\[INFO\] t: \d+ms$/);
    assert.equal(lines[4], `[LOG] '${"x".repeat(32767)}`);
    const both = await Promise.all(["a", "b"].map((name) => executor.call("app:interleaved", { name })));
    assert.deepEqual(both.map((one) => one.lines), [Array(5).fill("[LOG] 'a'"), Array(5).fill("[LOG] 'b'")]);
  });

  it("the log has an end", async () => {
    const many = (await executor.call("app:chatty", { lines: 300, size: 1 })).lines;
    assert.equal(many.length, 256);
    assert.equal(many[255], "[ERROR] Log overflow (maximum 256). Remaining log lines omitted.");
    const long = (await executor.call("app:chatty", { lines: 60, size: 30_000 })).lines;
    assert.equal(long.length, 35);
    assert.equal(long[34], "[ERROR] Log overflow (maximum 1M characters). Remaining log lines omitted.");
  });

  it("errors have source-mapped frames of pushed modules only", async () => {
    const { error, retire } = await executor.call("app:throws");
    assert.equal(error.message, "Uncaught TypeError: boom");
    assert.deepEqual(error.frames.map((frame) => frame.replace(/:\d+:\d+/, "")), ["at helper (../convex/app.ts)", "at ../convex/app.ts"]);
    assert.equal(app.split("\n")[Number(/:(\d+):/.exec(error.frames[0])[1]) - 1].trim(), 'throw new TypeError("boom");');
    assert.equal(retire, false);
    assert.equal((await executor.call("app:later")).error.frames.length, 2);
    const convexError = (await executor.call("app:convexError")).error;
    assert.equal(convexError.dataJson, '{"code":7}');
    assert.equal(convexError.message, 'Uncaught ConvexError: {"code":7}');
    assert.equal((await executor.call("app:text")).error.message, "Uncaught plain");
    const failed = (await executor.call("app:fetchFails")).error;
    assert.equal(failed.message, "Uncaught TypeError: fetch failed");
    assert.match(failed.frames.join("\n"), /^at async \.\.\/convex\/app\.ts:\d+:\d+$/);
  });

  it("what is not an action is named", async () => {
    assert.equal((await executor.call("app:nothing")).error.message, "Couldn't find action `nothing` in `app.js`");
    assert.equal((await executor.call("app:notAction")).error.message, "`notAction` wasn't registered as a Convex action in `app.js`");
  });

  it("what was not awaited is warned about", async () => {
    const { value, lines } = await executor.call("app:forgets");
    assert.equal(value, null);
    assert.equal(
      lines[0],
      "[WARN] You have an outstanding mutation call. Operations should be awaited or they might not run. Not awaiting promises might result in unexpected failures. See https://docs.convex.dev/functions/actions#dangling-promises for more information.",
    );
  });

  it("at most 1000 operations at once", async () => {
    const id = executor.begin("app:floods", {}, { timeoutMs: 500 });
    await executor.finished(id);
    const issued = executor.frames.filter((frame) => frame.ops?.callId === id).flatMap((frame) => frame.ops.ops);
    assert.equal(issued.length, 1000);
  });

  it("a ctx that outlived its call cannot be used", async () => {
    await executor.call("app:keep");
    assert.equal((await executor.call("app:useKept")).error.message, "Uncaught Error: The action that this `ctx` belongs to has already ended");
  });

  it("a call that takes too long ends alone", async () => {
    const [slow, healthy] = await Promise.all([
      executor.call("app:never", {}, { timeoutMs: 60 }),
      executor.call("app:nap", { ms: 150 }),
    ]);
    assert.equal(slow.error.message, "Action `never` execution timed out (maximum duration 0.06s)");
    assert.equal(slow.error.kind, "TIMEOUT");
    assert.equal(slow.retire, true);
    assert.equal(healthy.value, "slept");
  });
});

describe("faults", () => {
  let sources;
  before(async () => {
    sources = await makeSources({ "app.js": app, "broken.js": "throw new Error('at import');\nexport const x = 1;" });
  });
  after(() => sources.remove());

  for (const [name, message] of [
    ["rejects", "Uncaught unhandledRejection: nobody looks"],
    ["uncaught", "Uncaught uncaughtException: in a timer"],
    ["exits", "process.exit() called with exit code 3"],
  ]) {
    it(`${name} fails its call only, and the process takes no more`, async () => {
      const executor = await Executor.start(sources.directory);
      try {
        const healthy = executor.call("app:nap", { ms: 300 });
        const failed = await executor.call(`app:${name}`);
        assert.equal(failed.error.message, message);
        assert.equal(failed.retire, true);
        if (name !== "exits") assert.match(failed.error.frames[0], /^at .*\(?\.\.\/convex\/app\.ts:\d+:\d+\)?$/);
        await executor.frame((frame) => frame.retiring);
        assert.equal((await healthy).value, "slept");
      } finally {
        await executor.stop();
      }
    });
  }

  it("an import that fails fails the call", async () => {
    const executor = await Executor.start(sources.directory);
    const { error, retire } = await executor.call("broken:x");
    assert.equal(error.message, "Uncaught Error: at import");
    assert.equal(retire, true);
    await executor.stop();
  });

  it("ends with its server", async () => {
    const executor = await Executor.start(sources.directory);
    executor.child.stdio[3].destroy();
    assert.equal((await executor.exited).code, 0);
  });
});

describe("analysis", () => {
  async function analyzed(modules, env) {
    const sources = await makeSources(modules);
    const executor = await Executor.start(sources.directory, { env });
    executor.send({ analyze: { modules: Object.keys(modules), userTimeoutMs: 300 } });
    const { analyzed: result } = await executor.frame((frame) => frame.analyzed);
    await executor.stop();
    sources.remove();
    return result;
  }

  it("lists actions with their validators and positions", async () => {
    const { modules } = await analyzed({ "app.js": app });
    const functions = Object.fromEntries(modules[0].functions.map((fn) => [fn.name, fn]));
    assert.equal(modules[0].path, "app.js");
    assert.equal(functions.inner.visibility, "internal");
    assert.equal(functions.helperValue ?? functions.notAction, undefined);
    assert.equal(functions.basics.argsJson, '{"type":"object","value":{"text":{"fieldType":{"type":"string"},"optional":false}}}');
    assert.equal(app.split("\n")[functions.basics.line - 1].trim(), "handler: async (ctx, { text }) => ({");
  });

  it("refuses everything but actions", async () => {
    for (const [maker, type] of [["queryGeneric", "Query"], ["mutationGeneric", "Mutation"], ["httpActionGeneric", "HttpAction"]]) {
      const result = await analyzed({ "m.js": `import { ${maker} as make } from "convex/server";\nexport const f = make(async () => null as any);` });
      assert.equal(result.failedModule, "m.js");
      assert.equal(result.errorCode, "InvalidModules");
      assert.equal(
        result.error.message,
        `\`f\` defined in \`m.js\` is a ${type} function. Only actions can be defined in Node.js. See https://docs.convex.dev/functions/actions for more details.`,
      );
    }
  });

  it("tells what fails while a module is loaded", async () => {
    const thrown = await analyzed({ "m.js": "console.log('before');\nthrow new Error('no ' + process.env.KEY);" }, { KEY: "key" });
    assert.equal(thrown.error.message, "Uncaught Error: no key");
    assert.equal(thrown.error.frames.length, 1);
    assert.deepEqual(thrown.logs[0].messages, ["'before'"]);
    assert.match((await analyzed({ "m.js": "await new Promise(() => {});" })).error.message, /timed out \(maximum duration: 0\.3s\)/);
    assert.match((await analyzed({ "m.js": "process.exit(1);" })).error.message, /process\.exit\(\) called with exit code 1/);
    assert.match((await analyzed({ "m.js": "await import('not-there');" })).error.message, /^Uncaught Error: Cannot find package 'not-there' imported from m\.js$/);
  });
});
