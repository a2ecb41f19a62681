// Snapshot: the database at one timestamp (database.md §1). Reads are repeatable and never block commits.
// Cheap to copy; it pins the versions it may need, so do not keep it for longer than one call. Thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "database/catalog.h"
#include "database/document.h"
#include "database/table_summaries.h"

namespace hull {

struct IndexRow {
  std::string key;
  DocumentPtr document;
};

class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Timestamp ts() const = 0;
  virtual const std::shared_ptr<const Catalog>& catalog() const = 0;
  // Null if absent. Blocking (may read from the store).
  virtual Result<DocumentPtr> get(TabletId tablet, InternalId id) const = 0;
  // At most `limit` rows of an enabled index (by_id included) in key order. Blocking.
  virtual Result<std::vector<IndexRow>> scan(const IndexInfo& index, const Interval& interval, Order order,
                                             size_t limit) const = 0;
  // Documents and bytes of a tablet at ts(), exact; zero for a tablet the catalog does not know. Must cost
  // O(log tables) at most; the default reads the whole table, blocking, and is for implementations that keep
  // no TableSummaries.
  virtual Result<TableSummary> summary(TabletId tablet) const;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace hull
