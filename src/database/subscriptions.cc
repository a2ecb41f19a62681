#include "database/subscriptions.h"

namespace hull {

class SubscriptionIndex::Entry final : public Subscription {
 public:
  Entry(std::shared_ptr<SubscriptionIndex> owner, std::function<void()> on_invalid)
      : owner_(std::move(owner)), on_invalid_(std::move(on_invalid)) {}
  explicit Entry(Timestamp invalidated) { invalidated_.store(invalidated.ns, std::memory_order_release); }
  ~Entry() override {
    if (owner_) owner_->remove(*this);
  }

 private:
  friend class SubscriptionIndex;

  struct Point {
    IndexId index;
    Points::value_type* bucket;  // nodes of an unordered_map do not move
    Watchers::iterator position;
  };
  struct Range {
    IndexId index;
    IntervalTree<Entry*>::Node* node;
  };

  void invalidate(Timestamp ts, Callbacks& callbacks) {
    if (invalidated_.load(std::memory_order_relaxed) != INT64_MAX) return;
    invalidated_.store(ts.ns, std::memory_order_release);
    if (on_invalid_) callbacks.push_back(std::exchange(on_invalid_, nullptr));
  }

  const std::shared_ptr<SubscriptionIndex> owner_;
  // All guarded by owner_->mutex_.
  std::function<void()> on_invalid_;
  std::vector<Point> points_;
  std::vector<Range> ranges_;
};

std::shared_ptr<Subscription> SubscriptionIndex::already_invalid(Timestamp at) {
  return std::make_shared<Entry>(at);
}

std::shared_ptr<Subscription> SubscriptionIndex::add(std::shared_ptr<const ReadSet> reads,
                                                     std::function<void()> on_invalid) {
  auto entry = std::make_shared<Entry>(shared_from_this(), std::move(on_invalid));
  for (const auto& [index, set] : reads->indexes()) {
    IndexWatch& watch = indexes_[index.n];
    for (const auto& [start, end] : set.ranges()) {
      if (is_point(start, end)) {
        Points::value_type& bucket = *watch.points.try_emplace(start).first;
        bucket.second.push_front(entry.get());
        entry->points_.push_back({index, &bucket, bucket.second.begin()});
      } else {
        entry->ranges_.push_back({index, watch.ranges.insert(Interval{start, end}, entry.get())});
      }
    }
  }
  ++size_;
  return entry;
}

std::vector<std::pair<IndexId, size_t>> SubscriptionIndex::mark(const LoggedCommit& commit,
                                                                Callbacks& callbacks) {
  std::vector<std::pair<IndexId, size_t>> hits;
  for (const TouchedKey& key : commit.keys) {
    auto it = indexes_.find(key.index.n);
    if (it == indexes_.end()) continue;
    const size_t before = callbacks.size();
    if (auto point = it->second.points.find(key.key); point != it->second.points.end()) {
      for (Entry* entry : point->second) entry->invalidate(commit.ts, callbacks);
    }
    it->second.ranges.stab(key.key, [&](Entry* entry) { entry->invalidate(commit.ts, callbacks); });
    if (callbacks.size() > before) hits.emplace_back(key.index, callbacks.size() - before);
  }
  return hits;
}

void SubscriptionIndex::remove(Entry& entry) {
  std::lock_guard lock(mutex_);
  for (Entry::Point& point : entry.points_) {
    point.bucket->second.erase(point.position);
    if (!point.bucket->second.empty()) continue;
    Points& points = indexes_[point.index.n].points;
    points.erase(points.find(point.bucket->first));
  }
  for (Entry::Range& range : entry.ranges_) indexes_[range.index.n].ranges.erase(range.node);
  --size_;
}

size_t SubscriptionIndex::size() const {
  std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace hull
