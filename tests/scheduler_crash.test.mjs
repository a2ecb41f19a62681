// The server is killed again and again under a load of scheduled functions: none is lost, no mutation happens twice, no action
// starts twice. HULL_CRASH_SECONDS sets how long.
import assert from "node:assert/strict";
import { it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { sleep, until } from "./lib/server.mjs";

const seconds = Number(process.env.HULL_CRASH_SECONDS ?? 25);
const hull = useApp("tests/apps/scheduling");

it("keeps every promise over kill -9", { timeout: (seconds + 300) * 1000 }, async () => {
  const { server } = hull;
  const scheduled = []; // acknowledged
  let stopping = false;
  let number = 0;
  const worker = async () => {
    while (!stopping) {
      const tag = `crash${number++}`;
      const action = Math.random() < 0.3;
      const delay = Math.random() < 0.5 ? 0 : Math.random() * 1500;
      const name = action ? "jobs:sleep" : "jobs:note";
      const args = action ? { tag, ms: Math.random() * 1000 } : { tag };
      try {
        const result = await server.call("mutation", "schedule:one", { name, args, delay });
        if (result.status === "success") scheduled.push({ id: result.value, tag, action });
      } catch {
        await sleep(50); // the server is being killed
      }
    }
  };
  const workers = Array.from({ length: 8 }, worker);
  let kills = 0;
  for (const end = Date.now() + seconds * 1000; Date.now() < end || kills < 4; kills++) {
    const before = scheduled.length;
    await until(() => scheduled.length >= before + 10, 30_000);
    await sleep(Math.random() * 1000);
    await server.kill("SIGKILL");
    await server.launch();
  }
  stopping = true;
  await Promise.all(workers);

  const get = async (id) => (await server.call("query", "schedule:get", { id })).value;
  const runs = async (tag) => (await server.call("query", "jobs:runs", { tag })).value.length;
  const ends = { success: 0, failed: 0 };
  for (const { id, tag, action } of scheduled) {
    const job = await until(async () => {
      const now = await get(id);
      assert.ok(now, `job ${id} is lost`);
      return !["pending", "inProgress"].includes(now.state.kind) && now;
    }, 60_000);
    ends[job.state.kind]++;
    if (!action) {
      assert.equal(job.state.kind, "success", JSON.stringify(job));
      assert.equal(await runs(tag), 1, `${tag}: a mutation happens once`);
      continue;
    }
    assert.ok((await runs(`${tag}:begun`)) <= 1, `${tag}: an action starts once`);
    if (job.state.kind === "success") assert.equal(await runs(tag), 1);
    else assert.equal(job.state.error.trim(), "Transient error while executing action");
  }
  console.log(`${kills} kills, ${scheduled.length} jobs: ${JSON.stringify(ends)}`);
  assert.ok(scheduled.length >= 10 * kills, `${kills} kills, ${scheduled.length} jobs`);
  assert.ok(ends.failed > 0, "no action was interrupted");
});
