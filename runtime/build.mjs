// Builds the in-isolate runtime into one classic script: `node runtime/build.mjs <outfile>`.
//
// Everything under src/lazy and src/shims is turned into CommonJS first (npm packages are resolved to their CommonJS form),
// so that the bundler wraps each such module in a function that runs on its first `require`. In a V8 snapshot those modules
// are closures that never ran: a fresh context pays for their objects only when a function uses them.
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
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

export async function buildRuntime(options = {}) {
  const result = await esbuild.build({
    entryPoints: [join(root, "src/main.ts")],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: "es2023",
    minify: options.minify ?? true,
    legalComments: "none",
    conditions: ["require"],
    mainFields: ["browser", "main"],
    plugins: [lazyModules],
    metafile: true,
    logLevel: "warning",
  });
  return { code: result.outputFiles[0].text, metafile: result.metafile };
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
