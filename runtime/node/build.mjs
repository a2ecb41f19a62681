// Builds the executor of "use node" actions into one ES module: `node runtime/node/build.mjs <outfile>`.
//
// Error texts and the analysis are the isolate runtime's own modules; what those take from their host comes from here.
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import protobuf from "protobufjs";

const root = dirname(fileURLToPath(import.meta.url));
const replaced = { "../host.ts": "host.ts", "./stack.ts": "stack.ts" };

const hostOfSharedModules = {
  name: "host-of-shared-modules",
  setup(build) {
    build.onResolve({ filter: /^\.\.?\/(host|stack)\.ts$/ }, (args) =>
      args.importer.startsWith(join(root, "../src/lazy/")) ? { path: join(root, "src", replaced[args.path]) } : undefined,
    );
  },
};

export async function readProtocol() {
  const source = await readFile(join(root, "../../src/worker/protocol.proto"), "utf8");
  return protobuf.parse(source).root.toJSON();
}

const protocol = {
  name: "protocol",
  setup(build) {
    build.onResolve({ filter: /^hull:protocol$/ }, (args) => ({ path: args.path, namespace: "protocol" }));
    build.onLoad({ filter: /.*/, namespace: "protocol" }, async () => ({
      contents: JSON.stringify(await readProtocol()),
      loader: "json",
    }));
  },
};

export async function buildExecutor(outfile) {
  await mkdir(dirname(resolve(outfile)), { recursive: true });
  await esbuild.build({
    entryPoints: [join(root, "src/main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "warning",
    plugins: [hostOfSharedModules, protocol],
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const outfile = process.argv[2];
  if (!outfile) {
    console.error("usage: node runtime/node/build.mjs <outfile>");
    process.exit(2);
  }
  await buildExecutor(outfile);
}
