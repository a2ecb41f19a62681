// A stand-in for the worker: loads the built runtime into a fresh vm context with a `__hull` made of node's own parts.
import { createHash, createHmac, randomFillSync } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deserialize, serialize } from "node:v8";
import vm from "node:vm";
import * as esbuild from "esbuild";
import { buildRuntime } from "../build.mjs";

export const runtimeRoot = join(dirname(fileURLToPath(import.meta.url)), "..");
const { code: runtimeCode } = await buildRuntime();
const runtimeScript = new vm.Script(runtimeCode, { filename: "runtime.js" });
export const seed = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1);
export const importTime = 1_760_000_000_000;
export const callTime = 1_760_000_100_000;

// What digests and HMAC need; the other operations are tested in the real worker (tests/subtle.test.mjs).
const hashName = (name) => name.replace("-", "").toLowerCase();
const cryptoOperations = {
  view: (source) => (source?.byteLength === undefined ? undefined : ArrayBuffer.isView(source) ? source : new Uint8Array(source)),
  copy: (data) => Buffer.from(data),
  size: (data) => data.length,
  equal: (a, b) => Buffer.compare(a, b) === 0,
  digest: (hash, data) => createHash(hashName(hash)).update(data).digest(),
  hmac: (hash, key, data) => createHmac(hashName(hash), key).update(data).digest(),
};

class Uncatchable extends Error {}

// Options: env, sourceMaps, syscall(name, args), asyncSyscall(name, args), op(name, args, payload), native (overrides).
export function makeContext(options = {}) {
  const context = vm.createContext({});
  const inner = vm.runInContext("({ Uint8Array, Promise, Error, TypeError })", context);
  const bytes = (data) => new inner.Uint8Array(data);
  const logs = [];
  const ops = [];
  const observed = [];
  let phase = options.phase ?? "import";
  let hooks;
  const native = {
    asyncSyscall: (name, json) =>
      new inner.Promise((resolve, reject) => {
        Promise.resolve()
          .then(() => options.asyncSyscall(name, JSON.parse(json)))
          .then((value) => resolve(JSON.stringify(value)))
          .catch((error) => reject(Object.assign(new inner.Error(error.message), "data" in error ? { data: error.data } : {})));
      }),
    syscall: (name, json) => JSON.stringify(options.syscall(name, JSON.parse(json))),
    asyncOp: (name, json, payload) =>
      new inner.Promise((resolve, reject) => {
        const args = JSON.parse(json);
        ops.push({ name, args, payload: payload && Uint8Array.from(payload) });
        Promise.resolve()
          .then(() => options.op(name, args, payload))
          .then(([value, data] = [{}]) => resolve([JSON.stringify(value), data && bytes(data)]))
          .catch((error) => reject(new inner.Error(error.message)));
      }),
    syncOp: () => "null",
    phase: () => phase,
    realNow: () => Date.now() + 0.25,
    monotonicNow: () => performance.now(),
    turnNow: () => performance.now(),
    env: (name) => options.env?.[name],
    secureRandom: (into) => randomFillSync(into),
    observe: (what) => observed.push(what),
    log: (level, messages, truncated, code) => logs.push({ level, messages: [...messages], truncated, code }),
    uncatchable: (message) => {
      throw new Uncatchable(message);
    },
    utf8Encode: (text) => bytes(new TextEncoder().encode(text)),
    utf8Decode: (data, fatal, ignoreBOM) => new TextDecoder("utf-8", { fatal, ignoreBOM }).decode(data),
    structuredClone: (value, transfer, platform, clone, failed) => {
      try {
        return deserialize(serialize(value));
      } catch (error) {
        throw failed(error.message);
      }
    },
    crypto: (operation, ...args) => {
      const result = cryptoOperations[operation](...args);
      return Buffer.isBuffer(result) ? bytes(result) : result;
    },
    sourceMap: (path) => options.sourceMaps?.[path],
    setHooks: (value) => {
      hooks = value;
    },
    ...options.native,
  };
  Object.defineProperty(context, "__hull", { value: native, configurable: true });
  runtimeScript.runInContext(context);
  installStackHook(context, hooks);
  hooks.startImport(seed, importTime);
  return {
    context,
    hooks,
    logs,
    ops,
    observed,
    Uncatchable,
    run: (code) => vm.runInContext(code, context),
    start(kind, callSeed = seed, now = callTime) {
      phase = kind;
      hooks.startCall(callSeed, now, kind);
    },
    setPhase(value) {
      phase = value;
    },
    // Evaluates a pushed module and gives its namespace object.
    load: (code, path) => loadModule(context, code, path),
    invoke: (ns, path, name, kind, args) => hooks.invoke(ns, path, name, kind, JSON.stringify([args])).then(JSON.parse),
  };
}

// The worker sets an isolate-wide callback; in a vm context node asks `Error.prepareStackTrace` instead.
function installStackHook(context, hooks) {
  const { Error } = vm.runInContext("({ Error })", context);
  Error.prepareStackTrace = function prepare(error, callSites) {
    Error.prepareStackTrace = undefined;
    try {
      return hooks.prepareStackTrace(error, callSites);
    } finally {
      Error.prepareStackTrace = prepare;
    }
  };
}

// Pushed bundles here import nothing at run time, so a classic script that yields the exports does for a module.
function loadModule(context, code, path) {
  return new vm.Script(code, { filename: `convex:/${path}` }).runInContext(context);
}

// Bundles source files as the CLI does (esbuild, source map), as one script whose value is the namespace object.
export async function bundle(source, path) {
  const result = await esbuild.build({
    stdin: { contents: source, resolveDir: runtimeRoot, sourcefile: `convex/${path.replace(/\.js$/, ".ts")}`, loader: "ts" },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "__namespace",
    footer: { js: "__namespace;" },
    platform: "browser",
    target: "esnext",
    conditions: ["convex", "module"],
    sourcemap: "external",
    outfile: join(runtimeRoot, "out", path),
    absWorkingDir: runtimeRoot,
  });
  const map = result.outputFiles.find((file) => file.path.endsWith(".map")).text;
  const code = result.outputFiles.find((file) => !file.path.endsWith(".map")).text;
  return { code, map };
}

export const requireFromRoot = createRequire(join(runtimeRoot, "package.json"));
