// Scheduler: runs scheduled functions when their time comes (scheduling.md §3).
//
// A mutation and the state of its job are one commit, so it happens exactly once; it is tried again for ever
// after conflicts and system errors. That an action has begun is committed before it starts, so it runs at
// most once: what is found begun by somebody else (this server before a restart) has failed. Ends are
// written again until they are stored; nothing overwrites a cancellation. Finished jobs are removed after
// their retention.
//
// Threads: a DueQueue's thread starts jobs, one more thread does what follows; both wait and read clocks
// through Env. Destroying the scheduler stops both; what still runs is left to the next start. The
// JobRunner must outlive it. To stop well: drain(), wait_until_idle(), stop().
#pragma once

#include <memory>

#include "base/metrics.h"
#include "services/job_lag.h"
#include "services/job_runner.h"

namespace hull {

struct SchedulerOptions {
  Engine* engine = nullptr;
  const Knobs* knobs = nullptr;
  JobRunner* runner = nullptr;
  size_t cores = 1;
};

class Scheduler {
 public:
  static std::unique_ptr<Scheduler> start(SchedulerOptions options);
  virtual ~Scheduler() = default;

  // Starts nothing any more; what runs goes on, and its end is recorded.
  virtual void drain() = 0;
  // After drain(): waits until nothing runs, or the deadline (Env::monotonic_nanos). Whether nothing does.
  virtual bool wait_until_idle(int64_t deadline_ns) = 0;
  // Starts and records nothing any more: what runs counts as interrupted. Blocks for a moment.
  virtual void stop() = 0;
  virtual metrics::Families metric_families() const = 0;
  virtual const JobLag& lag() const = 0;
};

}  // namespace hull
