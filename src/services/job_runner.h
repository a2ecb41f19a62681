// JobRunner: what the scheduler and the cron runner need to run a function. The server's is the
// FunctionRunner; a simulation runs transactions of its own through the same frames. Thread-safe; callbacks
// come from any thread and must not block.
#pragma once

#include <memory>

#include "functions/runner.h"

namespace hull {

class JobRunner {
 public:
  virtual ~JobRunner() = default;
  // The kind of a deployed function now, internal ones included. Error: the text a job fails with.
  virtual Result<UdfType> kind(const FunctionPath& path) = 0;
  // Why functions may not run now (paused, disabled), nullopt while they may.
  virtual std::optional<std::string> stopped() = 0;
  virtual void mutation(FunctionCall call, MutationFrame frame, FunctionCallback done) = 0;
  virtual void action(FunctionCall call, FunctionCallback done) = 0;
};

std::unique_ptr<JobRunner> job_runner(FunctionRunner& runner);

// Whether the call was refused because the deployment was stopped: nothing of it has run.
bool was_stopped(const FunctionResult& result);
// Full jitter below a bound that doubles with each earlier attempt, in nanoseconds.
int64_t job_backoff_ns(double initial_ms, double max_ms, int64_t earlier);

}  // namespace hull
