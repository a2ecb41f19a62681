// Figures of scheduled functions: how late they start, and how many the server gets through. Run by run.mjs.
import { sleep } from "../tests/lib/server.mjs";

const LATENESS_JOBS = 500; // one every 10 ms: normal load
const DRAINED_JOBS = 6000; // all due at the same moment
const IDLE_JOBS = 100_000;
const PER_MUTATION = 1000;

const percentile = (values, p) => values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * p) / 100))];

async function plan(server, count, due, apart, tag) {
  for (let done = 0; done < count; done += PER_MUTATION) {
    const part = Math.min(PER_MUTATION, count - done);
    const { status, errorMessage } = await server.call("mutation", "jobs:plan", { count: part, due: due + done * apart, apart, tag });
    if (status !== "success") throw new Error(errorMessage);
  }
}

/** Waits until all jobs with the tag have run; their lateness in milliseconds. */
async function lateness(server, tag, count, timeout = 120_000) {
  for (const deadline = Date.now() + timeout; ; await sleep(50)) {
    const { value } = await server.call("query", "jobs:lateness", { tag });
    if (value?.length === count) return value;
    if (Date.now() > deadline) throw new Error(`${value?.length} of ${count} jobs ran`);
  }
}

/** The same moments as timers of a Node process, which has nothing to remember and nothing to write. */
async function timerLateness() {
  const from = Date.now() + 500;
  const late = Array.from({ length: LATENESS_JOBS }, (_, i) => from + i * 10).map(
    (due) => new Promise((done) => setTimeout(() => done(Date.now() - due), due - Date.now())),
  );
  return Promise.all(late);
}

/** `mutations(server)`: mutations per second over HTTP by 32 clients; `cached(name, measure)`: measures once. */
export function schedulerFigures({ mutations, cached, note }) {
  const late = (server) =>
    cached("lateness", async () => {
      await plan(server, 1, Date.now(), 0, "warm-up");
      await lateness(server, "warm-up", 1);
      await plan(server, LATENESS_JOBS, Date.now() + 1500, 10, "lateness");
      return lateness(server, "lateness", LATENESS_JOBS);
    });
  const timers = () => cached("timer lateness", timerLateness);
  const lateFigure = (p) => ({
    unit: "ms",
    baseline: "timers of a Node process",
    measure: async (server) => [percentile(await late(server), p), Math.max(0.5, percentile(await timers(), p))],
  });
  return {
    job_late_p50_ms: lateFigure(50),
    job_late_p99_ms: lateFigure(99),
    jobs_drained: {
      unit: "1/s",
      baseline: "mutations of the same size called by 32 HTTP clients",
      measure: async (server) => {
        const due = Date.now() + 6000;
        await plan(server, DRAINED_JOBS, due, 0, "drained");
        note(`planned ${due - Date.now()} ms before they are due`);
        const last = Math.max(...(await lateness(server, "drained", DRAINED_JOBS)));
        return [(DRAINED_JOBS * 1000) / Math.max(1, last), mutations(server)];
      },
    },
    mutations_beside_pending_jobs: {
      unit: "1/s",
      baseline: "the same without jobs",
      measure: async (server) => {
        const without = mutations(server);
        await plan(server, IDLE_JOBS, Date.now() + 86_400_000, 1, "pending");
        return [mutations(server), without];
      },
    },
  };
}
