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
const shims = {
  tr46: "src/shims/tr46.ts",
  "@exodus/bytes/whatwg.js": "src/shims/percent_encode.ts",
};

const lazyModules = {
  name: "lazy-modules",
  setup(build) {
    build.onResolve({ filter: /^(tr46|@exodus\/bytes\/(whatwg|encoding)\.js)$/ }, (args) => {
      if (!args.importer.includes("whatwg-url")) return undefined;
      const shim = shims[args.path];
      return shim ? { path: join(root, shim) } : { path: args.path, namespace: "empty" };
    });
    build.onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "", loader: "js" }));
    build.onLoad({ filter: /\/src\/(lazy|shims)\/.*\.ts$/ }, (args) => toCommonJs(args.path));
    // The optional globals of these packages do not exist while a snapshot is being made.
    build.onLoad({ filter: /\/webidl-conversions\/lib\/index\.js$/ }, async (args) => {
      const source = await readFile(args.path, "utf8");
      const guarded = source.replaceAll(
        /Object\.getOwnPropertyDescriptor\(SharedArrayBuffer\.prototype, "(\w+)"\)\.get/g,
        '(typeof SharedArrayBuffer === "undefined" ? () => { throw new TypeError(); } : Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, "$1").get)',
      );
      if (guarded === source) throw new Error("webidl-conversions changed: the SharedArrayBuffer guard no longer applies");
      return { contents: guarded, loader: "js" };
    });
  },
};

async function toCommonJs(path) {
  const source = await readFile(path, "utf8");
  const { code } = await esbuild.transform(source, { loader: "ts", format: "cjs", target: "es2023", sourcefile: path });
  return { contents: code, loader: "js" };
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
  return { contents: result.outputFiles[0].text, loader: "js" };
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
    minify: options.minify ?? true,
    plugins: [lazyPart],
  });
  return { code: result.outputFiles[0].text };
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
