// Rows of `_cron_next_run` and `_cron_job_logs` (scheduling.md §5.6). Who changes the logs of a job changes
// its next run in the same transaction, so that the two never race. Plain data and functions over the
// caller's transaction; times are nanoseconds since the epoch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "database/transaction.h"
#include "functions/call.h"
#include "services/cron_specs.h"

namespace hull {

inline constexpr std::string_view kCronNextRun = "_cron_next_run";
inline constexpr std::string_view kCronJobLogs = "_cron_job_logs", kCronLogIndex = "by_name_and_ts";
inline constexpr size_t kCronLogsKept = 5;

struct CronNextRun {
  std::string cron_job;  // id of its `_cron_jobs` row
  struct InProgress {    // an action
    std::string request_id, execution_id;
  };
  std::optional<InProgress> running;
  std::optional<int64_t> previous_ts;
  int64_t next_ts = 0;

  Value row() const;
  static Result<CronNextRun> from_row(ValueView row);
};

// The next run of a job; null if it has none.
Result<DocumentPtr> find_cron_next_run(Transaction& transaction, std::string_view cron_job);

// What came of a run.
struct CronStatus {
  static Value success(ValueView result);
  static Value failure(std::string_view error);
  static Value canceled(int64_t runs);
};
struct CronLog {
  int64_t ts = 0;  // when it was due
  Value status;
  const std::vector<LogLine>* lines = nullptr;
  double execution_s = 0;
};
// Adds rows to a job's logs and removes those that are too old to be kept.
Result<void> add_cron_logs(Transaction& transaction, const CronSpec& cron, const std::vector<CronLog>& logs);
Result<void> remove_cron_logs(Transaction& transaction, std::string_view name);

}  // namespace hull
