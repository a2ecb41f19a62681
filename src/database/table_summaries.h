// TableSummaries: how many documents and bytes every tablet holds, exact at one commit (database.md §9). A
// persistent map: copying is O(1) and with() shares whatever the commit did not touch, so every commit can
// carry its own. Immutable, thread-safe.
//
// How it is kept: with the commit at C goes S(C) = S(previous commit) + the commit's deltas, computed from
// the revisions it replaces; a snapshot at T shows S(newest commit <= T). A checkpoint stores serialize()
// together with the timestamp it is exact at; start-up parses it and applies the deltas of the log behind
// that timestamp, so it never counts documents.
//
// Checkpoint bytes: version 01, u32 LE number of tablets, then per tablet, ascending: u32 tablet,
// i64 documents, i64 bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/store.h"

namespace hull {

struct PendingWrite;

struct TableSummary {
  int64_t documents = 0;
  int64_t bytes = 0;  // by the size formula (values-and-schema.md §4)
  bool operator==(const TableSummary&) const = default;
};

// What one commit changes about one tablet.
struct SummaryDelta {
  TabletId tablet;
  TableSummary change;
  bool operator==(const SummaryDelta&) const = default;
};

// One delta per tablet that changes, ascending.
std::vector<SummaryDelta> summary_deltas(std::span<const PendingWrite> writes);

class TableSummaries {
 public:
  TableSummary of(TabletId tablet) const;  // zero for a tablet nothing was written to
  TableSummaries with(std::span<const SummaryDelta> deltas) const;
  // A purged tablet takes no room any more.
  TableSummaries without(TabletId tablet) const;

  std::string serialize() const;
  static std::optional<TableSummaries> parse(std::string_view bytes);  // nullopt if malformed

  bool operator==(const TableSummaries& other) const { return serialize() == other.serialize(); }

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
