// The figures of function calls: CPU time of the server (or of bench/calls.cc in its place) and its workers together.
// `bench/run.mjs` prints them.
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HULL } from "../tests/lib/server.mjs";

const TICK_US = 10_000; // of the times in /proc/<pid>/stat

/** CPU time so far of a process and its children, microseconds. */
function cpuMicros(pid) {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ").slice(11, 13).map(Number);
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean),
  );
  return children.reduce((sum, child) => sum + cpuMicros(child), (user + system) * TICK_US);
}

/**
 * `run(program, ...args)` runs a program of build/bench and returns what it prints; `build`: where they are; `seconds` per
 * figure; `load(server)` sends empty queries to the server for that long and returns how many per second.
 */
export function callFigures({ run, build, seconds, load, note }) {
  let taken;
  const measure = async (server) => {
    if (taken) return taken;
    const data = mkdtempSync(join(tmpdir(), "hull-bench-"));
    try {
      // Nothing may change while it is copied, and no other process may take part.
      await server.kill("SIGTERM");
      cpSync(server.dataDir, data, { recursive: true });
      taken = JSON.parse(run("bench_calls", data, join(dirname(HULL), "lib/hull"), join(build, "bench/bench_contexts.node"), seconds));
    } finally {
      rmSync(data, { recursive: true });
      await server.launch();
    }
    load(server); // starts the workers
    const before = cpuMicros(server.process.pid);
    const calls = load(server) * seconds;
    taken.http_query = (cpuMicros(server.process.pid) - before) / calls;
    note(`calls: ${JSON.stringify(taken)}`);
    return taken;
  };
  const figure = (name, baseline, baselineName) => ({
    unit: "us of CPU",
    baseline,
    measure: async (server) => {
      const figures = await measure(server);
      return [figures[name], figures[baselineName]];
    },
  });
  const context = "a bare V8 context from the same snapshot";
  return {
    call_query: figure("query", context, "context"),
    call_query_vs_kept: figure("query", "the same context with V8's function table kept mapped, as workers do", "context_kept"),
    call_query_alone: figure("query_alone", context, "context"),
    call_query_http: figure("http_query", context, "context"),
    call_mutation: figure("mutation", context, "context"),
    call_op: figure("op", "100 bytes to another process and back over a socket", "socket"),
  };
}
