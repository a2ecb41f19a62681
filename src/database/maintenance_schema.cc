#include "base/log.h"
#include "database/catalog_rows.h"
#include "database/maintenance_jobs.h"
#include "database/schema_enforcement.h"

namespace hull {
namespace {

constexpr size_t kChunk = 256;
constexpr std::string_view kProgress = "_schema_validation_progress";
constexpr int64_t kShowEvery = 1'000'000'000;

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

// Documents of all tables that the schema makes somebody read.
Result<int64_t> documents_to_check(const Snapshot& snapshot, const Schema& schema) {
  int64_t total = 0;
  std::set<std::string> seen;
  while (const TableDef* definition = next_table(*snapshot.catalog(), schema, seen)) {
    HULL_TRY(TableSummary summary, snapshot.summary(snapshot.catalog()->table(definition->name)->tablet));
    total += summary.documents;
    seen.insert(definition->name);
  }
  return total;
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

// One row while a schema is being validated; the dashboard reads it.
Result<void> SchemaValidation::show_progress(const MaintenanceContext& context, const DocumentId& schema,
                                             const Snapshot& snapshot) {
  int64_t now = monotonic_nanos();
  if (shown_ && now - shown_at_ < kShowEvery) return {};
  HULL_TRY(int64_t total, documents_to_check(snapshot, *snapshot.catalog()->schema(schema)->schema));
  ValueBuilder b;
  b.begin_object();
  b.key("schemaId").string(schema.text());
  b.key("numDocsValidated").int64(checked_);
  b.key("totalDocs").int64(total);
  b.end();
  Value fields = b.finish();
  HULL_CHECK_OK(run_transaction(context, "_system/validate_schema", [&](Transaction& tx) -> Result<void> {
    HULL_TRY(DocumentPtr row, tx.system_find(kProgress, "by_schema_id", {Value::string(schema.text())}));
    if (row) return tx.system_replace(row->id, fields);
    auto id = tx.system_insert(kProgress, fields);
    if (!id.ok()) return std::move(id).error();
    return {};
  }));
  shown_ = true;
  shown_at_ = now;
  return {};
}

Result<void> SchemaValidation::hide_progress(const MaintenanceContext& context) {
  if (!shown_ && shown_at_ != 0) return {};
  HULL_CHECK_OK(run_transaction(context, "_system/validate_schema", [&](Transaction& tx) -> Result<void> {
    while (true) {
      HULL_TRY(DocumentPtr row, tx.system_find(kProgress, "by_schema_id", {}));
      if (!row) return {};
      HULL_CHECK_OK(tx.system_remove(row->id));
    }
  }));
  shown_ = false;
  shown_at_ = monotonic_nanos();
  return {};
}

Result<bool> SchemaValidation::step(const MaintenanceContext& context) {
  SnapshotPtr snapshot = context.engine.snapshot();
  const Catalog& catalog = *snapshot->catalog();
  const SchemaInfo* pending = pending_schema(catalog);
  if (!pending) {
    schema_.reset();
    HULL_CHECK_OK(hide_progress(context));
    return false;
  }
  if (schema_ != pending->row) {
    HULL_CHECK_OK(hide_progress(context));
    schema_ = pending->row;
    checked_ = 0;
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
  HULL_CHECK_OK(show_progress(context, *schema_, *snapshot));
  const TableInfo& table = *catalog.table(definition->name);
  HULL_TRY(Chunk chunk, read_chunk(*snapshot, table, after_ ? *after_ + '\0' : std::string(), kChunk));
  for (const auto& row : chunk.rows) {
    auto violation = schema_violation(*pending->schema, table.name, row.document->value, catalog.resolver());
    if (!violation) continue;
    std::string error = existing_document_failure(row.document->id.text(), table.name, *violation);
    HULL_CHECK_OK(settle(context, *schema_, SchemaState::kFailed, error, table.name));
    return true;
  }
  checked_ += static_cast<int64_t>(chunk.rows.size());
  if (chunk.last)
    done_.insert(table_);
  else
    after_ = chunk.rows.back().key;
  return true;
}

}  // namespace hull
