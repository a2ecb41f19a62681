// Query results shared by HTTP calls and every live subscription (runtime.md §11, sync-protocol.md §8.4,
// §13).
//
// A CachedQuery is one successful or failed run: immutable result plus a registered read set. It is valid at
// every T from its ts until the first commit that touches what it read. Identical concurrent requests run
// once. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/shared_text.h"
#include "functions/call.h"

namespace hull {

struct QueryKey {
  std::string path;  // canonical, "dir/file.js:fn"
  std::string args_json;
  std::string journal;   // "" = none
  std::string identity;  // Identity::cache_key(); "" in entries that did not look at it
  bool allow_internal = false;
  Timestamp exactly_at;  // of flights that must run at this snapshot; 0 = at any new enough
  auto operator<=>(const QueryKey&) const = default;
};

class CachedQuery {
 public:
  virtual ~CachedQuery() = default;
  Timestamp ts() const { return ts_; }
  bool valid_at(Timestamp t) const { return t >= ts_ && (!subscription_ || subscription_->valid_at(t)); }
  bool invalidated() const { return subscription_ && subscription_->invalidated_at() != Timestamp::max(); }

  bool ok() const { return ok_; }
  const std::string& value_json() const { return value_text_->text(); }  // ok: Convex JSON
  const SharedTextPtr& value_text() const { return value_text_; }        // ok: the same, for many receivers
  const std::optional<Value>& value() const { return value_; }           // ok
  const FunctionError& error() const { return error_; }                  // not ok
  const std::string& log_lines_json() const { return log_lines_json_; }  // ["[LOG] 'x'",...]
  const std::vector<LogLine>& log_lines() const { return log_lines_; }
  const std::optional<std::string>& journal() const { return journal_; }
  // Equal for results a client could not tell apart (value or error text without request id, and log lines).
  const std::string& content_hash() const { return content_hash_; }
  const std::string& request_id() const { return request_id_; }  // of the run, for error texts

  // `on_invalid` runs once after the entry was invalidated (at once if it already is); not while the returned
  // handle is gone. It runs on the committer thread: hand over, do not work.
  virtual std::shared_ptr<void> watch(std::function<void()> on_invalid) = 0;

  // The result of a later run of the same query that is valid at `t`, if the cache has had one: what find()
  // would return, for a small part of its cost, to the many sessions that follow one query.
  virtual std::shared_ptr<CachedQuery> successor(Timestamp) const { return nullptr; }

 protected:
  friend class QueryCache;
  Timestamp ts_;
  std::shared_ptr<Subscription> subscription_;
  bool ok_ = false;
  std::optional<Value> value_;
  SharedTextPtr value_text_;  // null if not ok
  std::string log_lines_json_, content_hash_, request_id_;
  FunctionError error_;
  std::vector<LogLine> log_lines_;
  std::optional<std::string> journal_;
};
using CachedQueryPtr = std::shared_ptr<CachedQuery>;

struct QueryOutcome {
  CachedQueryPtr query;  // or
  std::optional<Error> system_error;
  bool from_cache = false;
};

// A finished run, on its way into the cache.
struct QueryRun {
  Timestamp ts;
  std::shared_ptr<const ReadSet> reads;
  std::optional<Value> value;  // or
  FunctionError error;
  std::vector<LogLine> log_lines;
  std::optional<std::string> journal;
  std::string request_id;
  bool observed_identity = false, observed_time = false;
};

// The cache itself: entries by key (least recently used ones leave first), and runs in progress that others
// wait for. Entries leave when a commit touches what they read; whoever holds one keeps it. The latest that
// have left are found for a while by those who need them at a timestamp they are still valid at. Thread-safe.
class QueryCache {
 public:
  QueryCache(Engine* engine, size_t max_bytes);
  ~QueryCache();

  // An entry for `key` (with the caller's identity) that is valid at `at`. Failed runs only if
  // `accept_errors`.
  CachedQueryPtr find(const QueryKey& key, Timestamp at, bool accept_errors);

  // Single flight. True: the caller must run the query and call land() with the same key. False: `landed`
  // will be called.
  using Landed =
      std::function<void(const QueryOutcome&, bool same_identity_only, const std::string& identity)>;
  bool take_off(const QueryKey& flight, Landed landed);
  void land(const QueryKey& flight, const QueryOutcome& outcome, bool observed_identity,
            const std::string& identity);
  // The key of the flight for a request: without identity unless the function's runs looked at it lately. So
  // callers with different identities share the first run after a start; if it looks, each goes on alone.
  QueryKey flight_key(const QueryKey& key);

  // Subscribes the run's read set and stores the result under the journals it started and ended with.
  CachedQueryPtr insert(const QueryKey& key, QueryRun run);

  struct Stats {
    size_t entries = 0, bytes = 0;
  };
  Stats stats() const;

 private:
  class Entry;
  struct State;
  Engine* const engine_;
  std::shared_ptr<State> state_;
};

}  // namespace hull
