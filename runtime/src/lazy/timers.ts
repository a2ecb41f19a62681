// Timers of actions (runtime.md §2, §3): the host answers a "sleep" operation when it is due. Answers may overtake each other,
// so each fires the timer that is due first, whichever it is.

import { hull } from "../host.ts";
import { asyncOp } from "../ops.ts";
import { append, apply, mapDelete, mapGet, mapSet, newMap, then } from "../primordials.ts";
import { call, isAction } from "../state.ts";

interface Timer {
  id: number;
  due: number;
  every: number | undefined; // interval length
  handler: Function;
  args: unknown[];
  continuation: unknown; // the AsyncLocalStorage stores of whoever started it
  cleared: boolean;
}

const maxDelayMs = 2147483647;
const byId = newMap<number, Timer>();
// A binary heap: no timer is due before its parent. Cleared ones stay until they reach the root.
const heap: Timer[] = [];
let dueUpTo = 0;
let nextId = 1;

const refused =
  "Can't use setTimeout in queries and mutations. Please consider using an action. " +
  "See https://docs.convex.dev/functions/actions for more details.";

// Fails the query or mutation without an exception that it could catch.
export async function refuseTimer(): Promise<never> {
  throw Object.assign(new Error(refused), { code: "NoSleepInQueriesOrMutations" });
}

function start(name: string, handler: unknown, delay: unknown, args: unknown[], repeat: boolean): number {
  if (typeof handler === "string") {
    hull.uncatchable(
      `Not implemented: code string argument for ${name}. Consider calling an action defined in Node.js instead ` +
        "(https://docs.convex.dev/functions/actions).",
    );
  }
  if (typeof handler !== "function") throw new TypeError(`${name}: the handler is not a function`);
  if (call.kind === undefined) throw new Error(`${name}() unsupported at import time`);
  const id = nextId++;
  if (!isAction()) {
    void refuseTimer();
    return id;
  }
  const least = repeat ? 1 : 0;
  let ms = +(delay as number) | 0;
  if (+(delay as number) > maxDelayMs) ms = maxDelayMs;
  if (ms < least) ms = least;
  const continuation = hull.getContinuation?.();
  arm({ id, due: 0, every: repeat ? ms : undefined, handler, args, continuation, cleared: false }, ms);
  return id;
}

function arm(timer: Timer, ms: number): void {
  // Timers that one turn starts have one time to count from, so that the shorter fires first, however long the turn takes.
  const due = hull.turnNow() + ms;
  timer.due = due;
  mapSet(byId, timer.id, timer);
  push(timer);
  void then(asyncOp("sleep", { ms, id: timer.id }, undefined, undefined), () => answered(due));
}

function answered(due: number): void {
  if (due > dueUpTo) dueUpTo = due;
  while (heap.length > 0 && heap[0]!.cleared) pop();
  if (heap.length === 0 || heap[0]!.due > dueUpTo) return;
  const timer = pop();
  if (timer.every === undefined) mapDelete(byId, timer.id);
  else arm(timer, timer.every);
  const previous = hull.getContinuation?.();
  hull.setContinuation?.(timer.continuation);
  try {
    apply(timer.handler, globalThis, timer.args);
  } finally {
    hull.setContinuation?.(previous);
  }
}

const before = (a: Timer, b: Timer): boolean => a.due < b.due || (a.due === b.due && a.id < b.id);

function push(timer: Timer): void {
  let at = heap.length;
  append(heap, timer);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(timer, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = timer;
}

function pop(): Timer {
  const top = heap[0]!;
  const last = heap[heap.length - 1]!;
  heap.length -= 1;
  const size = heap.length;
  if (size === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return top;
}

export function setTimeout(handler: unknown, delay?: unknown, ...args: unknown[]): number {
  return start("setTimeout", handler, delay, args, false);
}

export function setInterval(handler: unknown, delay?: unknown, ...args: unknown[]): number {
  return start("setInterval", handler, delay, args, true);
}

// The late answer of a cleared timer finds nothing to run.
export function clearTimeout(id?: unknown): void {
  const timer = mapGet(byId, Number(id));
  if (!timer) return;
  timer.cleared = true;
  mapDelete(byId, timer.id);
}

export const clearInterval = (id?: unknown): void => clearTimeout(id);

export function queueMicrotask(callback: unknown): void {
  if (typeof callback !== "function") throw new TypeError("queueMicrotask: the callback is not a function");
  void runSoon(callback);
}

async function runSoon(callback: Function): Promise<void> {
  await undefined;
  apply(callback, undefined, []);
}
