// Figures of live queries: fan-out, many distinct queries, redeploys under load. Baselines: a bare Beast broadcast of the same bytes
// (beast_baseline.cc) and a server written by hand in Node (node_server.mjs).
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { declarations } from "../tests/lib/big_app.mjs";
import { freePort } from "../tests/lib/ports.mjs";
import { HullServer, ROOT, sleep } from "../tests/lib/server.mjs";
import { App } from "../tests/lib/cli.mjs";

const NODE = "a hand-written Node server (ws, SQLite, queries run again on each write)";
const BEAST = (count) => `bare Beast broadcast of the same bytes to ${count} clients`;
const COUNTERS = ["counters:get", "counters:bump"];
const IDLE = { sockets: 9900, seconds: 15 }; // longer than the allocator keeps pages that are free
const REDEPLOY = { modules: 150, clients: 1000, subscriptions: 10, writes: 50 };

/** Runs `use` with the Node server. */
async function withNode(use) {
  const directory = mkdtempSync(join(tmpdir(), "hull-bench-"));
  const port = await freePort();
  const child = spawn(process.execPath, ["--no-warnings", join(ROOT, "bench/node_server.mjs"), `${port}`, join(directory, "counters.sqlite3")], { stdio: "ignore" });
  try {
    const body = JSON.stringify({ path: "facts:echo", args: { value: 1 } });
    while (!(await fetch(`http://127.0.0.1:${port}/api/query`, { method: "POST", body }).then(({ ok }) => ok, () => false))) await sleep(20);
    return await use(port);
  } finally {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  }
}
const percentile = (samples, q) => samples.toSorted((a, b) => a - b)[Math.min(samples.length - 1, Math.floor(q * samples.length))];

/** `build`: directory of the load generators; `beast(mode)`: starts the bare server; `once(name, measure)`: measures at most once. */
export function syncFigures({ build, seconds, beast, once, note, rate }) {
  const load = async (...args) => {
    const { stdout } = await promisify(execFile)(join(build, "bench/bench_sync"), args.map(String), { maxBuffer: 1 << 26 });
    return stdout.trim();
  };
  const numbers = async (...args) => (await load(...args)).split(" ").map(Number);
  const rounds = (count) => (count >= 10_000 ? 15 : count >= 1000 ? 50 : 200);

  const hullFanout = (server, count) => once(`fanout ${count}`, () => numbers("fanout", server.port, count, rounds(count), ...COUNTERS));
  const beastFanout = (server, count) =>
    once(`broadcast ${count}`, async () => {
      const [, , bytes] = await hullFanout(server, count);
      const bare = await beast("broadcast");
      try {
        return await numbers("broadcast", bare.port, count, rounds(count), bytes);
      } finally {
        bare.stop();
      }
    });
  const nodeFanout = (count) => once(`node fanout ${count}`, () => withNode((port) => numbers("fanout", port, count, rounds(count), ...COUNTERS)));
  const hullDistinct = (server) => once("distinct", () => numbers("distinct", server.port, 1000, seconds * 2, 200, ...COUNTERS));
  const nodeDistinct = () => once("node distinct", () => withNode((port) => numbers("distinct", port, 1000, seconds * 2, 200, ...COUNTERS)));
  const fanoutFigure = (count, index, baseline, measureBaseline) => ({
    unit: "ms",
    baseline,
    measure: async (server) => [(await hullFanout(server, count))[index], (await measureBaseline(server, count))[index]],
  });
  const figures = {};
  for (const count of [1, 1000, 10_000]) {
    for (const [index, name] of ["p50", "p99"].entries()) {
      figures[`fanout_${count}_${name}_ms`] = fanoutFigure(count, index, BEAST(count), beastFanout);
      figures[`fanout_${count}_${name}_vs_node_ms`] = fanoutFigure(count, index, NODE, (_server, n) => nodeFanout(n));
    }
  }
  for (const [index, name] of ["p50", "p99"].entries()) {
    figures[`distinct_1000_${name}_ms`] = { unit: "ms", baseline: NODE, measure: async (server) => [(await hullDistinct(server))[index], (await nodeDistinct())[index]] };
  }
  figures.idle_socket_bytes = {
    unit: "bytes",
    baseline: "bare Beast, as many sockets without compression or queries",
    measure: async (server) => {
      const value = Array.from({ length: 100 }, (_, n) => `a message of some length, number ${n}`);
      const args = JSON.stringify({ value });
      await server.call("query", "facts:echo", { value });
      const hull = Number(await load("idle", server.port, IDLE.sockets, IDLE.seconds, server.process.pid, "/api/1.48.0/sync", "facts:echo", args));
      const bare = await beast("broadcast");
      try {
        return [hull, Number(await load("idle", bare.port, IDLE.sockets, IDLE.seconds, bare.pid, "/"))];
      } finally {
        bare.stop();
      }
    },
  };
  const request = (value) => ["/api/query", `{"path":"facts:echo","args":{"value":${value}},"format":"json"}`];
  for (const [name, value] of [["uncached", "%N%"], ["cached", "1"]]) {
    figures[`${name}_queries_32_vs_node`] = {
      unit: "1/s",
      baseline: NODE,
      measure: async (server) => [
        rate("http", server.port, 32, seconds, ...request(value)),
        await withNode((port) => rate("http", port, 32, seconds, ...request(value))),
      ],
    };
  }
  figures.redeploy_p99_ms = { unit: "ms", baseline: "the same calls before the redeploy", local: true, measure: () => redeploy({ load, note }) };
  return figures;
}

/** p99 of mutations while an app of 150 changed modules is pushed by the CLI, and before. Any failed call is an error. */
async function redeploy({ load, note }) {
  const { modules, clients, subscriptions, writes } = REDEPLOY;
  const server = await HullServer.start();
  const app = new App(join(ROOT, "tests/app"), server);
  const write = (version) => {
    mkdirSync(join(app.dir, "convex/part"), { recursive: true });
    for (let n = 0; n < modules; n++) {
      writeFileSync(
        join(app.dir, `convex/part/m${n}.ts`),
        `import { query } from "../_generated/server";\nexport const ping = query({ args: {}, handler: async (): Promise<number> => ${version} });\n${declarations(6000, n + 1)}`,
      );
    }
  };
  try {
    write(0);
    await app.push();
    const lines = load("steady", server.port, clients, 60, writes, ...COUNTERS, subscriptions);
    await sleep(20_000); // the sockets are opened first; then a while of undisturbed calls
    write(1);
    const started = Date.now();
    await app.push(["deploy", "-y", "--typecheck", "disable", "--codegen", "disable"]);
    const ended = Date.now() + 2000;
    const output = (await lines).split("\n");
    const [, failedCalls, failedQueries] = output.at(-1).split(" ").map(Number);
    const samples = output.slice(0, -1).map((line) => line.split(" ").map(Number));
    const latencies = (from, to) => samples.filter(([at]) => at >= from && at < to).map(([, ms]) => ms);
    const during = latencies(started, ended);
    note(`redeploy: ${samples.length} calls, ${failedCalls} failed, ${failedQueries} queries failed, ${during.length} calls during the ${ended - started} ms of the push, slowest ${Math.max(...during)} ms`);
    if (failedCalls + failedQueries > 0) throw new Error("calls failed during the redeploy");
    return [percentile(during, 0.99), percentile(latencies(0, started), 0.99)];
  } finally {
    app.remove();
    await server.stop();
  }
}
