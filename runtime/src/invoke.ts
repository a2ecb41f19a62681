// Running an exported function (syscalls.md §2.1, §2.4).

import { DeveloperError } from "./developer_error.ts";
import { lazy } from "./lazy.ts";
import { apply, jsonParse, jsonStringify } from "./primordials.ts";

type Kind = "query" | "mutation" | "action";

const invokers = { query: "invokeQuery", mutation: "invokeMutation", action: "invokeAction" } as const;

export function invoke(ns: any, modulePath: string, name: string, kind: Kind, argsJson: string): Promise<string> {
  const fn = ns[name];
  if (fn === undefined || fn === null || modulePath.startsWith("_deps/")) {
    throw new DeveloperError(`Couldn't find "${name}" in module "${modulePath}".`);
  }
  const invoker = fn[invokers[kind]];
  if (typeof invoker !== "function" || registeredKind(fn) !== kind) {
    throw new DeveloperError(wrongKindText(fn, `${modulePath}:${name}`, kind));
  }
  return apply(invoker, globalThis, kind === "action" ? ["", argsJson] : [argsJson]) as Promise<string>;
}

function registeredKind(fn: any): Kind | undefined {
  if (fn.isQuery) return "query";
  if (fn.isMutation) return "mutation";
  return fn.isAction ? "action" : undefined;
}

function wrongKindText(fn: any, path: string, kind: Kind): string {
  const registered = registeredKind(fn);
  if (registered !== undefined && registered !== kind) {
    return `Function ${path} is registered as a ${registered} but is being run as a ${kind}.`;
  }
  if (kind === "action") return `Function ${path} is not an action. Did you forget to wrap it with \`action\`?`;
  return `Function ${path} is neither a query or mutation. Did you forget to wrap it with \`query\` or \`mutation\`?`;
}

function router(ns: any): any {
  const value = ns.default;
  if (value === undefined || value === null) {
    throw new DeveloperError('Couldn\'t find default export in module "http.js".');
  }
  if (value.isRouter !== true) {
    throw new DeveloperError("The default export of `convex/http.js` is not a Router.");
  }
  return value;
}

// JSON of `[method, routePath]` as logs name the route, or "null".
export function lookupRoute(ns: object, path: string, method: string): string {
  const match = router(ns).lookup(path, method);
  return match ? jsonStringify([match[1], match[2]]) : "null";
}

export function invokeHttp(ns: object, routePath: string, requestJson: string): Promise<string> {
  const target = router(ns);
  if (!target.lookup(routePath, jsonParse(requestJson).method)) {
    return Promise.resolve(jsonStringify(lazy().http().noRouteJson()));
  }
  return target.runRequest(requestJson, routePath);
}
