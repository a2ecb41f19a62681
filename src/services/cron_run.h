// One run of a cron job: the rows it was selected by, and what its transactions do with them (scheduling.md
// §5.4). Functions over the caller's transaction, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/cron_schedule.h"
#include "services/cron_tables.h"

namespace hull {

struct CronRun {
  Value selected;  // the row of `_cron_next_run`
  DocumentId id;   // of that row
  CronNextRun next;
  Value job;  // the row of `_cron_jobs`
  DocumentId job_id;
  CronSpec spec;

  // The run that `row` of `_cron_next_run` stands for in a snapshot. nullopt: the row is not as it was, or
  // its job is gone.
  static Result<std::optional<CronRun>> load(const Snapshot& snapshot, const Document& row);

  // Whether the job is still to run as it was selected.
  Result<bool> holds(Transaction& transaction) const;
  // Whether an action that has been started as this run is still the job's present run; a push may have
  // changed the job meanwhile.
  Result<bool> is_present(Transaction& transaction) const;

  // Records an action as in progress: from now on `selected` is the row that says so.
  Result<void> begin(Transaction& transaction, CronNextRun::InProgress ids);

  // Takes that record back: the action has not run at all.
  Result<void> give_back(Transaction& transaction);

  // What came of it.
  struct Outcome {
    Value status;  // CronStatus
    const std::vector<LogLine>* lines = nullptr;
    double execution_s = 0;
  };
  // Writes the log and sets the time of the next run. Returns how many runs are left out.
  Result<int64_t> conclude(Transaction& transaction, const Outcome& outcome, int64_t now_ns,
                           double splay_s) const;
};

}  // namespace hull
