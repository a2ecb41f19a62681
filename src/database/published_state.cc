#include "database/published_state.h"

#include <algorithm>

namespace hull {

PublishedState::PublishedState(std::shared_ptr<ReadCore> core, Timestamp start,
                               std::shared_ptr<const Catalog> catalog, TableSummaries summaries)
    : core_(std::move(core)), latest_(start.ns), horizon_(start) {
  current_ = std::make_shared<ReadView>(core_, start, catalog, std::move(summaries), start);
  live_[start] = current_;
  catalogs_.emplace_back(start, std::move(catalog));
}

SnapshotPtr PublishedState::snapshot() const {
  std::lock_guard lock(mutex_);
  return current_;
}

Result<SnapshotPtr> PublishedState::snapshot_at(Timestamp ts) const {
  std::lock_guard lock(mutex_);
  if (ts == current_->ts()) return SnapshotPtr(current_);
  if (ts > current_->ts())
    return Error::internal("snapshot requested at a timestamp that is not published yet");
  if (ts < horizon_) return Error::out_of_retention();
  forget_dead();
  auto& registered = live_[ts];
  std::shared_ptr<const ReadView> view = registered.lock();
  if (!view) {
    auto after = std::upper_bound(catalogs_.begin(), catalogs_.end(), ts,
                                  [](Timestamp t, const CatalogAt& entry) { return t < entry.first; });
    view = std::make_shared<ReadView>(core_, ts, std::prev(after)->second, current_->summaries(),
                                      current_->ts());
    registered = view;
  }
  return SnapshotPtr(std::move(view));
}

void PublishedState::advance(Timestamp ts, std::vector<CatalogAt> catalogs,
                             const std::vector<SummaryDelta>& deltas) {
  std::shared_ptr<const ReadView> previous;  // released after the lock
  std::lock_guard lock(mutex_);
  for (CatalogAt& entry : catalogs) catalogs_.push_back(std::move(entry));
  previous = std::move(current_);
  current_ =
      std::make_shared<ReadView>(core_, ts, catalogs_.back().second, previous->summaries().with(deltas), ts);
  live_[ts] = current_;
  latest_.store(ts.ns, std::memory_order_release);
  forget_dead();
}

Timestamp PublishedState::raise_horizon(Timestamp wanted) {
  std::lock_guard lock(mutex_);
  forget_dead();
  horizon_ = std::max(horizon_, std::min(wanted, live_.begin()->first));
  while (catalogs_.size() > 1 && catalogs_[1].first <= horizon_) catalogs_.pop_front();
  return horizon_;
}

void PublishedState::forget_dead() const {
  // The current view is alive and last, so this stops.
  while (live_.begin()->second.expired()) live_.erase(live_.begin());
}

}  // namespace hull
