// What a transaction has read: disjoint key intervals per index (database.md §3). Used to detect conflicts at commit and to
// know when a live query must run again. Intervals are half-open byte ranges of index keys; a point read is [key, key+00).
// Not thread-safe while being built; immutable and shareable afterwards.
#pragma once

#include <map>
#include <string>
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

 private:
  std::map<std::string, std::optional<std::string>> starts_;  // start -> end (nullopt = +infinity)
};

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
  std::map<IndexId, bool> user_;
  size_t user_intervals_ = 0;
};

}  // namespace hull
