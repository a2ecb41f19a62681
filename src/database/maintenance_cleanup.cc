#include <algorithm>

#include "base/log.h"
#include "database/catalog_rows.h"
#include "database/maintenance_jobs.h"

namespace hull {
namespace {

constexpr size_t kPurgeRows = 1000;
constexpr size_t kExpireRows = 256;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSettledSchemaRetention = 3600 * kSecond;

Result<void> remove_row(const MaintenanceContext& context, const DocumentId& row) {
  return run_transaction(context, "_system/cleanup", [&](Transaction& tx) { return tx.system_remove(row); });
}

// Nobody reads a snapshot from before the drop any more (the wall clock alone could not tell: it may jump),
// and no row of it is still to be applied.
bool settled(const MaintenanceContext& context, const DocumentPtr& row) {
  auto grace = static_cast<int64_t>(context.knobs.write_log_max_retention_s * static_cast<double>(kSecond));
  return row->ts.ns + grace <= context.engine.env().unix_nanos() &&
         row->ts <= context.engine.store().applied() && context.engine.retire_snapshots(row->ts);
}

// The log may take twice the room of the data itself, and always what the knob grants it.
Result<bool> trim_log(const MaintenanceContext& context) {
  Store& store = context.engine.store();
  HULL_TRY(Store::Usage usage, store.usage());
  const auto age =
      static_cast<int64_t>(context.knobs.log_retention_hours * 3600 * static_cast<double>(kSecond));
  const size_t bytes = std::max(context.knobs.log_retention_bytes, 2 * usage.state_bytes);
  HULL_TRY(size_t freed, store.trim_log(Timestamp{context.engine.env().unix_nanos() - age}, bytes));
  return freed > 0;
}

}  // namespace

Result<bool> Cleanup::purge_indexes(const MaintenanceContext& context) {
  SnapshotPtr snapshot = context.engine.snapshot();
  const Catalog& catalog = *snapshot->catalog();
  for (const auto& document : catalog.system_rows("_index")) {
    auto row = IndexRowFields::parse(document->value);
    if (!row || !row->dropped || !settled(context, document)) continue;
    if (!purged_indexes_.count(row->index)) {
      HULL_TRY(bool empty, context.engine.store().purge_index(row->index, kPurgeRows));
      if (!empty) return true;
      purged_indexes_.insert(row->index);
    }
    // The row with the largest id stays, so that the id is not given out again.
    if (row->index.n + 1 == catalog.next_index().n) continue;
    HULL_CHECK_OK(remove_row(context, document->id));
    return true;
  }
  return false;
}

Result<bool> Cleanup::purge_tables(const MaintenanceContext& context) {
  SnapshotPtr snapshot = context.engine.snapshot();
  const Catalog& catalog = *snapshot->catalog();
  Store& store = context.engine.store();
  for (const auto& document : catalog.system_rows("_tables")) {
    auto row = TableRow::parse(document->value);
    if (!row || row->active || !settled(context, document)) continue;
    if (!purged_tablets_.count(row->tablet)) {
      HULL_TRY(bool index_empty, store.purge_index(by_creation_time_index(row->tablet), kPurgeRows));
      if (!index_empty) return true;
      HULL_TRY(bool empty, store.purge_tablet(row->tablet, kPurgeRows));
      if (!empty) return true;
      purged_tablets_.insert(row->tablet);
    }
    if (row->tablet.n + 1 == catalog.next_tablet().n) continue;
    HULL_CHECK_OK(remove_row(context, document->id));
    return true;
  }
  return false;
}

Result<bool> Cleanup::remove_expired(const MaintenanceContext& context) {
  SnapshotPtr snapshot = context.engine.snapshot();
  const Catalog& catalog = *snapshot->catalog();
  std::vector<DocumentId> expired;
  int64_t now = context.engine.env().unix_nanos();
  for (const auto& document : catalog.system_rows("_schemas")) {
    const SchemaInfo* info = catalog.schema(document->id);
    if (info && (info->state == SchemaState::kFailed || info->state == SchemaState::kOverwritten) &&
        document->ts.ns + kSettledSchemaRetention < now)
      expired.push_back(document->id);
  }
  const TableInfo& sessions = *catalog.table("_session_requests");
  HULL_TRY(auto rows, snapshot->scan(*sessions.find_index("by_creation_time"), Interval{"", std::nullopt},
                                     Order::kAsc, kExpireRows));
  double oldest_ms = context.engine.env().unix_millis() - context.knobs.session_cleanup_hours * 3600e3;
  for (const auto& row : rows) {
    auto created = row.document->value.view().find("_creationTime");
    if (!created || created->as_float64() >= oldest_ms) break;
    expired.push_back(row.document->id);
  }
  if (expired.empty()) return false;
  HULL_CHECK_OK(run_transaction(context, "_system/cleanup", [&](Transaction& tx) -> Result<void> {
    for (const auto& id : expired) HULL_CHECK_OK(tx.system_remove(id));
    return {};
  }));
  return true;
}

Result<bool> Cleanup::step(const MaintenanceContext& context) {
  HULL_TRY(bool indexes, purge_indexes(context));
  if (indexes) return true;
  HULL_TRY(bool tables, purge_tables(context));
  if (tables) return true;
  HULL_TRY(bool expired, remove_expired(context));
  if (expired) return true;
  return trim_log(context);
}

}  // namespace hull
