// PublishedState: the newest published timestamp and catalog, the history of catalogs, and the registry of
// live snapshots that decides how far versions may be trimmed.
//
// Thread-safe. advance() and raise_horizon() are called by the log-writer thread only.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "database/read_view.h"

namespace hull {

class PublishedState {
 public:
  using CatalogAt = std::pair<Timestamp, std::shared_ptr<const Catalog>>;

  PublishedState(std::shared_ptr<ReadCore> core, Timestamp start, std::shared_ptr<const Catalog> catalog,
                 TableSummaries summaries);

  Timestamp latest() const { return Timestamp{latest_.load(std::memory_order_acquire)}; }
  SnapshotPtr snapshot() const;
  Result<SnapshotPtr> snapshot_at(Timestamp ts) const;

  // Makes `ts` the newest timestamp; `catalogs` are the new catalogs of commits up to it, ascending, `deltas`
  // (ascending by tablet) what all of them change together.
  void advance(Timestamp ts, std::vector<CatalogAt> catalogs, const std::vector<SummaryDelta>& deltas);
  // Raises the trim horizon towards `wanted` as far as live snapshots allow and returns it: from now on no
  // snapshot below it exists or can be made.
  Timestamp raise_horizon(Timestamp wanted);

 private:
  void forget_dead() const;  // mutex_ held

  const std::shared_ptr<ReadCore> core_;
  std::atomic<int64_t> latest_;
  mutable std::mutex mutex_;
  std::shared_ptr<const ReadView> current_;
  // Every view handed out that may still live, by timestamp; dead ones are dropped from the front.
  mutable std::map<Timestamp, std::weak_ptr<const ReadView>> live_;
  std::deque<CatalogAt> catalogs_;  // ascending; the first one covers horizon_
  Timestamp horizon_;
};

}  // namespace hull
