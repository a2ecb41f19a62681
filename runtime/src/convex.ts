// The `Convex` global that the npm package calls (syscalls.md §1, §3, import-time rules of §11).

import { hull } from "./host.ts";
import { lazy } from "./lazy.ts";
import { displayName, track } from "./ops.ts";
import { call } from "./state.ts";

function syscall(op: string, jsonArgs: string): string {
  if (arguments.length !== 2) hull.uncatchable("Convex.syscall expects exactly two arguments");
  if (call.kind === undefined) throw new Error(importError(op, true));
  return hull.syscall(op, jsonArgs);
}

function importError(op: string, sync: boolean): string {
  if (op === "1.0/componentArgument") return "Can't use `componentArg` at import time";
  if (op === "1.0/runUdf" || callsFunction(op)) return "Cannot call another function at import time";
  return sync ? "Can't use database at import time" : `Syscall ${op} unsupported at import time`;
}

function callsFunction(op: string): boolean {
  return op === "1.0/actions/query" || op === "1.0/actions/mutation" || op === "1.0/actions/action";
}

function asyncSyscall(op: string, jsonArgs: string): Promise<string> {
  if (arguments.length !== 2) hull.uncatchable("Convex.asyncSyscall expects exactly two arguments");
  switch (call.kind) {
    case "query":
    case "mutation":
      return hull.asyncSyscall(op, jsonArgs);
    case undefined:
      throw new Error(importError(op, false));
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
