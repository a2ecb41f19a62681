// What the runtime knows about the running call (runtime.md §3): its kind, clock, seed and pending operations.

import { hull } from "./host.ts";
import { floor } from "./primordials.ts";

export type CallKind = "query" | "mutation" | "action" | "http";
export type Phase = ReturnType<HullNative["phase"]>;

interface CallState {
  kind: CallKind | undefined; // undefined while modules are evaluated
  seed: Uint8Array | undefined;
  seedVersion: number; // generators made from an older seed are stale
  nowMs: number; // frozen clock of the call, whole milliseconds
  importMs: number; // time of the push
  startedAt: number; // monotonic clock when the call began
  timeObserved: boolean;
  randomObserved: boolean;
  pending: Map<number, string> | undefined; // operations of actions still running
  nextPending: number;
}

export const call: CallState = {
  kind: undefined,
  seed: undefined,
  seedVersion: 0,
  nowMs: 0,
  importMs: 0,
  startedAt: 0,
  timeObserved: false,
  randomObserved: false,
  pending: undefined,
  nextPending: 0,
};

export function beginImport(seed: Uint8Array, nowMs: number): void {
  reset(seed, nowMs, undefined);
  call.importMs = call.nowMs;
}

export function beginCall(seed: Uint8Array, nowMs: number, kind: CallKind): void {
  // An action's clock runs: it starts where the wall clock is by now.
  reset(seed, kind === "action" || kind === "http" ? hull.realNow() : nowMs, kind);
  call.startedAt = hull.monotonicNow();
}

function reset(seed: Uint8Array, nowMs: number, kind: CallKind | undefined): void {
  call.kind = kind;
  call.seed = seed;
  call.seedVersion++;
  call.nowMs = floor(nowMs);
  call.timeObserved = false;
  call.randomObserved = false;
  call.pending = undefined;
  call.nextPending = 0;
}

export function phase(): Phase {
  return call.kind ?? hull.phase();
}

// Auth configs and component definitions are evaluated without randomness and without a clock (deploy-and-cli.md §3.7, §3.9).
export function refuseInConfig(what: string): void {
  if (call.kind !== undefined) return;
  const current = hull.phase();
  if (current === "auth") throw new Error(`${what} unsupported when evaluating auth config file`);
  if (current === "definition") throw new Error(`${what} unsupported when evaluating convex.config.ts`);
}

export function isAction(): boolean {
  return call.kind === "action" || call.kind === "http";
}

export function isTransaction(): boolean {
  return call.kind === "query" || call.kind === "mutation";
}

export function observeTime(): void {
  if (!call.timeObserved && call.kind !== undefined) {
    call.timeObserved = true;
    hull.observe("time");
  }
}

export function observeRandom(): void {
  if (!call.randomObserved && call.kind !== undefined) {
    call.randomObserved = true;
    hull.observe("random");
  }
}
