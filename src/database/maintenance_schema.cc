#include "base/log.h"
#include "database/catalog_rows.h"
#include "database/maintenance_jobs.h"
#include "database/schema_enforcement.h"

namespace hull {
namespace {

constexpr size_t kChunk = 256;

const SchemaInfo* pending_schema(const Catalog& catalog) {
  const SchemaInfo* info = catalog.in_progress_schema();
  return info && info->state == SchemaState::kPending && info->schema ? info : nullptr;
}

// Whether the enforced schema already guarantees what the new one asks of a table.
bool already_guaranteed(const Catalog& catalog, const TableDef& definition) {
  const SchemaInfo* active = catalog.active_schema();
  if (!active || !active->schema || !active->schema->validation) return false;
  auto it = active->schema->tables.find(definition.name);
  if (it == active->schema->tables.end() || !it->second.document_type) return false;
  return it->second.document_type->is_subset_of(*definition.document_type);
}

// The first table whose documents must still be read; null if there is none.
const TableDef* next_table(const Catalog& catalog, const Schema& schema, const std::set<std::string>& done) {
  if (!schema.validation) return nullptr;
  for (const auto& [name, definition] : schema.tables) {
    if (done.count(name) || !definition.document_type || definition.document_type->accepts_everything())
      continue;
    if (!catalog.table(name) || already_guaranteed(catalog, definition)) continue;
    return &definition;
  }
  return nullptr;
}

Result<void> settle(const MaintenanceContext& context, const DocumentId& row, SchemaState state,
                    const std::optional<std::string>& error, const std::optional<std::string>& table) {
  return run_transaction(context, "_system/validate_schema", [&](Transaction& tx) -> Result<void> {
    HULL_TRY(DocumentPtr document, tx.system_get(row));
    const SchemaInfo* info = tx.catalog().schema(row);
    if (!document || !info || info->state != SchemaState::kPending) return {};
    auto text = document->value.view().find("schema");
    return tx.system_replace(row, schema_row_fields(state, text ? text->as_string() : "", error, table));
  });
}

}  // namespace

Result<bool> SchemaValidation::step(const MaintenanceContext& context) {
  SnapshotPtr snapshot = context.engine.snapshot();
  const Catalog& catalog = *snapshot->catalog();
  const SchemaInfo* pending = pending_schema(catalog);
  if (!pending) {
    schema_.reset();
    return false;
  }
  if (schema_ != pending->row) {
    schema_ = pending->row;
    done_.clear();
    table_.clear();
    after_.reset();
  }
  const TableDef* definition = next_table(catalog, *pending->schema, done_);
  if (!definition) {
    HULL_CHECK_OK(settle(context, *schema_, SchemaState::kValidated, std::nullopt, std::nullopt));
    return true;
  }
  if (table_ != definition->name) {
    table_ = definition->name;
    after_.reset();
  }
  const TableInfo& table = *catalog.table(definition->name);
  Interval rest{after_ ? *after_ + '\0' : std::string(), std::nullopt};
  HULL_TRY(auto rows, snapshot->scan(*table.indexes.front(), rest, Order::kAsc, kChunk));
  for (const auto& row : rows) {
    auto violation = schema_violation(*pending->schema, table.name, row.document->value, catalog.resolver());
    if (!violation) continue;
    std::string error = existing_document_failure(row.document->id.text(), table.name, *violation);
    HULL_CHECK_OK(settle(context, *schema_, SchemaState::kFailed, error, table.name));
    return true;
  }
  if (rows.size() < kChunk)
    done_.insert(table_);
  else
    after_ = rows.back().key;
  return true;
}

}  // namespace hull
