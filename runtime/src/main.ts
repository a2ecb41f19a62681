// Entry of the runtime: installs the globals of runtime.md §2 and hands the worker its hooks (native.d.ts). What runs here is
// paid by every fresh context, so it only creates a few functions; the rest is under lazy/.

import { Convex } from "./convex.ts";
import { installDate } from "./date.ts";
import { installGlobals } from "./globals.ts";
import { invoke, invokeHttp, lookupRoute } from "./invoke.ts";
import { hull } from "./host.ts";
import { unawaitedOps } from "./ops.ts";
import { defineHidden } from "./primordials.ts";
import { installRandom } from "./random.ts";
import { beginCall, beginImport } from "./state.ts";

const errors = () => require("./lazy/errors.ts") as typeof import("./lazy/errors.ts");
const stack = () => require("./lazy/stack.ts") as typeof import("./lazy/stack.ts");
const analyze = () => require("./lazy/analyze.ts") as typeof import("./lazy/analyze.ts");
const definitions = () => require("./lazy/definitions.ts") as typeof import("./lazy/definitions.ts");

defineHidden(globalThis, "Convex", Convex);
installDate(globalThis);
installRandom();
installGlobals(globalThis);

hull.setHooks({
  startCall: beginCall,
  startImport: beginImport,
  invoke,
  invokeHttp,
  lookupRoute,
  unawaitedOps,
  describeError: (error) => errors().describeError(error),
  prepareStackTrace: (error, callSites) => stack().prepareStackTrace(error, callSites),
  analyzeModule: (ns, modulePath) => analyze().analyzeModule(ns, modulePath),
  analyzeHttp: (ns) => analyze().analyzeHttp(ns),
  analyzeCrons: (ns) => analyze().analyzeCrons(ns),
  exportSchema: (ns) => definitions().exportSchema(ns),
  exportAuth: (ns) => definitions().exportAuth(ns),
  exportDefinition: (ns) => definitions().exportDefinition(ns),
});
