#include "database/write_log.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace hull {
namespace {

// First touch later than `after`.
template <typename Touches>
auto first_after(const Touches& touches, Timestamp after) {
  return std::upper_bound(touches.begin(), touches.end(), after,
                          [](Timestamp ts, const auto& touch) { return ts < touch.ts; });
}

}  // namespace

size_t LoggedCommit::memory_bytes() const {
  // Each key appears in the entry, in its index's deque and (usually) in the hash.
  size_t bytes = sizeof(LoggedCommit) + source.size();
  for (const TouchedKey& key : keys) bytes += sizeof(TouchedKey) + key.key.capacity() + 96;
  return bytes;
}

void WriteLog::append(LoggedCommitPtr commit) {
  std::unique_lock lock(mutex_);
  for (const TouchedKey& key : commit->keys) {
    IndexLog& log = indexes_[key.index.n];
    Touch touch{commit->ts, commit.get(), &key};
    log.touches.push_back(touch);
    // The hash key must be a view into the newest touch, which is dropped last.
    if (auto it = log.newest.find(key.key); it != log.newest.end()) {
      auto node = log.newest.extract(it);
      node.key() = key.key;
      node.mapped() = touch;
      log.newest.insert(std::move(node));
    } else {
      log.newest.emplace(key.key, touch);
    }
  }
  bytes_ += commit->memory_bytes();
  commits_.push_back(std::move(commit));
}

std::optional<WriteLog::Touch> WriteLog::newest_touch(const IndexLog& log, const IntervalSet& set,
                                                      Timestamp after) const {
  if (log.touches.empty() || log.touches.back().ts <= after) return std::nullopt;
  auto first = first_after(log.touches, after);
  const size_t recent = static_cast<size_t>(log.touches.end() - first);
  if (set.size() < recent) {
    // Few reads, many writes: look the read keys up, unless a true range forces the walk below.
    std::optional<Touch> found;
    bool ranges = false;
    for (const auto& [start, end] : set.ranges()) {
      if (!is_point(start, end)) {
        ranges = true;
        break;
      }
      auto it = log.newest.find(start);
      if (it != log.newest.end() && it->second.ts > after && (!found || it->second.ts > found->ts))
        found = it->second;
    }
    if (!ranges) return found;
  }
  for (auto it = log.touches.end(); it != first;) {
    --it;
    if (set.contains(it->key->key)) return *it;
  }
  return std::nullopt;
}

LoggedCommitPtr WriteLog::owner(const LoggedCommit* commit) const {
  auto it = std::lower_bound(commits_.begin(), commits_.end(), commit->ts,
                             [](const LoggedCommitPtr& entry, Timestamp ts) { return entry->ts < ts; });
  return *it;
}

WriteLog::Check WriteLog::newest_hit(const ReadSet& reads, Timestamp after) const {
  std::shared_lock lock(mutex_);
  if (after < complete_after_) return {Coverage::kOutOfRetention, std::nullopt};
  std::optional<Touch> found;
  for (const auto& [index, set] : reads.indexes()) {
    auto it = indexes_.find(index.n);
    if (it == indexes_.end()) continue;
    auto touch = newest_touch(it->second, set, found ? found->ts : after);
    if (touch) found = touch;
  }
  if (!found) return {};
  return {Coverage::kComplete, Hit{owner(found->commit), found->key}};
}

std::optional<WriteLog::Hit> WriteLog::newest_hit(IndexId index, std::string_view key,
                                                  Timestamp after) const {
  std::shared_lock lock(mutex_);
  auto log = indexes_.find(index.n);
  if (log == indexes_.end()) return std::nullopt;
  auto it = log->second.newest.find(key);
  if (it == log->second.newest.end() || it->second.ts <= after) return std::nullopt;
  return Hit{owner(it->second.commit), it->second.key};
}

WriteLog::Check WriteLog::oldest_hit(const ReadSet& reads, Timestamp after, Timestamp until) const {
  std::shared_lock lock(mutex_);
  if (after < complete_after_) return {Coverage::kOutOfRetention, std::nullopt};
  std::optional<Touch> found;
  for (const auto& [index, set] : reads.indexes()) {
    auto log = indexes_.find(index.n);
    if (log == indexes_.end()) continue;
    const auto& touches = log->second.touches;
    for (auto it = first_after(touches, after); it != touches.end() && it->ts <= until; ++it) {
      if (found && it->ts >= found->ts) break;
      if (set.contains(it->key->key)) {
        found = *it;
        break;
      }
    }
  }
  if (!found) return {};
  return {Coverage::kComplete, Hit{owner(found->commit), found->key}};
}

void WriteLog::drop_oldest() {
  LoggedCommitPtr commit = std::move(commits_.front());
  commits_.pop_front();
  bytes_ -= commit->memory_bytes();
  complete_after_ = commit->ts;
  for (const TouchedKey& key : commit->keys) {
    auto index = indexes_.find(key.index.n);
    IndexLog& log = index->second;
    log.touches.pop_front();
    auto newest = log.newest.find(key.key);
    if (newest != log.newest.end() && newest->second.commit == commit.get()) log.newest.erase(newest);
    if (log.touches.empty()) indexes_.erase(index);
  }
}

void WriteLog::trim(Timestamp published, int64_t now, int64_t min_age_ns, int64_t max_age_ns,
                    size_t soft_bytes) {
  std::unique_lock lock(mutex_);
  while (!commits_.empty() && commits_.front()->ts <= published) {
    const int64_t age = now - commits_.front()->appended_at;
    if (age < min_age_ns || (age < max_age_ns && bytes_ <= soft_bytes)) return;
    drop_oldest();
  }
}

size_t WriteLog::memory_bytes() const {
  std::shared_lock lock(mutex_);
  return bytes_;
}

Timestamp WriteLog::complete_after() const {
  std::shared_lock lock(mutex_);
  return complete_after_;
}

}  // namespace hull
