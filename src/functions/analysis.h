// Analysis of a push in a short-lived worker (deploy-and-cli.md §3).
#pragma once

#include "base/knobs.h"
#include "functions/code.h"
#include "functions/worker_process.h"
#include "worker/protocol.pb.h"

namespace hull {

// Blocking. User code that fails, hangs or takes the worker down is a Failure in the outcome; an Error is
// ours.
Result<AnalysisOutcome> analyze_modules(WorkerLauncher& launcher, const Knobs& knobs,
                                        const AnalysisRequest& request);

// The outcome as a worker or executor reports it.
AnalysisOutcome outcome_of(const wire::AnalyzeResult& result);

}  // namespace hull
