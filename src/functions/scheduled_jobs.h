// Rows of `_scheduled_jobs` and `_scheduled_job_args`: scheduled functions from their insertion to their end
// (scheduling.md §1-§3). Everything happens in the caller's transaction. Stateless; times are nanoseconds
// since the epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "database/transaction.h"
#include "functions/code.h"
#include "value/names.h"

namespace hull {

struct ScheduledJob {
  enum class State { kPending, kInProgress, kSuccess, kFailed, kCanceled };
  DocumentId id;
  std::string udf_path;  // canonical
  std::string args_id;
  State state = State::kPending;
  std::string error;                     // kFailed
  std::string request_id, execution_id;  // kInProgress; as in the function log, where known
  std::optional<int64_t> next_ts;        // while kPending or kInProgress
  std::optional<int64_t> completed_ts;   // from then on
  int64_t original_ts = 0;
  int64_t system_errors = 0, occ_errors = 0;

  bool finished() const { return !next_ts; }
  static Result<ScheduledJob> parse(const Document& row);
  Value fields() const;
};

// What `1.0/schedule` asks for.
struct JobRequest {
  FunctionPath path;
  Value args;  // array of one object
  int64_t at = 0;
  static constexpr int64_t kMaxDistance = 5LL * 366 * 86400 * 1'000'000'000;
};
// From the op's arguments, checked against `now` and the code (§1.2).
Result<JobRequest> parse_job_request(Transaction& transaction, const Code& code, std::string_view args_json,
                                     int64_t now, bool may_call_system);
// The id in the arguments of a cancelling op.
Result<DocumentId> parse_job_id(Transaction& transaction, std::string_view args_json);

// `parent`: the job that the caller runs for; if it is canceled by now, so is the new one.
Result<DocumentId> insert_job(Transaction& transaction, const JobRequest& request,
                              const std::optional<std::string>& parent, int64_t now);
// The job now; nullopt if there is none (any more).
Result<std::optional<ScheduledJob>> find_job(Transaction& transaction, const DocumentId& id);
// The arguments as JSON.
Result<std::string> job_args(const Snapshot& snapshot, const ScheduledJob& job);
Result<void> store_job(Transaction& transaction, const ScheduledJob& job);
// Ends a job in this state.
Result<void> end_job(Transaction& transaction, ScheduledJob job, ScheduledJob::State state, int64_t now,
                     std::string error = "");
// Nothing happens if it is finished or gone.
Result<void> cancel_job(Transaction& transaction, const DocumentId& id, int64_t now);
// With its arguments.
Result<void> remove_job(Transaction& transaction, const DocumentId& id);

// The line about arguments that are large for one job, if they are.
std::optional<LimitWarning> large_args_warning(ValueView args, const Knobs& knobs);

}  // namespace hull
