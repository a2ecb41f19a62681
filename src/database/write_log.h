// WriteLog: what recent commits touched, by index, for conflict checks and for subscriptions that start in
// the past (database.md §3, §4).
//
// A commit is appended when its timestamp is assigned, before it is durable, so that later transactions are
// validated against it; `latest()` of the engine separates published entries from pending ones. Per index the
// log keeps the touches in commit order and a hash of each key's newest commit. Checking a read set costs,
// per index it reads, O(min(points, touches since the snapshot)) hash or tree look-ups, and nothing for
// indexes not written since the snapshot.
//
// Thread-safety: append() by the committer thread, trim() by the log-writer thread, the checks by any thread
// (shared lock).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "database/read_set.h"
#include "storage/store.h"
#include "value/id.h"

namespace hull {

// One key of one index whose row a commit put, replaced or removed.
struct TouchedKey {
  IndexId index;
  std::string key;
  TabletId tablet;
  DocumentId document;
};

// Immutable once appended; shared by the write log, the version store's trim queue and publication.
struct LoggedCommit {
  Timestamp ts;
  int64_t appended_at = 0;  // monotonic clock
  std::string source;
  std::vector<TouchedKey> keys;

  size_t memory_bytes() const;
};
using LoggedCommitPtr = std::shared_ptr<const LoggedCommit>;

class WriteLog {
 public:
  // Nothing is known about commits at or before `start`, except that they are all visible at it.
  explicit WriteLog(Timestamp start) : complete_after_(start) {}

  void append(LoggedCommitPtr commit);

  struct Hit {
    LoggedCommitPtr commit;
    const TouchedKey* key;  // inside *commit
  };
  // The checks answer "out of retention" when commits after `after` may have been forgotten.
  enum class Coverage { kComplete, kOutOfRetention };
  struct Check {
    Coverage coverage = Coverage::kComplete;
    std::optional<Hit> hit;
  };
  // Newest touch of `reads` by a commit later than `after`.
  Check newest_hit(const ReadSet& reads, Timestamp after) const;
  // Newest touch of one key.
  std::optional<Hit> newest_hit(IndexId index, std::string_view key, Timestamp after) const;
  // Oldest touch by a commit in (after, until].
  Check oldest_hit(const ReadSet& reads, Timestamp after, Timestamp until) const;

  // Forgets commits at or before `published` that are older than `max_age_ns`, or older than `min_age_ns`
  // while more than `soft_bytes` are held.
  void trim(Timestamp published, int64_t now, int64_t min_age_ns, int64_t max_age_ns, size_t soft_bytes);

  size_t memory_bytes() const;
  Timestamp complete_after() const;

 private:
  struct Touch {
    Timestamp ts;
    const LoggedCommit* commit;  // owned by commits_
    const TouchedKey* key;
  };
  struct IndexLog {
    std::deque<Touch> touches;                           // ascending ts
    std::unordered_map<std::string_view, Touch> newest;  // views into the touch's own key
  };

  // Callers hold mutex_.
  std::optional<Touch> newest_touch(const IndexLog& log, const IntervalSet& set, Timestamp after) const;
  LoggedCommitPtr owner(const LoggedCommit* commit) const;
  void drop_oldest();

  mutable std::shared_mutex mutex_;
  Timestamp complete_after_;
  std::deque<LoggedCommitPtr> commits_;  // ascending ts
  std::unordered_map<uint32_t, IndexLog> indexes_;
  size_t bytes_ = 0;
};

}  // namespace hull
