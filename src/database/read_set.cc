#include "database/read_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hull {
namespace {

// Approximate cost of one map node besides its strings' heap bytes.
constexpr size_t kNodeBytes = 112;

}  // namespace

void IntervalSet::add(Interval interval) {
  if (interval.empty()) return;
  auto next = starts_.upper_bound(interval.start);
  if (next != starts_.begin()) {
    auto before = std::prev(next);
    if (!before->second) return;  // reaches to infinity: covers everything that follows
    if (*before->second >= interval.start) {
      if (interval.end && *before->second >= *interval.end) return;
      // Reading on where the last range ended is the common case: extend in place.
      before->second = std::move(interval.end);
      absorb(before);
      return;
    }
  }
  absorb(starts_.emplace_hint(next, std::move(interval.start), std::move(interval.end)));
}

void IntervalSet::absorb(Map::iterator it) {
  auto next = std::next(it);
  while (next != starts_.end() && (!it->second || next->first <= *it->second)) {
    if (it->second && (!next->second || *next->second > *it->second)) it->second = std::move(next->second);
    next = starts_.erase(next);
  }
}

bool IntervalSet::contains(std::string_view key) const {
  auto next = starts_.upper_bound(key);
  if (next == starts_.begin()) return false;
  const auto& end = std::prev(next)->second;
  return !end || key < *end;
}

std::vector<Interval> IntervalSet::intervals() const {
  std::vector<Interval> result;
  result.reserve(starts_.size());
  for (const auto& [start, end] : starts_) result.push_back({start, end});
  return result;
}

size_t IntervalSet::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& [start, end] : starts_) bytes += kNodeBytes + start.size() + (end ? end->size() : 0);
  return bytes;
}

bool ReadSet::counted(IndexId index) const {
  return std::binary_search(counted_.begin(), counted_.end(), index);
}

void ReadSet::add(IndexId index, Interval interval, bool user) {
  if (interval.empty()) return;
  IntervalSet& set = indexes_[index];
  const bool was_counted = counted(index);
  const size_t before = was_counted ? set.size() : 0;
  set.add(std::move(interval));
  if (!was_counted && !user) return;
  if (!was_counted) counted_.insert(std::lower_bound(counted_.begin(), counted_.end(), index), index);
  user_intervals_ = user_intervals_ - before + set.size();
}

void ReadSet::add_point(IndexId index, std::string key, bool user) {
  std::string end = key;
  end.push_back('\0');
  add(index, Interval{std::move(key), std::move(end)}, user);
}

bool ReadSet::contains(IndexId index, std::string_view key) const {
  auto it = indexes_.find(index);
  return it != indexes_.end() && it->second.contains(key);
}

size_t ReadSet::memory_bytes() const {
  size_t bytes = sizeof(ReadSet);
  for (const auto& [index, set] : indexes_) bytes += kNodeBytes + set.memory_bytes();
  return bytes;
}

void ReadSet::merge(const ReadSet& other) {
  for (const auto& [index, set] : other.indexes_) {
    const bool user = other.counted(index);
    for (const auto& [start, end] : set.ranges()) add(index, Interval{start, end}, user);
  }
}

}  // namespace hull
