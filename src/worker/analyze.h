// Analysis of pushed modules: what functions, routes and crons they define, and the schema, auth config and
// component definition. Each module is evaluated in a fresh realm. Isolate thread only.
#pragma once

#include "worker/host.h"
#include "worker/protocol.pb.h"

namespace hull::worker {

// Stops at the first module that fails.
wire::AnalyzeResult AnalyzeModules(Host& host, const wire::Analyze& request);

}  // namespace hull::worker
