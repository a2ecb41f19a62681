// The log of function executions that `npx convex logs`, `dev` and the dashboard poll (http-api.md §8.1,
// system-functions.md §4.2): a ring of recent entries in memory, cursor = wall-clock ms, strictly increasing.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "functions/call.h"

namespace hull {

struct FunctionLogEntry {
  enum class Kind { kCompletion, kProgress } kind = Kind::kCompletion;
  double cursor = 0;  // assigned by append()
  UdfType udf_type = UdfType::kQuery;
  std::string identifier;  // "dir/mod:fn" or "GET /path"
  std::vector<LogLine> log_lines;
  double timestamp_s = 0, execution_timestamp_s = 0, execution_time_s = 0, user_execution_time_s = 0;
  bool cached_result = false;
  std::optional<std::string> error;
  std::optional<int> http_status;
  std::string request_id, execution_id;
  std::optional<std::string> parent_execution_id;
  std::string caller, identity_type, environment = "isolate";
  size_t read_bytes = 0, write_bytes = 0, read_documents = 0, write_documents = 0;
  std::optional<size_t> return_bytes;
  std::optional<OccConflict> occ;
  size_t occ_retry_count = 0;
  bool will_retry = false;
  // For metrics and statistics only.
  bool system_error = false;  // `error` is not the function's fault
  bool paginated = false;
  bool unmatched_route = false;  // `identifier` is the path that a client made up
  struct TableRows {
    std::string name;
    size_t read = 0, written = 0;
  };
  std::vector<TableRows> tables;

  // False where the call did not get as far as a function: then the identifier may be anything.
  bool names_a_function() const { return !unmatched_route && (!error || user_execution_time_s > 0); }
  // One JSON object; `structured` lines for the CLI and dashboard, strings for everyone else.
  void append_json(std::string& out, bool structured_lines) const;
};

class FunctionLog {
 public:
  virtual ~FunctionLog() = default;
  virtual void append(FunctionLogEntry entry) = 0;
  struct Batch {
    std::vector<std::shared_ptr<const FunctionLogEntry>> entries;
    double new_cursor = 0;
  };
  // Entries after `cursor` at once, or nothing.
  virtual Batch read(double cursor) const = 0;
  // Calls `ready` once when an entry after `cursor` exists. Dropping the handle cancels.
  virtual std::shared_ptr<void> wait(double cursor, std::function<void()> ready) = 0;

  // `observe` sees every entry before it is stored, on the appending thread; it must not block.
  using Observer = std::function<void(const FunctionLogEntry&)>;
  static std::unique_ptr<FunctionLog> create(size_t max_entries, Observer observe = nullptr);
};

}  // namespace hull
