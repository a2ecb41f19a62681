// The `Convex` global that the npm package calls (syscalls.md §1, §3, import-time rules of §11).

import { hull } from "./host.ts";
import { lazy } from "./lazy.ts";
import { displayName, track } from "./ops.ts";
import { call } from "./state.ts";

function syscall(op: string, jsonArgs: string): string {
  if (arguments.length !== 2) hull.uncatchable("Convex.syscall expects exactly two arguments");
  if (call.kind === undefined) throw new Error("Can't use database at import time");
  return hull.syscall(op, jsonArgs);
}

function asyncSyscall(op: string, jsonArgs: string): Promise<string> {
  if (arguments.length !== 2) hull.uncatchable("Convex.asyncSyscall expects exactly two arguments");
  switch (call.kind) {
    case "query":
    case "mutation":
      return hull.asyncSyscall(op, jsonArgs);
    case undefined:
      throw new Error(`Syscall ${op} unsupported at import time`);
    default:
      return track(displayName(op), hull.asyncSyscall(op, jsonArgs));
  }
}

function jsSyscall(op: string, args: any): unknown {
  switch (op) {
    case "requestFromConvexJson":
      return lazy().http().requestFromConvexJson(args.convexJson);
    case "convexJsonFromResponse":
      return lazy().http().convexJsonFromResponse(args.response);
    case "storage/storeBlob":
      return lazy().storage().storeBlob(args);
    case "storage/getBlob":
      return lazy().storage().getBlob(args);
    default:
      return hull.uncatchable(`Unknown JS syscall: ${op}`);
  }
}

export const Convex = { syscall, asyncSyscall, jsSyscall };
