// The clock of performance.now() (runtime.md §3): it starts at the push, stands still in queries and is rounded to 0.1 ms.

import { hull } from "../host.ts";
import { floor } from "../primordials.ts";
import { call, observeTime } from "../state.ts";

// `monotonic` is a reading of the host's clock during this call.
export function currentTime(monotonic?: number): number {
  if (call.kind === undefined) return 0;
  observeTime();
  let ms = call.nowMs - call.importMs;
  if (call.kind !== "query") ms += (monotonic ?? hull.monotonicNow()) - call.startedAt;
  return floor(ms * 10) / 10;
}
