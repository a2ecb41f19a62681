// What a push does to the cron jobs of the deployment (scheduling.md §5.5): changes `_cron_jobs`,
// `_cron_next_run` and `_cron_job_logs` in the push's own transaction. Stateless, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "database/transaction.h"
#include "services/cron_specs.h"

namespace hull {

struct CronDiff {  // identifiers, each list ascending
  std::vector<std::string> added, updated, deleted;
};

// Makes the jobs those of `specs`. `now_ns`: wall clock. `splay_s`: see CronSchedule.
Result<CronDiff> write_crons(Transaction& transaction, const std::vector<CronSpec>& specs, int64_t now_ns,
                             double splay_s);

}  // namespace hull
