// Runs an ad-hoc query: its module is analysed and run together with the deployed ones, on a worker that ends
// with the call. Blocking, thread-safe.
#pragma once

#include "functions/runner_parts.h"

namespace hull {

Result<FunctionResult> run_test_query(RunnerParts& parts, TestQuery query);

}  // namespace hull
