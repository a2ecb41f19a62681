// VersionStore: the recent history of index rows, in memory (database.md §1, DESIGN §3).
//
// The Store keeps only the newest committed state. For every key written recently this class keeps a *chain*:
// the row before the first of those writes (base) and each later revision. A reader at snapshot T takes keys
// that were written after T from their chains (newest revision <= T, else base) and all other keys from the
// Store.
//
// Why a scan is exact. A reader at T holds a pin on T from before it starts, and reads *the Store first, then
// the chains*:
//  * Every commit <= T was durable before T was published, so the Store read contains all of them.
//  * If the Store read shows the effect of a commit C > T, C's chain entries were inserted before C was
//  written, and chains
//    whose newest revision is later than any pinned snapshot are never dropped: the chain is there to
//    overrule the row, also if the row has vanished from the Store or moved to another key.
//  * A key that has no chain with a revision > T when the chains are read was touched by no commit > T before
//  that moment, so
//    the Store row (or its absence), which contains all commits <= T, is the key's state at T.
// The reverse order would be wrong: a commit landing between the two reads would be seen in the Store without
// its chain. For a reader at the newest snapshot only writes still on their way matter, however many keys
// changed lately.
//
// Invariants: revisions in a chain ascend by ts; a chain is dropped only when its newest revision is durable
// and <= the trim horizon; base is the state at the trim horizon or at the time the chain began.
// Thread-safety: add() by the committer thread, trim() by the log-writer thread, reads by any thread. One
// shared lock per index, held only while a chain or a bounded run of chains is copied.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "database/document.h"

namespace hull {

class VersionStore {
 public:
  // The row at `key` becomes `after` (null = none) at `ts`; `before` is the row it replaces.
  void add(IndexId index, const std::string& key, Timestamp ts, DocumentPtr before, DocumentPtr after);

  // The row at `key` as of `at`: nullopt = no chain, ask the Store; null = no row.
  std::optional<DocumentPtr> find(IndexId index, std::string_view key, Timestamp at) const;

  struct Row {
    std::string key;
    DocumentPtr document;  // null = no row
  };
  // Keys in `interval` written after `at`, with their rows as of `at`, in `order`. Stops early once
  // `max_live` rows with a document are found; keys beyond the last one returned are then unknown.
  std::vector<Row> collect(IndexId index, const Interval& interval, Order order, Timestamp at,
                           size_t max_live) const;

  // Forgets what only snapshots before `horizon` could need of one key. All revisions <= horizon must be
  // durable.
  void trim(IndexId index, std::string_view key, Timestamp horizon);

  size_t memory_bytes() const { return bytes_.load(std::memory_order_relaxed); }
  size_t chain_count() const;

 private:
  struct Revision {
    Timestamp ts;
    DocumentPtr document;
  };
  struct Chain {
    DocumentPtr base;
    std::vector<Revision> revisions;
    const DocumentPtr& at(Timestamp ts) const;
  };
  struct IndexVersions {
    mutable std::shared_mutex mutex;
    std::map<std::string, Chain, std::less<>> chains;
    // Every revision in commit order. The key is the chain's own: valid while the revision is later than the
    // trim horizon, and readers, whose snapshots are pinned, look at no others.
    struct Touch {
      Timestamp ts;
      const std::string* key;
    };
    std::deque<Touch> touches;
  };
  std::shared_ptr<IndexVersions> versions_of(IndexId index) const;

  mutable std::shared_mutex mutex_;  // guards the map, not what it points to
  std::unordered_map<uint32_t, std::shared_ptr<IndexVersions>> indexes_;
  std::atomic<size_t> bytes_{0};
};

}  // namespace hull
