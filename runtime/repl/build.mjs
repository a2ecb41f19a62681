// Builds the module that ad-hoc queries import, with the part of npm convex it needs: `node runtime/repl/build.mjs <outfile>`.
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
await esbuild.build({
  entryPoints: [join(root, "wrappers.ts")],
  outfile: resolve(process.argv[2]),
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2023",
  conditions: ["convex", "module"],
  legalComments: "none",
  logLevel: "warning",
});
