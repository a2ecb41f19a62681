#include "database/snapshot.h"

namespace hull {

Result<TableSummary> Snapshot::summary(TabletId tablet) const {
  constexpr size_t kRows = 1024;
  TableSummary result;
  const TableInfo* table = catalog()->table(tablet);
  if (!table) return result;
  auto by_id = table->find_index("by_id");
  Interval rest{"", std::nullopt};
  while (true) {
    HULL_TRY(auto rows, scan(*by_id, rest, Order::kAsc, kRows));
    for (const auto& row : rows) {
      result.documents += 1;
      result.bytes += static_cast<int64_t>(convex_size(row.document->value));
    }
    if (rows.size() < kRows) return result;
    rest.start = rows.back().key + '\0';
  }
}

}  // namespace hull
