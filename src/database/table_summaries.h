// TableSummaries: how many documents and bytes every tablet holds, exact at one commit (database.md §9). A
// persistent map: copying is O(1) and with() shares whatever the commit did not touch, so every commit can
// carry its own. Immutable, thread-safe.
//
// How it is kept: with the commit at C goes S(C) = S(previous commit) + the commit's deltas, computed from
// the revisions it replaces; a snapshot at T shows S(newest commit <= T). The deltas are stored with the
// commit, and the Store adds them up, so start-up never counts documents.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "storage/store.h"

namespace hull {

struct PendingWrite;

// One delta per tablet that changes, ascending.
std::vector<SummaryDelta> summary_deltas(std::span<const PendingWrite> writes);

class TableSummaries {
 public:
  TableSummary of(TabletId tablet) const;  // zero for a tablet nothing was written to
  TableSummaries with(std::span<const SummaryDelta> deltas) const;

 private:
  // Tablet ids are dense, so chunks of neighbours in a vector make the map.
  static constexpr size_t kChunk = 64;
  struct Chunk {
    TableSummary entries[kChunk];
  };
  using Chunks = std::vector<std::shared_ptr<const Chunk>>;
  std::shared_ptr<const Chunks> chunks_;  // null = empty
};

}  // namespace hull
