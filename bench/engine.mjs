// The figures of the database engine (bench/engine.cc): no server, no JavaScript. `bench/run.mjs` prints them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SMALL = 10_000;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * `run(program, ...args)` runs a program of build/bench and returns what it prints; `seconds` per rate; `documents`
 * in the large table; `data`: directory where tables are kept, null = built for this run only.
 */
export function engineFigures({ run, seconds, documents, data, note }) {
  const engine = (command, args) =>
    JSON.parse(run("bench_engine", command, ...Object.entries(args).map(([name, value]) => `${name}=${value}`)));
  const cache = new Map();
  const once = (name, measure) => {
    if (!cache.has(name)) cache.set(name, measure());
    return cache.get(name);
  };
  const scratch = () => mkdtempSync(join(tmpdir(), "hull-bench-"));
  const sqlite = (rows, bytes) => {
    const directory = scratch();
    try {
      return Number(run("bench_sqlite", join(directory, "raw.sqlite3"), Math.max(1, seconds / 3), rows, bytes));
    } finally {
      rmSync(directory, { recursive: true });
    }
  };

  // The engine and its baselines take turns, since the machine's speed drifts.
  const commits = () =>
    once("commits", () => {
      const rounds = Array.from({ length: 5 }, () => {
        const callbacks = engine("transactions", { seconds: seconds / 3 });
        const threads = engine("transactions", { seconds: seconds / 3, threads: 0 });
        return { ...callbacks, threads: threads.rate, single: sqlite(1, callbacks.bytes), batch: sqlite(256, callbacks.bytes) };
      });
      note(`64 writers: ${JSON.stringify(rounds.map(({ rate, single, batch, cpu_us, group }) => ({ rate, single, batch, cpu_us, group })))}`);
      return Object.fromEntries(Object.keys(rounds[0]).map((key) => [key, median(rounds.map((round) => round[key]))]));
    });
  const table = (size) =>
    once(`table ${size}`, () => {
      const dir = join(data ?? once("data", scratch), `messages-${size}`);
      const made = engine("prepare", { dir, documents: size });
      note(`${size} documents: built in ${made.seconds.toFixed(0)} s, ${made.state_mib.toFixed(0)} MiB of state, ${made.mib.toFixed(0)} MiB in all, at most ${made.peak_mib.toFixed(0)} MiB of memory`);
      return dir;
    });
  const sizes = () =>
    once("sizes", () =>
      engine("sizes", { small: table(SMALL), large: table(documents), small_documents: SMALL, large_documents: documents }),
    );
  const open = () =>
    once("open", () => {
      const rounds = Array.from({ length: 7 }, () => [engine("open", { dir: table(SMALL) }), engine("open", { dir: table(documents) })]);
      const of = (side, field) => median(rounds.map((round) => round[side][field]));
      return { ms: [of(1, "ms"), of(0, "ms")], mib: [of(1, "mib"), of(0, "mib")] };
    });
  const queue = () => once("queue", () => engine("queue", {}));
  const notify = () => once("notify", () => engine("notify", { seconds }));
  const contention = () =>
    once("contention", () => ({ ...engine("contention", { seconds }), single: sqlite(1, 191) }));

  const figure = (unit, baseline, measure) => ({ unit, baseline, local: true, measure });
  const bySize = (name) =>
    figure("us", `the same with ${SMALL} documents instead of ${documents}`, () => [sizes()[`${name}_large`], sizes()[`${name}_small`]]);
  const single = "raw SQLite, one durable insert per transaction";
  const batch = "raw SQLite, 256 inserts per durable transaction";
  const figures = {
    engine_transactions_64: figure("1/s", single, () => [commits().rate, commits().single]),
    engine_transactions_64_vs_batches: figure("1/s", batch, () => [commits().rate, commits().batch]),
    engine_transactions_64_applied: figure("1/s", batch, () => [commits().applied_rate, commits().batch]),
    engine_transactions_64_threads: figure("1/s", "the same driven by callbacks on two threads", () => [commits().threads, commits().rate]),
    engine_contention: figure("1/s", single, () => [contention().rate, contention().single]),
    engine_contention_attempts: figure("attempts", "the 5 attempts that a mutation has", () => [contention().max_attempts, 5]),
    engine_contention_fairness: figure("increments", "of the writer with the fewest", () => [contention().most, contention().least]),
    engine_get: bySize("get"),
    engine_page_50: bySize("page_50"),
    engine_page_50_scattered: bySize("page_50_scattered"),
    engine_first: bySize("first"),
    engine_insert: bySize("insert"),
    engine_insert_applied: bySize("insert_applied"),
    engine_queue_first: figure("us of CPU", "the same at the beginning of the 200 000", () => [queue().last_us, queue().first_us]),
    engine_queue_first_p99: figure("us of CPU", "the same at the beginning of the 200 000", () => [queue().last_p99_us, queue().first_p99_us]),
    engine_notify_p50_ms: figure("ms", "answer to the commit, both since submit", () => [notify().notify_p50_ms, notify().ack_p50_ms]),
    engine_notify_p99_ms: figure("ms", "answer to the commit, both since submit", () => [notify().notify_p99_ms, notify().ack_p99_ms]),
    engine_notify_commit: figure("us of CPU", "the same without subscriptions", () => [notify().commit_us_all, notify().commit_us_0]),
    engine_startup_ms: figure("ms", `the same with ${SMALL} documents instead of ${documents}`, () => open().ms),
    engine_startup_mib: figure("MiB", `the same with ${SMALL} documents instead of ${documents}`, () => open().mib),
  };
  const end = () => {
    if (cache.has("data")) rmSync(cache.get("data"), { recursive: true });
  };
  return { figures, end };
}
