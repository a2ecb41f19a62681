// Memory of the server with all its processes (proportional set sizes) through loads that are known to make other backends grow and stay
// large. Each figure has a server of its own. `bench/run.mjs` prints them.
import { bigApp, pushModules } from "../tests/lib/big_app.mjs";
import { memoryOf, peakDuring } from "../tests/lib/memory.mjs";
import { HullServer, sleep } from "../tests/lib/server.mjs";

const REDEPLOY = { modules: 150, bytes: 86_000 };

/** `idleNode()`: resident MiB of an idle Node process; `idleSeconds` until the memory must have come back. */
export function memoryFigures({ idleNode, idleSeconds, note }) {
  const cache = new Map();
  const once = (name, measure) => {
    if (!cache.has(name)) cache.set(name, measure());
    return cache.get(name);
  };
  const withServer = async (use) => {
    const server = await HullServer.start();
    try {
      return await use(server);
    } finally {
      await server.stop();
    }
  };
  const afterIdling = async (server) => {
    note(`idle for ${idleSeconds} s`);
    await sleep(idleSeconds * 1000);
    return memoryOf(server.process.pid).total;
  };

  const queries = () =>
    once("queries", () =>
      withServer(async (server) => {
        await pushModules(server, bigApp({ modules: 42, bytes: 86_000 }));
        const { peak } = await peakDuring(server.process.pid, async () => {
          const answers = await Promise.all(Array.from({ length: 42 }, (_, n) => server.call("query", `part${n % 10}/m${n}:ping`)));
          if (!answers.every(({ value }, n) => value === n)) throw new Error(`a query failed: ${JSON.stringify(answers)}`);
        });
        return { peak: peak.total, after: await afterIdling(server) };
      }),
    );
  const redeploys = () =>
    once("redeploys", () =>
      withServer(async (server) => {
        const levels = [];
        let highest = 0;
        for (let version = 1; version <= 20; version++) {
          const app = bigApp({ ...REDEPLOY, seed: version, version });
          const { peak } = await peakDuring(server.process.pid, async () => {
            await pushModules(server, app);
            const { value } = await server.call("query", "part0/m0:ping");
            if (value !== version) throw new Error(`deploy ${version} answers ${value}`);
          });
          highest = Math.max(highest, peak.total);
          await sleep(8000);
          levels.push(memoryOf(server.process.pid).server);
        }
        note(`server after each deploy: ${levels.map((level) => level.toFixed(0)).join(" ")} MiB`);
        const mean = (list) => list.reduce((sum, level) => sum + level, 0) / list.length;
        return { peak: highest, after: await afterIdling(server), early: mean(levels.slice(2, 7)), late: mean(levels.slice(-5)) };
      }),
    );
  const againstNode = (measure) => ({ unit: "MiB", baseline: "idle Node process", local: true, measure: async () => [await measure(), await idleNode()] });
  return {
    memory_42_queries_peak_mib: againstNode(async () => (await queries()).peak),
    memory_42_queries_after_mib: againstNode(async () => (await queries()).after),
    memory_20_redeploys_peak_mib: againstNode(async () => (await redeploys()).peak),
    memory_20_redeploys_after_mib: againstNode(async () => (await redeploys()).after),
    memory_20_redeploys_growth: {
      unit: "MiB",
      baseline: "server after deploys 3 to 7; the value is that after deploys 16 to 20",
      local: true,
      measure: async () => [(await redeploys()).late, (await redeploys()).early],
    },
  };
}
