// Timers of actions (runtime.md §2, §3): the host answers a "sleep" operation when it is due.

import { hull } from "../host.ts";
import { asyncOp } from "../ops.ts";
import { then } from "../primordials.ts";
import { call, isAction } from "../state.ts";

interface Timer {
  id: number;
  due: number;
  every: number | undefined; // interval length
  run: () => unknown;
}

const active = new Map<number, Timer>();
const maxDelayMs = 2147483647;
let nextId = 1;

const refused =
  "Can't use setTimeout in queries and mutations. Please consider using an action. " +
  "See https://docs.convex.dev/functions/actions for more details.";

function start(name: string, handler: unknown, delay: unknown, args: unknown[], repeat: boolean): number {
  if (typeof handler === "string") {
    hull.uncatchable(
      `Not implemented: code string argument for ${name}. Consider calling an action defined in Node.js instead ` +
        "(https://docs.convex.dev/functions/actions).",
    );
  }
  if (typeof handler !== "function") throw new TypeError(`${name}: the handler is not a function`);
  const id = nextId++;
  if (call.kind === undefined) throw new Error(`${name}() unsupported at import time`);
  if (!isAction()) {
    void Promise.reject(Object.assign(new Error(refused), { code: "NoSleepInQueriesOrMutations" }));
    return id;
  }
  const ms = Math.min(Math.max(Math.trunc(Number(delay) || 0), repeat ? 1 : 0), maxDelayMs);
  arm({ id, due: 0, every: repeat ? ms : undefined, run: () => handler.apply(globalThis, args) }, ms);
  return id;
}

function arm(timer: Timer, ms: number): void {
  timer.due = hull.monotonicNow() + ms;
  active.set(timer.id, timer);
  void then(asyncOp("sleep", { ms, id: timer.id }, undefined, undefined), () => fireUpTo(timer));
}

// Answers may overtake each other: everything due before `last` fires first.
async function fireUpTo(last: Timer): Promise<void> {
  if (active.get(last.id) !== last) return;
  const ready = [...active.values()].filter((timer) => timer === last || before(timer, last));
  ready.sort((a, b) => a.due - b.due || a.id - b.id);
  for (const timer of ready) {
    if (active.get(timer.id) !== timer) continue;
    active.delete(timer.id);
    if (timer.every !== undefined) arm({ ...timer }, timer.every);
    timer.run();
    if (timer !== last) await undefined;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.id < b.id);
}

export function setTimeout(handler: unknown, delay?: unknown, ...args: unknown[]): number {
  return start("setTimeout", handler, delay, args, false);
}

export function setInterval(handler: unknown, delay?: unknown, ...args: unknown[]): number {
  return start("setInterval", handler, delay, args, true);
}

// The late answer of a cleared timer finds nothing to run.
export function clearTimeout(id?: unknown): void {
  active.delete(Number(id));
}

export const clearInterval = (id?: unknown): void => clearTimeout(id);

export function queueMicrotask(callback: unknown): void {
  if (typeof callback !== "function") throw new TypeError("queueMicrotask: the callback is not a function");
  void then(Promise.resolve(), () => {
    callback();
  });
}
