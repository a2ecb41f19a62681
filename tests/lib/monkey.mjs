// Hostile functions for the monkey test and its benchmark: every attack of tests/apps/monkey, varied by a number.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "./server.mjs";

/** Writes `convex/hostile.ts` with `count` functions into the app directory; returns their [kind, path]. */
export function writeHostileFunctions(appDir, count) {
  const source = readFileSync(join(appDir, "convex/attacks.ts"), "utf8");
  const table = source.slice(source.indexOf("export const attacks"));
  const names = [...table.matchAll(/^ {2}(\w+): (?:async )?\(/gm)].map((match) => match[1]);
  const kinds = ["query", "mutation", "action"];
  const functions = [];
  let text =
    'import { v } from "convex/values";\nimport { action, mutation, query } from "./_generated/server";\nimport { attacks } from "./attacks";\n' +
    'export const again = query({ args: { n: v.number() }, handler: async (ctx, { n }): Promise<any> => await ctx.runQuery("hostile:again" as any, { n }) });\n';
  for (let i = 0; i < count; i++) {
    const attack = names[i % names.length];
    const kind = kinds[(i + Math.floor(i / names.length)) % 3];
    text += `export const f${i} = ${kind}({ args: {}, handler: async (ctx): Promise<any> => await attacks.${attack}(${i}, ctx) });\n`;
    functions.push({ kind, path: `hostile:f${i}`, attack });
  }
  writeFileSync(join(appDir, "convex/hostile.ts"), text);
  return functions;
}

/** Calls them all, `parallel` at a time; returns what came back for each. */
export async function runHostile(server, functions, parallel) {
  const outcomes = [];
  const left = [...functions];
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let next = left.shift(); next; next = left.shift()) {
        const started = performance.now();
        const result = await server.call(next.kind, next.path).catch((error) => ({ http: 0, text: String(error) }));
        outcomes.push({ ...next, result, ms: performance.now() - started });
      }
    }),
  );
  return outcomes;
}

/** A steady load of `perSecond` ordinary calls until `stop()`, which returns their latencies and errors. */
export function steadyLoad(server, perSecond) {
  const latencies = [];
  const errors = [];
  const open = new Set();
  let running = true;
  const loop = (async () => {
    const from = performance.now();
    for (let i = 0; running; i++) {
      const due = from + (i * 1000) / perSecond;
      if (due > performance.now()) await sleep(due - performance.now());
      const sent = performance.now();
      const call = server
        .call(i % 4 === 0 ? "mutation" : "query", i % 4 === 0 ? "healthy:pong" : "healthy:ping", { n: i })
        .then((result) => {
          latencies.push(performance.now() - sent);
          if (result.status !== "success") errors.push(result);
        })
        .catch((error) => errors.push(String(error)))
        .finally(() => open.delete(call));
      open.add(call);
    }
  })();
  return async () => {
    running = false;
    await loop;
    await Promise.all(open);
    return { latencies: latencies.sort((a, b) => a - b), errors };
  };
}

export const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
