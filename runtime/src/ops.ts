// Asynchronous host operations. In actions the running ones are remembered by name, for the dangling-promise warning
// (runtime.md §3 "End of an A/H").

import { hull } from "./host.ts";
import { jsonStringify, then } from "./primordials.ts";
import { call, isAction } from "./state.ts";

export function track<T>(name: string, promise: Promise<T>): Promise<T> {
  if (!isAction()) return promise;
  const pending = (call.pending ??= new Map());
  const id = call.nextPending++;
  pending.set(id, name);
  const finish = () => {
    pending.delete(id);
  };
  then(promise, finish, finish);
  return promise;
}

// A private operation. `label` is its name in the warning; without one it may be left running.
export function asyncOp(
  name: string,
  args: unknown,
  payload: Uint8Array | undefined,
  label: string | undefined,
): Promise<[string, Uint8Array | undefined]> {
  const promise = hull.asyncOp(name, jsonStringify(args), payload);
  return label === undefined ? promise : track(label, promise);
}

export function unawaitedOps(): string[] {
  return call.pending ? [...call.pending.values()] : [];
}

// "1.0/actions/mutation" is shown as "mutation".
export function displayName(op: string): string {
  let name = op;
  if (name.startsWith("1.0/")) name = name.slice(4);
  if (name.startsWith("actions/")) name = name.slice(8);
  if (name === "shallowMerge") return "patch";
  if (name === "queryPage") return "paginate";
  return name;
}
