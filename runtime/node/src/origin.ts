// Where a function was written, asked of V8's inspector. Used by the analysis only.

import { Session } from "node:inspector";
import { modulePath } from "./directory.ts";

let session: Session | undefined;
const urls = new Map<string, string>(); // by script id
const holder = Symbol.for("hull.functionOrigin");

function connect(): Session {
  if (session) return session;
  session = new Session();
  session.connect();
  session.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url));
  session.post("Debugger.enable");
  return session;
}

/** File ("convex:/<module path>") and 1-based position; undefined if the function was not pushed. */
export function functionOrigin(fn: Function): { file: string; line: number; column: number } | undefined {
  const inspector = connect();
  const global = globalThis as { [holder]?: Function };
  global[holder] = fn;
  let origin: { file: string; line: number; column: number } | undefined;
  inspector.post("Runtime.evaluate", { expression: "globalThis[Symbol.for('hull.functionOrigin')]" }, (_, evaluated) => {
    const objectId = evaluated?.result.objectId;
    if (!objectId) return;
    inspector.post("Runtime.getProperties", { objectId, ownProperties: true }, (_, properties) => {
      const location = properties?.internalProperties?.find(({ name }) => name === "[[FunctionLocation]]")?.value?.value;
      const path = location && modulePath(urls.get(location.scriptId) ?? "");
      if (path) origin = { file: `convex:/${path}`, line: location.lineNumber + 1, column: location.columnNumber + 1 };
    });
    inspector.post("Runtime.releaseObject", { objectId });
  });
  delete global[holder];
  return origin;
}
