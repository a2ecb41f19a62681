// What administrators do with scheduled functions (scheduling.md §4): in batches, each a transaction, with a
// row in the audit log. All functions block until the last commit.
#pragma once

#include <optional>
#include <string>

#include "base/knobs.h"
#include "database/engine.h"

namespace hull {

// 400 InvalidId if it names no row of `_scheduled_jobs`.
Result<void> cancel_job_by_id(Engine& engine, const Knobs& knobs, const std::string& id);

struct JobFilter {
  std::optional<std::string> udf_path;                // canonical
  std::optional<int64_t> start_next_ts, end_next_ts;  // inclusive, exclusive
};
Result<void> cancel_jobs(Engine& engine, const Knobs& knobs, const JobFilter& filter);

// All of them, finished ones too.
Result<void> delete_all_jobs(Engine& engine, const Knobs& knobs);

}  // namespace hull
