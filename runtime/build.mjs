// Builds the in-isolate runtime into one classic script: `node runtime/build.mjs <outfile>`.
//
// The modules under src/lazy and src/shims and the npm packages become one function of the script, which runs when the first
// of them is needed; inside it every module is again a function that runs on its first `require` (CommonJS form). In a V8
// snapshot all of that is a single closure that never ran, so a fresh context pays for it only when a call uses it.
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as esbuild from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
// What whatwg-url, and what the encodings of @exodus/bytes import, that is not bundled as it is.
const urlShims = {
  tr46: "src/shims/tr46.ts",
  "@exodus/bytes/whatwg.js": "src/shims/percent_encode.ts",
};
const exodus = "../node_modules/@exodus/bytes";
const exodusShims = {
  "./platform.js": "src/shims/exodus_platform.ts",
  "@exodus/bytes/base64.js": "src/shims/exodus_base64.ts",
  "@exodus/bytes/utf16.js": `${exodus}/utf16.native.js`,
};

const lazyModules = {
  name: "lazy-modules",
  setup(build) {
    build.onResolve({ filter: /^(tr46|@exodus\/bytes\/(whatwg|encoding)\.js)$/ }, (args) => {
      if (!args.importer.includes("whatwg-url")) return undefined;
      const shim = urlShims[args.path];
      return shim ? { path: join(root, shim) } : { path: args.path, namespace: "empty" };
    });
    build.onResolve({ filter: /^@exodus\/bytes\/fallback\// }, (args) => ({
      path: join(root, exodus, args.path.slice("@exodus/bytes".length)),
    }));
    build.onResolve({ filter: /^(\.\/platform\.js|@exodus\/bytes\/(base64|utf16)\.js)$/ }, (args) => {
      const shim = args.importer.includes("@exodus/bytes") ? exodusShims[args.path] : undefined;
      return shim ? { path: join(root, shim) } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "", loader: "js" }));
    build.onLoad({ filter: /\/src\/(lazy|shims)\/.*\.ts$/ }, (args) => toCommonJs(args.path));
    for (const edit of edits) build.onLoad({ filter: edit.file }, (args) => applyEdit(edit, args.path));
  },
};

// Changes to sources of packages.
const edits = [
  {
    // SharedArrayBuffer does not exist while a snapshot is being made.
    file: /\/(webidl-conversions\/lib\/index|whatwg-url\/lib\/utils)\.js$/,
    from: /Object\.getOwnPropertyDescriptor\(SharedArrayBuffer\.prototype, "(\w+)"\)\.get/g,
    to: '(typeof SharedArrayBuffer === "undefined" ? () => { throw new TypeError(); } : Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, "$1").get)',
  },
  {
    // The runtime's own atob, or what user code put in its place, is no faster way.
    file: /\/@exodus\/bytes\/fallback\/latin1\.js$/,
    from: /\(\(\) => globalThis\.atob\)\(\)/g,
    to: "undefined",
  },
];

async function applyEdit({ file, from, to }, path) {
  const source = await readFile(path, "utf8");
  const contents = source.replaceAll(from, to);
  if (contents === source) throw new Error(`${file} changed: an edit of build.mjs no longer applies`);
  return { contents, loader: "js" };
}

async function toCommonJs(path) {
  const source = await readFile(path, "utf8");
  const { code } = await esbuild.transform(source, { loader: "ts", format: "cjs", target: "es2023", sourcefile: path });
  return { contents: harden(code, true), loader: "js" };
}

// The bundler's helpers connect modules when user code may already have changed the built-ins. They must neither take what it
// put in their place nor hand it an object of the runtime, be it as an argument or as the `this` of a getter on Object.prototype.
const helpers = [
  [/var (__hasOwnProp\d*) = Object\.prototype\.hasOwnProperty;/g, "var $1 = Object.hasOwn;"],
  [/(__hasOwnProp\d*)\.call\((\w+), (\w+)\)/g, "$1($2, $3)"],
  [/\{ (get: \(\) => from\d*\[key\d*\]|get: all\d*\[name\d*\]|value: mod\d*), /g, "{ __proto__: null, $1, "],
  [/\{ value: true \}/g, "{ __proto__: null, value: true }"],
  [/for \(let (key\d*) of (__getOwnPropNames\d*\(\w+\))\)/g, "for (let keys = $2, $1, at = 0; at < keys.length && ($1 = keys[at], true); at++)"],
];
const unhardened = /__hasOwnProp\d*\.call|\{ get: (\(\) => from|all\[)|of __getOwnPropNames/;

function harden(code, lazy) {
  let out = code;
  for (const [from, to] of helpers) out = out.replaceAll(from, to);
  return lazy ? out.replaceAll(/^( *var __\w+) = Object\.(\w+);$/gm, "$1 = __builtins.$2;") : out;
}

// The lazy part as one CommonJS module. The eager modules it imports stay imports, resolved by the outer build.
async function bundleLazyPart(path) {
  const eagerModules = {
    name: "eager-modules",
    setup(build) {
      build.onResolve({ filter: /^\.\.\/.*\.ts$/ }, (args) => {
        const target = resolve(args.resolveDir, args.path);
        return dirname(target) === join(root, "src") ? { path: `../${basename(target)}`, external: true } : undefined;
      });
    },
  };
  const result = await esbuild.build({
    ...shared,
    entryPoints: [path],
    format: "cjs",
    plugins: [eagerModules, lazyModules],
  });
  return { contents: harden(result.outputFiles[0].text, true), loader: "js" };
}

const lazyPart = {
  name: "lazy-part",
  setup(build) {
    build.onLoad({ filter: /\/src\/lazy\/index\.ts$/ }, (args) => bundleLazyPart(args.path));
  },
};

const shared = {
  bundle: true,
  write: false,
  platform: "browser",
  target: "es2023",
  legalComments: "none",
  conditions: ["require"],
  mainFields: ["browser", "main"],
  logLevel: "warning",
};

export async function buildRuntime(options = {}) {
  const result = await esbuild.build({
    ...shared,
    entryPoints: [join(root, "src/main.ts")],
    format: "iife",
    inject: [join(root, "src/builtins.ts")],
    plugins: [lazyPart],
  });
  const code = harden(result.outputFiles[0].text, false);
  if (unhardened.test(code)) throw new Error("the bundler's helpers changed: they are not hardened");
  return options.minify === false ? { code } : esbuild.transform(code, { minify: true, target: "es2023", legalComments: "none" });
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const outfile = process.argv[2];
  if (!outfile) {
    console.error("usage: node runtime/build.mjs <outfile>");
    process.exit(2);
  }
  const { writeFile, mkdir } = await import("node:fs/promises");
  const { code } = await buildRuntime();
  await mkdir(dirname(resolve(outfile)), { recursive: true });
  await writeFile(outfile, code);
}
