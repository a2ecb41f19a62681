// What hostile functions cost everybody else: the latency of a steady healthy load beside them, against the same load alone.
import { join } from "node:path";
import { App } from "../tests/lib/cli.mjs";
import { quantile, runHostile, steadyLoad, writeHostileFunctions } from "../tests/lib/monkey.mjs";
import { HullServer, ROOT, sleep } from "../tests/lib/server.mjs";

const FUNCTIONS = 100;
const PARALLEL = 4;
const PER_SECOND = 40;

async function measure(seconds) {
  const server = await HullServer.start({ env: { V8_ACTION_USER_TIMEOUT_SECS: "2" } });
  const app = new App(join(ROOT, "tests/apps/monkey"), server);
  try {
    const functions = writeHostileFunctions(app.dir, FUNCTIONS);
    await app.push();
    const warmUp = steadyLoad(server, PER_SECOND);
    await sleep(2000);
    await warmUp();
    const alone = steadyLoad(server, PER_SECOND);
    await sleep(Math.max(20, seconds) * 1000);
    const { latencies: quiet } = await alone();
    const beside = steadyLoad(server, PER_SECOND);
    await runHostile(server, functions, PARALLEL);
    const { latencies, errors } = await beside();
    if (errors.length > 0) throw new Error(`${errors.length} healthy calls failed: ${JSON.stringify(errors[0])}`);
    return { quiet, latencies };
  } finally {
    app.remove();
    await server.stop();
  }
}

export function hostileFigures({ seconds }) {
  let measured;
  const figure = (q) => ({
    unit: "ms",
    baseline: "the same healthy calls alone",
    local: true,
    measure: async () => {
      const { quiet, latencies } = await (measured ??= measure(seconds));
      return [quantile(latencies, q), quantile(quiet, q)];
    },
  });
  return { healthy_p50_beside_hostile_ms: figure(0.5), healthy_p99_beside_hostile_ms: figure(0.99) };
}
