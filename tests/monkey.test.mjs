// Hostile functions (120 of them; HULL_MONKEY_FUNCTIONS=500 for more) beside a steady healthy load: each ends with an answer of
// its own, and nobody else notices. How much slower the healthy calls become is measured in bench/.
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { join } from "node:path";
import { App } from "./lib/cli.mjs";
import { quantile, runHostile, steadyLoad, writeHostileFunctions } from "./lib/monkey.mjs";
import { HullServer, ROOT } from "./lib/server.mjs";

const COUNT = Number(process.env.HULL_MONKEY_FUNCTIONS ?? 120);
const PARALLEL = 6;

let server, app, functions;
before(async () => {
  // Actions may run for half an hour; here their limit is that of queries.
  server = await HullServer.start({ env: { V8_ACTION_USER_TIMEOUT_SECS: "2" } });
  app = new App(join(ROOT, "tests/apps/monkey"), server);
  functions = writeHostileFunctions(app.dir, COUNT);
  await app.push();
});
after(async () => {
  app?.remove();
  await server?.stop();
});

/** An answer in the normal body, or a refusal that says so; never silence or an internal error. */
function answered({ result }) {
  return result.status === "success" || result.status === "error" || (result.code !== undefined && result.code !== "InternalServerError");
}

it(`${COUNT} hostile functions, ${PARALLEL} at a time`, { timeout: 600_000 }, async (t) => {
  const stop = steadyLoad(server, 40);
  const outcomes = await runHostile(server, functions, PARALLEL);
  const { latencies, errors } = await stop();
  const unanswered = outcomes.filter((outcome) => !answered(outcome));
  t.diagnostic(`healthy calls: ${latencies.length}, p50 ${quantile(latencies, 0.5).toFixed(1)} ms, p99 ${quantile(latencies, 0.99).toFixed(1)} ms`);
  assert.deepEqual(errors.slice(0, 5), [], `${errors.length} healthy calls failed`);
  assert.deepEqual(
    unanswered.slice(0, 20).map(({ attack, kind, result, ms }) => ({ attack, kind, ms, result: JSON.stringify(result).slice(0, 300) })),
    [],
  );
  assert.equal(server.process.exitCode, null);
});

it("afterwards the server is as before", async () => {
  const result = await server.call("query", "healthy:ping", {});
  assert.equal(result.status, "success", JSON.stringify(result));
});
