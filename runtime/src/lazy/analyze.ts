// Analysis of pushed function modules, the router and the crons (deploy-and-cli.md §3.3, §3.5, §3.6).

import { CodedError } from "../developer_error.ts";
import { hull } from "../host.ts";
import { mapPosition } from "./stack.ts";

const kinds = [
  ["isQuery", "Query"],
  ["isMutation", "Mutation"],
  ["isAction", "Action"],
] as const;
const routableMethods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

interface AnalyzedFunction {
  name: string;
  udfType: string;
  visibility: "public" | "internal" | null;
  args: string; // validator JSON; "" = unvalidated
  returns: string;
  line: number | null;
  column: number | null;
}

function invalid(text: string): never {
  throw new CodedError(text, "InvalidModules");
}

export function analyzeModule(ns: any, modulePath: string): string {
  const functions: AnalyzedFunction[] = [];
  for (const name of Object.keys(ns)) {
    const fn = ns[name];
    if ((typeof fn !== "object" && typeof fn !== "function") || fn === null) continue;
    const found = kinds.filter(([flag]) => flag in fn);
    if (found.length !== 1 || ("isPublic" in fn && "isInternal" in fn)) continue;
    functions.push(analyzeFunction(fn, name, found[0]![1], modulePath));
  }
  return JSON.stringify({ functions });
}

function analyzeFunction(fn: any, name: string, udfType: string, modulePath: string): AnalyzedFunction {
  const path = `${modulePath}:${name}`;
  const args = exportedValidator(fn, "exportArgs", path);
  if (args !== null && args.type !== "object" && args.type !== "any") {
    invalid("Args validator must be an object or any");
  }
  const returns = exportedValidator(fn, "exportReturns", path);
  const handler = fn._handler;
  if (handler !== undefined && handler !== null && typeof handler !== "function") {
    invalid(`${path}.handler is not a function.`);
  }
  if (typeof handler !== "function" && typeof fn !== "function") invalid(`${path} is not a function.`);
  const position = handlerPosition(typeof handler === "function" ? handler : fn, modulePath);
  return {
    name,
    udfType,
    visibility: "isPublic" in fn ? "public" : "isInternal" in fn ? "internal" : null,
    args: args === null ? "" : JSON.stringify(args),
    returns: returns === null ? "" : JSON.stringify(returns),
    line: position?.line ?? null,
    column: position?.column ?? null,
  };
}

function exportedValidator(fn: any, method: "exportArgs" | "exportReturns", path: string): any {
  const exporter = fn[method];
  if (exporter === undefined) return null;
  if (typeof exporter !== "function") invalid(`${path}.${method} is not a function or \`undefined\`.`);
  const text = exporter.call(fn);
  if (typeof text !== "string") invalid(`Invalid ${method} return value: ${path}.${method}() didn't return a string.`);
  let value: any;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    invalid(`Invalid JSON returned from ${path}.${method}(): ${(cause as Error).message}`);
  }
  if (value !== null && typeof value?.type !== "string") {
    invalid(`Error in ${method === "exportArgs" ? "args" : "returns"} validator: missing \`type\``);
  }
  return value;
}

// Where the handler stands in its source file; nothing if it lives in another module (a chunk).
function handlerPosition(handler: Function, modulePath: string) {
  const origin = hull.functionOrigin?.(handler);
  if (!origin || origin.file !== `convex:/${modulePath}`) return undefined;
  return mapPosition(origin.file, origin.line, origin.column);
}

export function analyzeHttp(ns: any): string {
  const router = ns.default;
  if (router === undefined || router === null) invalid("`convex/http.js` must have a default export of a Router.");
  if (typeof router !== "object" || router.isRouter !== true) {
    invalid("The default export of `convex/http.js` is not a Router.");
  }
  if (typeof router.getRoutes !== "function") invalid(".getRoutes property on Router not found");
  const entries = router.getRoutes();
  if (!Array.isArray(entries)) invalid(wrongRoutes("not an array"));
  return JSON.stringify({ routes: entries.map(analyzeRoute) });
}

function analyzeRoute(entry: unknown): { path: string; method: string } {
  if (!Array.isArray(entry)) invalid(wrongRoutes("an entry is not an array"));
  if (entry.length !== 3) invalid(wrongRoutes(`an entry has ${entry.length} elements`));
  const [path, method] = entry;
  if (typeof path !== "string") invalid(wrongRoutes("path is not a string"));
  if (typeof method !== "string") invalid(wrongRoutes("method is not a string"));
  if (!routableMethods.includes(method)) {
    invalid(wrongRoutes(`'${method}' is not not a routable method (one of ${routableMethods.join(", ")})`));
  }
  return { path, method };
}

function wrongRoutes(detail: string): string {
  return (
    "The `getRoutes()` method of Router did not return the expected type. `getRoutes()` should be a function returning an " +
    `array of entries of the form [path: string, method: string, handler: HttpAction] (${detail})`
  );
}

export function analyzeCrons(ns: any): string {
  const crons = ns.default;
  if (crons === undefined || crons === null) invalid("`convex/crons.js` must have a default export of a Crons object.");
  if (crons.isCrons !== true || typeof crons.export !== "function") {
    invalid("The default export of `convex/crons.js` is not a Crons object.");
  }
  const text = crons.export();
  if (typeof text !== "string") throw new CodedError("Invalid JSON", "InvalidCron");
  return text;
}
