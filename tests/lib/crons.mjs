// What a server says about its cron jobs, and the crons.ts of an app.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { jsonToConvex } from "convex/values";

/** `jobs`: identifier -> [method, schedule, function, arguments]; a string as schedule is a cron string. */
export function writeCrons(app, jobs) {
  const lines = Object.entries(jobs).map(
    ([name, [method, schedule, path, args = {}]]) =>
      `crons.${method}(${[name, schedule].map((each) => JSON.stringify(each)).join(", ")}, makeFunctionReference<"mutation">(${JSON.stringify(path)}), ${JSON.stringify(args)});`,
  );
  writeFileSync(
    join(app.dir, "convex/crons.ts"),
    `import { cronJobs, makeFunctionReference } from "convex/server";\nconst crons = cronJobs();\n${lines.join("\n")}\nexport default crons;\n`,
  );
}

export async function system(server, path, args = {}) {
  const answer = await server.call("query", `_system/frontend/${path}`, args, { key: true });
  if (answer.status !== "success") throw new Error(JSON.stringify(answer));
  return jsonToConvex(answer.value);
}

/** The jobs by their identifier. */
export async function cronJobs(server) {
  return Object.fromEntries((await system(server, "listCronJobs:default")).map((job) => [job.name, job]));
}

/** The log rows of a job, oldest first. */
export async function cronRuns(server, name) {
  const runs = (await system(server, "listCronJobRuns:default")).filter((run) => run.name === name);
  return runs.sort((a, b) => Number(a.ts - b.ts));
}

/** Rows that the functions of tests/apps/crons have left. */
export async function rows(server, name) {
  return (await server.call("query", "jobs:list", { name })).value;
}
