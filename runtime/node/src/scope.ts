// What the running JavaScript belongs to. Many calls run at once in this process: each carries its scope along its
// asynchronous chain.

import { AsyncLocalStorage } from "node:async_hooks";
import type { LogLine } from "./wire.ts";

export interface Scope {
  readonly timers: Map<string, number>; // of console.time
  log(line: LogLine): void;
  /** Ends what the scope stands for: something happened that JavaScript did not catch. */
  fail(event: string, error: unknown): void;
}

export const scopes = new AsyncLocalStorage<Scope>();
