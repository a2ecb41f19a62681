// An app of any size as the CLI would push it: modules bundled by esbuild, with shared chunks and source maps, sent through the push
// routes. The text is made up (seeded) but has the shape and the compressibility of code.
import { brotliCompressSync, constants } from "node:zlib";
import { createHash } from "node:crypto";
import { buildSync, transformSync } from "esbuild";
import { ROOT } from "./server.mjs";

const WORDS =
  "account agent amount archive balance batch billing board buffer calendar cancel channel charge client comment contact course credit customer " +
  "deadline delivery device digest discount draft editor event expense feature filter folder group history income index invoice issue item label " +
  "language ledger limit locale member message metric milestone notice number order owner page payment period plan policy price product profile " +
  "project quota range rating reader reason record region report request result review role route rule schedule score search section segment " +
  "session setting status step storage summary survey table target task team template ticket token total usage value version visitor window";
const words = WORDS.split(" ");

function random(seed) {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** Declarations that make up about `bytes` of TypeScript. */
export function declarations(bytes, seed) {
  const next = random(seed);
  const word = () => words[next(words.length)];
  const title = (text) => text[0].toUpperCase() + text.slice(1);
  let text = "";
  for (let n = 0; text.length < bytes; n++) {
    const [a, b, c, d] = [word(), word(), word(), word()];
    text +=
      `/** Computes the ${a} of a ${b} from its ${c}, which must have been checked before. */\n` +
      `export function ${a}${title(b)}${n}(${c}: { ${d}: number; ${b}s: string[] }, ${a}Limit: number = ${next(1000)}): string | null {\n` +
      `  if (${c}.${b}s.length > ${a}Limit) throw new Error("Too many ${b}s in the ${c} (maximum ${next(5000)})");\n` +
      `  const ${d}Total = ${c}.${b}s.reduce((sum, ${b}) => sum + ${b}.length * ${next(90)}, ${c}.${d} ?? ${next(9)});\n` +
      `  return ${d}Total > ${next(100000)} ? \`${word()} ${word()} \${${d}Total} ${word()}\` : null;\n}\n`;
  }
  return text;
}

function compiled(source, sourcefile) {
  const { code, map } = transformSync(source, { loader: "ts", format: "esm", target: "esnext", sourcemap: "external", sourcefile });
  return { source: code, sourceMap: map };
}

/**
 * `modules` function modules and `chunks` shared chunks, each of about `bytes` with its map. Every module imports npm convex and one
 * other chunk, and exports `ping` (a query that answers its number), `put` (a mutation) and `fail` (a query that throws).
 */
export function bigApp({ modules, bytes, chunks = Math.ceil(modules / 20), version = 0, seed = 1 }) {
  const list = [];
  const add = (path, source) => list.push({ path, ...compiled(source, `../convex/${path.replace(/\.js$/, ".ts")}`), environment: "isolate" });
  const convex = buildSync({
    stdin: { contents: 'export { queryGeneric as query, mutationGeneric as mutation } from "convex/server"', resolveDir: ROOT },
    bundle: true, format: "esm", write: false, target: "esnext", logLevel: "silent",
  }).outputFiles[0].text;
  list.push({ path: "_deps/convex.js", source: convex, environment: "isolate" });
  // What of a module with its map is its TypeScript.
  const text = Math.floor(bytes * 0.44);
  for (let n = 0; n < chunks; n++) add(`_deps/chunk${n}.js`, `${declarations(text, seed * 7919 + n)}export const chunk = ${n};\n`);
  for (let n = 0; n < modules; n++) {
    add(
      `part${n % 10}/m${n}.js`,
      `import { query, mutation } from "../_deps/convex.js";\nimport { chunk } from "../_deps/chunk${n % chunks}.js";\n` +
        `export const ping = query({ handler: async (): Promise<number> => ${n} + 0 * chunk + ${version} });\n` +
        `export const put = mutation({ handler: async (ctx: any) => { await ctx.db.insert("items", { n: ${n} }); } });\n` +
        `export const fail = query({ handler: async (): Promise<never> => { throw new Error("module ${n} fails"); } });\n` +
        declarations(text, seed * 104729 + n),
    );
  }
  return list;
}

export const hashOf = ({ source, sourceMap }) => createHash("sha256").update(source).update(sourceMap ?? "").digest("hex");
export const sizeOf = (modules) => modules.reduce((sum, { source, sourceMap }) => sum + source.length + (sourceMap?.length ?? 0), 0);

async function step(server, path, body) {
  const response = await fetch(`${server.url}/api/deploy2/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Content-Encoding": "br", Authorization: `Convex ${server.adminKey}` },
    body: brotliCompressSync(JSON.stringify({ adminKey: server.adminKey, ...body }), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 2000)}`);
  return text;
}

/** Pushes as the CLI does: modules whose hash is deployed already are only named. Answers how long each step took, ms. */
export async function pushModules(server, modules) {
  const times = {};
  const timed = async (name, run) => {
    const started = performance.now();
    const result = await run();
    times[name] = Math.round(performance.now() - started);
    return result;
  };
  const response = await server.post("/api/get_config_hashes", { version: "1.48.0", adminKey: server.adminKey });
  const deployed = new Map((await response.json()).moduleHashes.map(({ path, hash }) => [path, hash]));
  const changedModules = [];
  const unchangedModuleHashes = [];
  for (const module of modules) {
    const hash = hashOf(module);
    if (deployed.get(module.path) === hash) unchangedModuleHashes.push({ path: module.path, environment: "isolate", sha256: hash });
    else changedModules.push(module);
  }
  const started = await timed("start_push", () =>
    step(server, "start_push", {
      dryRun: false,
      functions: "convex/",
      appDefinition: { definition: null, dependencies: [], schema: null, changedModules, unchangedModuleHashes, udfServerVersion: "1.48.0" },
      componentDefinitions: [],
      nodeDependencies: [],
    }),
  );
  const startPush = JSON.parse(started);
  await timed("wait_for_schema", () => step(server, "wait_for_schema", { schemaChange: startPush.schemaChange, timeoutMs: 10_000, dryRun: false }));
  await timed("finish_push", () => step(server, "finish_push", { startPush, dryRun: false }));
  return times;
}
