// Entry of the runtime: installs the globals of runtime.md §2 and hands the worker its hooks (native.d.ts). What runs here is
// paid by every fresh context, so it only creates a few functions; the rest is under lazy/.

import { limitBuffers, limitSharedBuffers } from "./buffers.ts";
import { installByteText } from "./byte_text.ts";
import { Convex } from "./convex.ts";
import { installDate } from "./date.ts";
import { installGlobals } from "./globals.ts";
import { invoke, invokeHttp, lookupRoute } from "./invoke.ts";
import { hull } from "./host.ts";
import { lazy } from "./lazy.ts";
import { unawaitedOps } from "./ops.ts";
import { defineHidden } from "./primordials.ts";
import { installRandom } from "./random.ts";
import { beginCall, beginImport } from "./state.ts";

defineHidden(globalThis, "Convex", Convex);
limitBuffers();
installDate(globalThis);
installByteText();
installRandom();
installGlobals(globalThis);

hull.setHooks({
  startCall(seed, nowMs, kind) {
    limitSharedBuffers();
    beginCall(seed, nowMs, kind);
  },
  startImport: beginImport,
  invoke,
  invokeHttp,
  lookupRoute,
  unawaitedOps,
  describeError: (error) => lazy().errors().describeError(error),
  prepareStackTrace: (error, callSites) => lazy().stack().prepareStackTrace(error, callSites),
  analyzeModule: (ns, modulePath) => lazy().analyze().analyzeModule(ns, modulePath),
  analyzeHttp: (ns) => lazy().analyze().analyzeHttp(ns),
  analyzeCrons: (ns) => lazy().analyze().analyzeCrons(ns),
  exportSchema: (ns) => lazy().definitions().exportSchema(ns),
  exportAuth: (ns) => lazy().definitions().exportAuth(ns),
  exportDefinition: (ns) => lazy().definitions().exportDefinition(ns),
});
