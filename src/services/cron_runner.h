// CronRunner: runs the cron jobs of the deployment when they are due (scheduling.md §5.4).
//
// A run of a mutation, its log row and the job's next run are one commit. A run of an action is first
// recorded as in progress; where such a record is found and nobody runs it, the run is given up, so that no
// action runs twice. Runs whose time is over (an interval during which the last run went on, or the server
// was down) are left out and counted. Whatever fails for other reasons than the function's is tried again,
// for ever.
//
// Threads: rows are handed out by a DueQueue; all else happens on one thread of its own, which waits for its
// commits. Functions run elsewhere. Everything goes through the engine's Env. To stop well: drain(),
// wait_until_idle(), stop(). stop() ends the second thread, destroying it both; what still runs then ends by
// itself, and no result of it is recorded but the commit of a mutation.
#pragma once

#include <functional>
#include <memory>

#include "base/knobs.h"
#include "base/metrics.h"
#include "database/engine.h"
#include "functions/function_log.h"
#include "services/job_runner.h"

namespace hull {

struct CronRunnerOptions {
  Engine* engine = nullptr;
  const Knobs* knobs = nullptr;
  JobRunner* jobs = nullptr;
  std::function<void(FunctionLogEntry)> log;  // from the thread of the CronRunner
};

class CronRunner {
 public:
  static std::unique_ptr<CronRunner> start(CronRunnerOptions options);
  virtual ~CronRunner() = default;
  // Starts nothing any more; what runs goes on, and its end is recorded.
  virtual void drain() = 0;
  // After drain(): waits until nothing runs, or the deadline (Env::monotonic_nanos). Whether nothing does.
  virtual bool wait_until_idle(int64_t deadline_ns) = 0;
  // Starts and records nothing any more. Blocks for a moment.
  virtual void stop() = 0;
  virtual metrics::Families metric_families() const = 0;
};

}  // namespace hull
