// The shape of the bundle: one script, heavy parts not evaluated by a plain query, types in order.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import vm from "node:vm";
import { buildRuntime } from "../build.mjs";
import { bundle, makeContext, requireFromRoot, runtimeRoot } from "./fake-native.mjs";

// Counts the lazy modules that ran, by marking their wrappers in an unminified build.
const codec = { utf8Encode: (text) => new TextEncoder().encode(text), utf8Decode: (bytes) => new TextDecoder().decode(bytes) };

async function evaluatedModules(scenario) {
  const { code } = await buildRuntime({ minify: false });
  const marked = code.replaceAll(/mod \|\| \(0, cb\[/g, "mod || (globalThis.__ran.push(Object.keys(cb)[0]), 0, cb[");
  assert.notEqual(marked, code, "the bundler's module wrapper changed");
  const context = vm.createContext({ __ran: [] });
  let hooks;
  const native = new Proxy({ setHooks: (value) => (hooks = value), phase: () => "import", monotonicNow: () => 0, ...codec }, {
    get: (target, name) => target[name] ?? (() => undefined),
  });
  Object.defineProperty(context, "__hull", { value: native, configurable: true });
  vm.runInContext(marked, context);
  hooks.startImport(new Uint8Array(32), 1);
  await scenario(context, hooks);
  return [...context.__ran].filter((name) => name !== "runtime/src/main.ts");
}

test("loading the runtime and running a query evaluates no lazy module", async () => {
  const { code } = await bundle(
    `import { queryGeneric as query } from "convex/server";
export const f = query(async () => Date.now() + Math.random());`,
    "m.js",
  );
  const ran = await evaluatedModules(async (context, hooks) => {
    const ns = vm.runInContext(code, context);
    hooks.startCall(new Uint8Array(32), 5, "query");
    assert.ok(JSON.parse(await hooks.invoke(ns, "m.js", "f", "query", "[{}]")) > 5);
  });
  assert.deepEqual(ran, []);
});

test("the console does not load the web classes", async () => {
  const ran = await evaluatedModules((context) => vm.runInContext(`console.log({ a: 1 })`, context));
  assert.ok(ran.some((name) => name.includes("object-inspect")));
  assert.ok(!ran.some((name) => /streams|whatwg-url|request|trace-mapping/.test(name)), String(ran));
});

test("ASCII URLs do not load the Unicode tables", async () => {
  const ran = await evaluatedModules((context) => vm.runInContext(`new URL("http://example.com/?a=b").href`, context));
  assert.ok(ran.some((name) => name.includes("whatwg-url")));
  assert.ok(!ran.some((name) => name.includes("node_modules/tr46")), String(ran));
});

test("the runtime adds no enumerable globals", () => {
  const rt = makeContext();
  assert.equal(rt.run("Object.keys(globalThis).length"), 0);
});

test("types check", () => {
  const tsc = join(dirname(requireFromRoot.resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(runtimeRoot, "tsconfig.json")], { stdio: "pipe" });
});
