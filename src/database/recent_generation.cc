#include "database/recent_generation.h"

#include <algorithm>

namespace hull {
namespace {

// A generation ends when it has this much: small enough to be skipped or dropped soon, large enough to be
// few.
constexpr size_t kMaxTouched = 4096;
constexpr size_t kMaxBytes = 4 << 20;
constexpr int64_t kMaxAgeNs = 2'000'000'000;
// Up to this many touched keys are checked one by one instead of looking up each interval of a read set.
constexpr size_t kFewTouched = 64;

auto first_after(const std::vector<LoggedCommitPtr>& commits, Timestamp after) {
  return std::upper_bound(commits.begin(), commits.end(), after,
                          [](Timestamp ts, const LoggedCommitPtr& commit) { return ts < commit->ts; });
}

}  // namespace

bool RecentWrites::Generation::Touches::remove_after(Timestamp ts) {
  while (!later_.empty() && later_.back().ts > ts) later_.pop_back();
  return first_.ts <= ts;
}

bool RecentWrites::Generation::full(int64_t now) const {
  return touched_ >= kMaxTouched || bytes() >= kMaxBytes || now - began_at_ >= kMaxAgeNs;
}

size_t RecentWrites::Generation::append(LoggedCommitPtr commit) {
  const size_t bytes = commit->memory_bytes();
  std::unique_lock lock(mutex);
  if (commits_.empty()) began_at_ = commit->appended_at;
  for (const TouchedKey& key : commit->keys) {
    Touch touch{commit->ts, commit.get(), &key};
    auto [it, added] = indexes_[key.index.n].try_emplace(key.key, touch);
    if (!added) it->second.add(touch);
  }
  touched_ += commit->keys.size();
  newest_.store(commit->ts.ns, std::memory_order_release);
  commits_.push_back(std::move(commit));
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return bytes;
}

size_t RecentWrites::Generation::remove_after(Timestamp ts) {
  std::unique_lock lock(mutex);
  size_t freed = 0;
  for (auto commit = first_after(commits_, ts); commit != commits_.end(); ++commit) {
    freed += (*commit)->memory_bytes();
    for (const TouchedKey& key : (*commit)->keys) {
      auto& rows = indexes_[key.index.n];
      auto it = rows.find(key.key);
      if (it != rows.end() && !it->second.remove_after(ts)) rows.erase(it);
    }
  }
  commits_.erase(first_after(commits_, ts), commits_.end());
  newest_.store(commits_.empty() ? 0 : commits_.back()->ts.ns, std::memory_order_release);
  bytes_.fetch_sub(freed, std::memory_order_relaxed);
  return freed;
}

const RecentWrites::Generation::Rows* RecentWrites::Generation::rows(IndexId index) const {
  auto it = indexes_.find(index.n);
  return it == indexes_.end() ? nullptr : &it->second;
}

template <typename Visit>
void RecentWrites::Generation::each_read(const ReadSet& reads, Visit visit) const {
  for (const auto& [index, set] : reads.indexes()) {
    const Rows* touched = rows(index);
    if (touched == nullptr) continue;
    if (set.size() > touched->size()) {
      for (const auto& [key, touches] : *touched)
        if (set.contains(key) && !visit(touches)) return;
      continue;
    }
    for (const auto& [start, end] : set.ranges()) {
      for (auto it = touched->lower_bound(start); it != touched->end() && (!end || it->first < *end); ++it)
        if (!visit(it->second)) return;
    }
  }
}

size_t RecentWrites::Generation::touched_after(Timestamp after, size_t enough) const {
  size_t count = 0;
  for (auto it = commits_.rbegin(); it != commits_.rend() && (*it)->ts > after && count <= enough; ++it)
    count += (*it)->keys.size();
  return count;
}

std::optional<RecentWrites::Generation::Touch> RecentWrites::Generation::recent_hit(const ReadSet& reads,
                                                                                    Timestamp after) const {
  if (touched_after(after, kFewTouched) <= kFewTouched) {
    for (auto it = commits_.rbegin(); it != commits_.rend() && (*it)->ts > after; ++it)
      for (const TouchedKey& key : (*it)->keys)
        if (reads.contains(key.index, key.key)) return Touch{(*it)->ts, it->get(), &key};
    return std::nullopt;
  }
  std::optional<Touch> found;
  each_read(reads, [&](const Touches& touches) {
    if (touches.newest().ts > after) found = touches.newest();
    return !found;
  });
  return found;
}

std::optional<RecentWrites::Generation::Touch> RecentWrites::Generation::oldest_hit(const ReadSet& reads,
                                                                                    Timestamp after,
                                                                                    Timestamp until) const {
  if (touched_after(after, kFewTouched) <= kFewTouched) {
    for (auto it = first_after(commits_, after); it != commits_.end() && (*it)->ts <= until; ++it)
      for (const TouchedKey& key : (*it)->keys)
        if (reads.contains(key.index, key.key)) return Touch{(*it)->ts, it->get(), &key};
    return std::nullopt;
  }
  std::optional<Touch> found;
  each_read(reads, [&](const Touches& touches) {
    touches.each([&](const Touch& touch) {
      if (touch.ts <= after) return true;
      if (touch.ts <= until && (!found || touch.ts < found->ts)) found = touch;
      return false;
    });
    return true;
  });
  return found;
}

void RecentWrites::Generation::add_changes(TabletId tablet, Timestamp after, Timestamp until,
                                           TableSummary& sum) const {
  for (auto it = first_after(commits_, after); it != commits_.end() && (*it)->ts <= until; ++it) {
    for (const SummaryDelta& delta : (*it)->deltas) {
      if (delta.tablet != tablet) continue;
      sum.documents += delta.change.documents;
      sum.bytes += delta.change.bytes;
    }
  }
}

LoggedCommitPtr RecentWrites::Generation::owner(const Touch& touch) const {
  auto it = std::lower_bound(commits_.begin(), commits_.end(), touch.ts,
                             [](const LoggedCommitPtr& commit, Timestamp ts) { return commit->ts < ts; });
  return *it;
}

}  // namespace hull
