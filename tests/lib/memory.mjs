// Memory of a server and all its descendants together: the sum of their proportional set sizes, so that what they share counts once.
import { readFileSync, readdirSync } from "node:fs";
import { sleep } from "./server.mjs";

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process ended meanwhile
  }
}

/** `pid` and its descendants. */
export function processTree(pid) {
  const children = new Map();
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    // The name in parentheses may hold anything; the parent is the second field after it.
    const parent = read(`/proc/${entry}/stat`).replace(/^.*\) /s, "").split(" ")[1];
    if (parent) children.set(parent, [...(children.get(parent) ?? []), entry]);
  }
  const tree = (id) => [id, ...(children.get(id) ?? []).flatMap(tree)];
  return tree(`${pid}`);
}

const mebibytes = (pid) => Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024;

export function memoryOf(pid) {
  const [server, ...workers] = processTree(pid).map(mebibytes);
  return { server, workers, total: workers.reduce((sum, size) => sum + size, server) };
}

/** Samples while `run` runs; its result and the sample with the largest total. */
export async function peakDuring(pid, run, { everyMs = 25, seen } = {}) {
  let peak = memoryOf(pid);
  let running = true;
  const sampling = (async () => {
    while (running) {
      const sample = memoryOf(pid);
      seen?.(sample);
      if (sample.total > peak.total) peak = sample;
      await sleep(everyMs);
    }
  })();
  try {
    return { result: await run(), peak };
  } finally {
    running = false;
    await sampling;
  }
}
