// What a transaction has read: disjoint key intervals per index (database.md §3). Used to detect conflicts at
// commit and to know when a live query must run again. Intervals are half-open byte ranges of index keys; a
// point read is [key, key+00). Not thread-safe while being built; immutable and shareable afterwards.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/store.h"

namespace hull {

// Disjoint, sorted, coalescing set of intervals.
class IntervalSet {
 public:
  void add(Interval interval);
  bool contains(std::string_view key) const;
  size_t size() const { return starts_.size(); }
  bool empty() const { return starts_.empty(); }
  std::vector<Interval> intervals() const;
  // start -> end (nullopt = +infinity), ascending, without copying.
  const std::map<std::string, std::optional<std::string>, std::less<>>& ranges() const { return starts_; }
  size_t memory_bytes() const;

 private:
  using Map = std::map<std::string, std::optional<std::string>, std::less<>>;
  // Merges the intervals that `it` now reaches into it.
  void absorb(Map::iterator it);
  Map starts_;
};

// True for [key, key+00): exactly one key.
inline bool is_point(std::string_view start, const std::optional<std::string>& end) {
  return end && end->size() == start.size() + 1 && end->back() == '\0' && end->starts_with(start);
}

class ReadSet {
 public:
  // `user`: counts towards the 4096-interval limit; metadata reads do not.
  void add(IndexId index, Interval interval, bool user);
  void add_point(IndexId index, std::string key, bool user);
  bool contains(IndexId index, std::string_view key) const;
  size_t user_intervals() const { return user_intervals_; }
  const std::map<IndexId, IntervalSet>& indexes() const { return indexes_; }
  bool empty() const { return indexes_.empty(); }
  size_t memory_bytes() const;
  void merge(const ReadSet& other);

 private:
  std::map<IndexId, IntervalSet> indexes_;
  bool counted(IndexId index) const;
  std::vector<IndexId> counted_;  // ascending: indexes with a user's read
  size_t user_intervals_ = 0;
};

}  // namespace hull
