// RecentWrites: what recent commits changed, row by row, in key order per index (database.md §3, §4, §11).
// The one in-memory structure answers
//  * a reader at snapshot T: what was the row at a key at T, where the Store's latest state is older or
//  newer;
//  * the committer: has a commit after T touched this read set;
//  * a subscription that starts in the past: when was its read set first touched.
//
// It is a list of *generations*, oldest first. A generation holds the changes of a run of consecutive commits
// as one ordered map per index; each key has its *touches* in commit order, each with the row before and
// after. Only the newest generation grows; whole generations are dropped from the front. So forgetting costs
// nothing per key, and a reader looks only at the generations that its snapshot needs.
//
// Why a read is exact. The Store's latest state is behind what is published and may be ahead of a reader at
// T. The reader, which pins T, takes (1) applied = Store::applied(), (2) `capture`: the generations whose
// newest commit is later than min(T, applied), (3) reads the Store, (4) adds the generations that began
// meanwhile.
//  * The row of a key with touches in the capture follows from them alone: the `before` of its first touch
//    after T, else the `after` of its last one.
//  * A key without touches there: what the Store showed at (3) contains all its commits <= T, since those
//    not applied at (1) are captured. It contains none > T, since such a commit entered the list before it
//    reached the Store and a generation with commits > T is not dropped while T is pinned.
//
// A commit enters when its timestamp is assigned, before it is durable, so that later transactions are
// checked against it; rollback() takes out those that never became durable.
//
// Thread-safety: append() and rollback() by the committer's thread, trim() by the applier's thread,
// everything else by any thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "database/document.h"
#include "database/read_set.h"

namespace hull {

// One row of one index that a commit put, replaced or removed.
struct TouchedKey {
  IndexId index;
  std::string key;
  TabletId tablet;
  DocumentId document;
  DocumentPtr before, after;  // null = no row
};

// Immutable once appended.
struct LoggedCommit {
  Timestamp ts;
  int64_t appended_at = 0;  // monotonic clock
  std::string source;       // function path or system job, for conflict reports
  std::vector<TouchedKey> keys;
  std::vector<SummaryDelta> deltas;

  size_t memory_bytes() const;
};
using LoggedCommitPtr = std::shared_ptr<const LoggedCommit>;

class RecentWrites {
 public:
  // Nothing is known about commits at or before `start`, except that they are all visible at it.
  explicit RecentWrites(Timestamp start) : complete_after_(start.ns) {}

  void append(LoggedCommitPtr commit);
  // Takes out all commits after `published`.
  void rollback(Timestamp published);

  // --- reading rows ---
  class Generation;
  using GenerationPtr = std::shared_ptr<Generation>;
  struct Capture {
    Timestamp at;        // the reader's snapshot
    Timestamp needless;  // touches at or before it tell the reader nothing
    std::vector<GenerationPtr> generations;
  };
  Capture capture(Timestamp at, Timestamp applied) const;
  void extend(Capture& capture) const;

  // nullopt = not touched, ask the Store; null = no row.
  static std::optional<DocumentPtr> find(const Capture& capture, IndexId index, std::string_view key);
  struct Row {
    std::string key;
    DocumentPtr document;  // null = no row
  };
  // The touched keys in `interval` with their rows, in `order`. Stops once `max_live` rows with a document
  // are found; keys beyond the last one returned are then unknown.
  static std::vector<Row> collect(const Capture& capture, IndexId index, const Interval& interval,
                                  Order order, size_t max_live);

  // What the commits in (capture.at, until] change about a tablet.
  static TableSummary change_of(const Capture& capture, TabletId tablet, Timestamp until);

  // --- checking read sets ---
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
  // A touch of `reads` by a commit later than `after`, if there is any: one of the newest ones.
  Check recent_hit(const ReadSet& reads, Timestamp after) const;
  // The oldest touch by a commit in (after, until].
  Check oldest_hit(const ReadSet& reads, Timestamp after, Timestamp until) const;
  // Whether a commit later than `after` touched one key.
  std::optional<Hit> recent_hit(IndexId index, std::string_view key, Timestamp after) const;

  // --- forgetting ---
  struct Limits {
    int64_t min_age_ns = 0, max_age_ns = 0;
    size_t max_bytes = 0;
  };
  // Drops generations from the front that are older than max_age, or older than min_age while more than half
  // of max_bytes is held, or of any age while more than max_bytes is held; but none with commits after
  // `applied`, or for which `release(newest timestamp)` (no snapshot needs it any more) is false.
  void trim(Timestamp applied, int64_t now, const Limits& limits,
            const std::function<bool(Timestamp)>& release);

  size_t memory_bytes() const { return bytes_.load(std::memory_order_relaxed); }
  size_t generation_count() const;
  // Commits at or before this may have been forgotten.
  Timestamp complete_after() const { return Timestamp{complete_after_.load(std::memory_order_acquire)}; }

 private:
  using Generations = std::vector<GenerationPtr>;
  std::shared_ptr<const Generations> list() const;

  mutable std::mutex mutex_;  // guards the pointer and its replacement
  std::shared_ptr<const Generations> generations_ = std::make_shared<const Generations>();
  GenerationPtr active_;  // the newest one; committer's thread only
  std::atomic<int64_t> complete_after_;
  std::atomic<size_t> bytes_{0};
};

}  // namespace hull
