// The global `Convex` that npm convex calls (syscalls.md §1, §11 column N).

import { Call, callOf } from "./call.ts";
import { scopes } from "./scope.ts";
import { getBlob, storeBlob } from "./storage.ts";

const databaseOps = new Set(
  "get queryStream queryStreamNext queryCleanup queryPage count db/normalizeId insert shallowMerge replace remove"
    .split(" ")
    .map((name) => `1.0/${name}`),
);
const schedulerOps = new Set(["1.0/schedule", "1.0/cancel_job"]);

function refuseTransactionOps(op: string): void {
  if (databaseOps.has(op)) {
    throw new Error(
      "The Convex database object is being used outside of a Convex query or mutation. Did you mean to use `ctx.runQuery` or `ctx.runMutation`?",
    );
  }
  if (schedulerOps.has(op)) {
    throw new Error(
      "The mutation scheduler is being used outside of a Convex mutation. Did you mean to use the scheduler of the action's `ctx`?",
    );
  }
}

// The call that an operation belongs to: the one it names, else the one that is running.
function callFor(op: string, requestId: unknown): Call {
  const scope = scopes.getStore();
  if (typeof requestId === "string" && requestId !== "") {
    const call = callOf(requestId);
    if (!call) throw new Error("The action that this `ctx` belongs to has already ended");
    return call;
  }
  if (scope instanceof Call) return scope;
  throw new Error(`Syscall ${op} unsupported at import time`);
}

const Convex = {
  syscall(op: string): string {
    refuseTransactionOps(op);
    if (op === "1.0/componentArgument") throw new Error("Component arguments are not available within the app");
    throw new Error(`Unknown operation ${op}`);
  },
  async asyncSyscall(op: string, argsJson: string): Promise<string> {
    refuseTransactionOps(op);
    if (!op.startsWith("1.0/")) throw new Error(`Unknown async operation ${op}`);
    return await callFor(op, JSON.parse(argsJson)?.requestId).op(op, argsJson);
  },
  jsSyscall(op: string, args: any): unknown {
    if (op === "storage/storeBlob") return storeBlob(callFor(op, args.requestId), args);
    if (op === "storage/getBlob") return getBlob(callFor(op, args.requestId), args);
    throw new Error(`Unknown JS syscall: ${op}`);
  },
};

export function installConvex(): void {
  Object.defineProperty(globalThis, "Convex", { value: Object.freeze(Convex) });
}
