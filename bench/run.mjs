// scripts/bench: starts a Hull server on a temporary directory, measures, and prints one JSON line per figure:
//   {"name","value","unit","baseline","baseline_value","ratio"}    ratio = value / baseline_value, both taken in this run
// Everything else goes to stderr. Load runs for a few seconds per figure and stops by itself.
//   --extended       engine figures with 10 000 000 documents instead of 1 000 000
//   --documents N    ... with N
//   --data DIR       keeps the engine's large tables in DIR, so that the next run finds them
import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { App } from "../tests/lib/cli.mjs";
import { freePort } from "../tests/lib/ports.mjs";
import { HullServer, ROOT, sleep } from "../tests/lib/server.mjs";
import { actionFigures } from "./actions.mjs";
import { callFigures } from "./calls.mjs";
import { engineFigures } from "./engine.mjs";
import { fileFigures } from "./files.mjs";
import { hostileFigures } from "./hostile.mjs";
import { memoryFigures } from "./memory.mjs";
import { schedulerFigures } from "./scheduler.mjs";
import { syncFigures } from "./sync.mjs";

const BUILD = process.env.HULL_BENCH_BUILD ?? join(ROOT, "build/release");
const SECONDS = Number(process.env.HULL_BENCH_SECONDS ?? 5);
const IDLE_SECONDS = Number(process.env.HULL_BENCH_IDLE_SECONDS ?? 300);
const QUERY = ["/api/query", '{"path":"facts:echo","args":{"value":%N%},"format":"json"}'];
const CACHED = ["/api/query", '{"path":"facts:echo","args":{"value":1},"format":"json"}'];
const MUTATION = ["/api/mutation", '{"path":"notes:add","args":{"text":"bench","rank":%N%},"format":"json"}'];

const run = (program, ...args) => execFileSync(join(BUILD, "bench", program), args.map(String), { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const rate = (...args) => Number(run("bench_load", ...args));
const note = (text) => process.stderr.write(`bench: ${text}\n`);

/** Starts the bare Beast server in one of its modes. */
async function beast(mode) {
  const port = await freePort();
  const child = spawn(join(BUILD, "bench/bench_beast"), [mode, `${port}`], { stdio: "ignore" });
  await sleep(300);
  return { port, pid: child.pid, stop: () => child.kill("SIGKILL") };
}

const cache = new Map();
/** A baseline is measured once per run. */
async function once(name, measure) {
  if (!cache.has(name)) cache.set(name, await measure());
  return cache.get(name);
}
const helloRate = (connections) =>
  once(`hello ${connections}`, async () => {
    const server = await beast("hello");
    try {
      return rate("http", server.port, connections, SECONDS, "/", "{}");
    } finally {
      server.stop();
    }
  });
const sqliteRate = () =>
  once("sqlite", async () => {
    const directory = mkdtempSync(join(tmpdir(), "hull-bench-"));
    try {
      return Number(run("bench_sqlite", join(directory, "raw.sqlite3"), SECONDS));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
/** Contexts per second on all cores, made with the flags and the snapshot of the server's workers. */
const contextRate = (server) =>
  once("contexts", async () => {
    const [node, ...rest] = workerCommand(server.process.pid);
    const flags = rest.slice(0, rest.indexOf("-e"));
    const load = "process.dlopen({exports:{}}, process.argv[1], 2|8)";
    const program = join(BUILD, "bench/bench_contexts.node");
    const args = [...flags, "-e", load, program, newestSnapshot(server), "facts.js", `${SECONDS}`];
    const runs = Array.from({ length: availableParallelism() }, () => promisify(execFile)(node, args, { env: { TZ: "UTC", LC_ALL: "en_US.UTF-8" } }));
    return (await Promise.all(runs)).reduce((sum, { stdout }) => sum + parseFloat(stdout), 0);
  });
function workerCommand(pid) {
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean)) {
      const words = readFileSync(`/proc/${child}/cmdline`, "utf8").split("\0");
      if (words.some((word) => word.endsWith("/worker.node"))) return words;
    }
  }
  throw new Error("the server has no worker");
}
function newestSnapshot(server) {
  const directory = join(server.dataDir, "scratch");
  const files = readdirSync(directory).filter((name) => name.endsWith(".snapshot")).map((name) => join(directory, name));
  return files.sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs).at(-1);
}

/** Resident memory of the server and all its descendants, MiB. */
function processTreeMiB(pid, field = "VmRSS") {
  const children = new Map();
  const resident = new Map();
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${entry}/status`, "utf8");
      const parent = /PPid:\s+(\d+)/.exec(status)[1];
      resident.set(entry, Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0));
      children.set(parent, [...(children.get(parent) ?? []), entry]);
    } catch {
      // the process ended meanwhile
    }
  }
  const total = (id) => (resident.get(id) ?? 0) + (children.get(id) ?? []).reduce((sum, child) => sum + total(child), 0);
  return total(`${pid}`) / 1024;
}
const idleNodeMiB = () =>
  once("node", async () => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { stdio: "ignore" });
    await sleep(500);
    const size = processTreeMiB(child.pid);
    child.kill("SIGKILL");
    return size;
  });
const nodeStartMillis = () =>
  once("node start", async () => {
    const started = performance.now();
    execFileSync(process.execPath, ["-e", "0"]);
    return performance.now() - started;
  });
const restart = async (server) => {
  await server.kill("SIGTERM");
  await server.launch();
};

const hello = "bare Beast hello-world, same connections";
const sqlite = "raw SQLite, one durable insert per transaction";
const contexts = "contexts/s from the same snapshot in a bare loop on all cores";
const throughput = (kind, connections, [path, body], baseline, baselineRate) => ({
  unit: "1/s",
  baseline,
  measure: async (server) => [rate("http", server.port, connections, SECONDS, path, body), await baselineRate(server, connections)],
});
const FIGURES = {
  startup_ms: {
    unit: "ms",
    baseline: "start of an empty Node process",
    measure: async (server) => {
      await restart(server);
      return [server.startMillis, await nodeStartMillis()];
    },
  },
  rss_fresh_mib: {
    unit: "MiB",
    baseline: "idle Node process",
    measure: async (server) => {
      await restart(server);
      await server.call("query", "facts:fresh");
      await server.call("mutation", "counters:bump", { name: "rss" });
      return [processTreeMiB(server.process.pid), await idleNodeMiB()];
    },
  },
  http_queries_1: throughput("query", 1, QUERY, hello, (_server, n) => helloRate(n)),
  http_queries_32: throughput("query", 32, QUERY, hello, (_server, n) => helloRate(n)),
  http_queries_32_vs_contexts: throughput("query", 32, QUERY, contexts, contextRate),
  http_cached_queries_32: throughput("query", 32, CACHED, hello, (_server, n) => helloRate(n)),
  http_mutations_1: throughput("mutation", 1, MUTATION, sqlite, sqliteRate),
  http_mutations_32: throughput("mutation", 32, MUTATION, sqlite, sqliteRate),
  http_mutations_32_vs_contexts: throughput("mutation", 32, MUTATION, contexts, contextRate),
  ws_mutations_1: {
    unit: "1/s",
    baseline: sqlite,
    measure: async (server) => [rate("ws", server.port, 1, SECONDS, "notes:add"), await sqliteRate()],
  },
  ws_mutations_32: {
    unit: "1/s",
    baseline: sqlite,
    measure: async (server) => [rate("ws", server.port, 32, SECONDS, "notes:add"), await sqliteRate()],
  },
  rss_after_load_mib: {
    unit: "MiB",
    baseline: "idle Node process",
    measure: async (server) => [processTreeMiB(server.process.pid), await idleNodeMiB()],
  },
  rss_idle_mib: {
    unit: "MiB",
    baseline: "idle Node process",
    measure: async (server) => {
      note(`idle for ${IDLE_SECONDS} s`);
      await sleep(IDLE_SECONDS * 1000);
      return [processTreeMiB(server.process.pid), await idleNodeMiB()];
    },
  },
};

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { list: { type: "boolean" }, extended: { type: "boolean" }, documents: { type: "string" }, data: { type: "string" } },
});
const documents = Number(options.documents ?? (options.extended ? 10_000_000 : 1_000_000));
Object.assign(FIGURES, callFigures({ run, build: BUILD, seconds: SECONDS, load: (server) => rate("http", server.port, 32, SECONDS, ...QUERY), note }));
const engine = engineFigures({ run, seconds: SECONDS, documents, data: options.data, note });
Object.assign(
  FIGURES,
  syncFigures({ build: BUILD, seconds: SECONDS, beast, once, note, rate }),
  actionFigures({ memory: processTreeMiB, cached: once }),
  fileFigures({ once, note }),
  hostileFigures({ seconds: SECONDS }),
  schedulerFigures({ mutations: (server) => rate("http", server.port, 32, SECONDS, ...MUTATION), cached: once, note }),
  memoryFigures({ idleNode: idleNodeMiB, idleSeconds: IDLE_SECONDS, note }),
  engine.figures,
);
if (options.list) {
  console.log(Object.keys(FIGURES).join("\n"));
  process.exit(0);
}
const unknown = names.filter((name) => !(name in FIGURES));
if (unknown.length > 0) {
  note(`unknown: ${unknown.join(", ")}; --list shows the names`);
  process.exit(2);
}

async function print(name, server) {
  const { unit, baseline, measure } = FIGURES[name];
  note(name);
  const [value, baselineValue] = await measure(server);
  const round = (x) => Number(x.toPrecision(4));
  console.log(JSON.stringify({ name, value: round(value), unit, baseline, baseline_value: round(baselineValue), ratio: round(value / baselineValue) }));
}

const wanted = names.length > 0 ? names : Object.keys(FIGURES);
const remote = wanted.filter((name) => !FIGURES[name].local);
if (remote.length > 0) {
  const server = await HullServer.start();
  const app = new App(join(ROOT, "tests/app"), server);
  try {
    await app.push();
    for (const name of remote) await print(name, server);
  } finally {
    app.remove();
    await server.stop();
  }
}
try {
  for (const name of wanted.filter((name) => FIGURES[name].local)) await print(name);
} finally {
  engine.end();
}
