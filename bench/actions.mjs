// Figures of 300 actions that sleep at the same time: what they cost in time, memory and threads. Run by run.mjs.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { App } from "../tests/lib/cli.mjs";
import { HullServer, ROOT, sleep } from "../tests/lib/server.mjs";

const COUNT = 300;
const SLEEP_MS = 3000;

/** Time from the first of the calls to the last answer, less the time slept. */
async function overhead(call) {
  const began = performance.now();
  await Promise.all(Array.from({ length: COUNT }, call));
  return performance.now() - began - SLEEP_MS;
}

async function bareOverhead() {
  const server = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.end("3000"), SLEEP_MS);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}`;
  try {
    return await overhead(async () => (await fetch(url, { method: "POST", body: "{}" })).text());
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** `memory(pid)`: resident memory of a process and all below it, MiB; `cached(name, measure)`: measures once. */
export function actionFigures({ memory, cached }) {
  const measured = () =>
    cached("sleeping actions", async () => {
      const server = await HullServer.start({ env: { APPLICATION_MAX_CONCURRENT_V8_ACTIONS: "512" } });
      const app = new App(join(ROOT, "tests/app"), server);
      const threads = () => Number(/Threads:\s+(\d+)/.exec(readFileSync(`/proc/${server.process.pid}/status`, "utf8"))[1]);
      const nap = async (ms) => {
        const { status, errorMessage } = await server.call("action", "actions:nap", { ms });
        if (status !== "success") throw new Error(`an action failed: ${errorMessage}`);
      };
      try {
        await app.push();
        await nap(1);
        const idle = { memory: memory(server.process.pid), threads: threads() };
        const running = overhead(() => nap(SLEEP_MS));
        const busy = { memory: 0, threads: 0 };
        for (const end = performance.now() + SLEEP_MS; performance.now() < end; await sleep(100)) {
          busy.memory = Math.max(busy.memory, memory(server.process.pid));
          busy.threads = Math.max(busy.threads, threads());
        }
        return { idle, busy, overhead: await running, bare: await bareOverhead() };
      } finally {
        app.remove();
        await server.stop();
      }
    });
  const figure = (unit, baseline, pick) => ({ unit, baseline, local: true, measure: async () => pick(await measured()) });
  return {
    actions_300_sleeping_overhead_ms: figure("ms", "300 requests to a bare Node server that sleeps as long", ({ overhead: all, bare }) => [all, bare]),
    actions_300_sleeping_mib: figure("MiB", "the same server and workers before", ({ busy, idle }) => [busy.memory, idle.memory]),
    actions_300_sleeping_threads: figure("threads", "of the same server before", ({ busy, idle }) => [busy.threads, idle.threads]),
  };
}
