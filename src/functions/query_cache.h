// Query results shared by HTTP calls and every live subscription (runtime.md §11, sync-protocol.md §8.4, §13).
//
// A CachedQuery is one successful or failed run: immutable result plus a registered read set. It is valid at every T from its
// ts until the first commit that touches what it read. Identical concurrent requests run once. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "functions/call.h"

namespace hull {

struct QueryKey {
  std::string path;                                 // canonical, "dir/file.js:fn"
  std::string args_json;
  std::string journal;                              // "" = none
  std::string identity;                             // Identity::cache_key(); "" in entries that did not look at it
  bool allow_internal = false;
  auto operator<=>(const QueryKey&) const = default;
};

class CachedQuery {
 public:
  virtual ~CachedQuery() = default;
  Timestamp ts() const { return ts_; }
  bool valid_at(Timestamp t) const { return t >= ts_ && (!subscription_ || subscription_->valid_at(t)); }
  bool invalidated() const { return subscription_ && subscription_->invalidated_at() != Timestamp::max(); }

  bool ok() const { return ok_; }
  const std::string& value_json() const { return value_json_; }             // ok: Convex JSON
  const std::optional<Value>& value() const { return value_; }              // ok
  const FunctionError& error() const { return error_; }                     // not ok
  const std::string& log_lines_json() const { return log_lines_json_; }     // ["[LOG] 'x'",...]
  const std::vector<LogLine>& log_lines() const { return log_lines_; }
  const std::optional<std::string>& journal() const { return journal_; }
  // Equal for results a client could not tell apart (value or error text without request id, and log lines).
  const std::string& content_hash() const { return content_hash_; }
  const std::string& request_id() const { return request_id_; }             // of the run, for error texts

  // `on_invalid` runs once after the entry was invalidated (at once if it already is); not while the returned handle is gone.
  // It runs on the committer thread: hand over, do not work.
  virtual std::shared_ptr<void> watch(std::function<void()> on_invalid) = 0;

 protected:
  friend class QueryCache;
  Timestamp ts_;
  std::shared_ptr<Subscription> subscription_;
  bool ok_ = false;
  std::optional<Value> value_;
  std::string value_json_, log_lines_json_, content_hash_, request_id_;
  FunctionError error_;
  std::vector<LogLine> log_lines_;
  std::optional<std::string> journal_;
};
using CachedQueryPtr = std::shared_ptr<CachedQuery>;

struct QueryOutcome {
  CachedQueryPtr query;                             // or
  std::optional<Error> system_error;
  bool from_cache = false;
};

}  // namespace hull
