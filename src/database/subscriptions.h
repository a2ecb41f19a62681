// Subscriptions: registered read sets and the commits that touch them (database.md §11).
//
// Per index, single keys live in a hash map and true ranges in an interval tree, so a commit costs O(log
// ranges + hits) per touched key, however many other subscriptions exist.
//
// Thread-safety: one mutex guards the structure. The engine holds it (via Lock) from marking a group's
// commits until latest() has advanced, and subscribe() holds it from checking the write log until the read
// set is registered, so no commit can fall between. Callbacks run outside it. A Subscription unregisters
// itself on destruction, on any thread.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "database/engine.h"
#include "database/interval_tree.h"
#include "database/recent_writes.h"

namespace hull {

class SubscriptionIndex : public std::enable_shared_from_this<SubscriptionIndex> {
 public:
  using Lock = std::unique_lock<std::mutex>;
  using Callbacks = std::vector<std::function<void()>>;

  [[nodiscard]] Lock lock() { return Lock(mutex_); }

  // A subscription that is invalid from the start; the caller runs its callback.
  static std::shared_ptr<Subscription> already_invalid(Timestamp at);

  // The lock is held in the following two.
  std::shared_ptr<Subscription> add(std::shared_ptr<const ReadSet> reads, std::function<void()> on_invalid);
  // Marks what `commit` touches and appends the callbacks of those hit for the first time.
  // Returns how many were hit through which index.
  std::vector<std::pair<IndexId, size_t>> mark(const LoggedCommit& commit, Callbacks& callbacks);

  size_t size() const;

 private:
  class Entry;
  using Watchers = std::list<Entry*>;
  using Points = std::unordered_map<std::string, Watchers>;
  struct IndexWatch {
    Points points;
    IntervalTree<Entry*> ranges;
  };

  void remove(Entry& entry);

  mutable std::mutex mutex_;
  std::unordered_map<uint32_t, IndexWatch> indexes_;
  size_t size_ = 0;
};

}  // namespace hull
