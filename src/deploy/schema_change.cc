#include "deploy/schema_change.h"

#include <algorithm>

#include "database/catalog_rows.h"

namespace hull {
namespace {

Result<void> set_state(Transaction& transaction, const SchemaInfo& info, SchemaState state) {
  DocumentPtr row = transaction.catalog().system_row("_schemas", info.row.internal);
  auto text = row ? row->value.view().find("schema") : std::nullopt;
  if (!text || !text->is_string()) return Error::internal("a schema row without a schema");
  return transaction.system_replace(info.row, schema_row_fields(state, std::string(text->as_string())));
}

Result<void> overwrite_in_progress(Transaction& transaction) {
  if (const SchemaInfo* info = transaction.catalog().in_progress_schema()) {
    SchemaInfo copy = *info;
    return set_state(transaction, copy, SchemaState::kOverwritten);
  }
  return {};
}

bool needs_walk(const Catalog& catalog, const Schema& schema) {
  return std::any_of(schema.tables.begin(), schema.tables.end(), [&](const auto& entry) {
    return catalog.table(entry.first) && table_check(catalog, schema, entry.second) == TableCheck::kMustWalk;
  });
}

}  // namespace

TableCheck table_check(const Catalog& catalog, const Schema& schema, const TableDef& table) {
  if (!schema.validation || !table.document_type || table.document_type->accepts_everything())
    return TableCheck::kNotValidated;
  const SchemaInfo* active = catalog.active_schema();
  if (!active || !active->schema->validation) return TableCheck::kMustWalk;
  auto enforced = active->schema->tables.find(table.name);
  if (enforced == active->schema->tables.end() || !enforced->second.document_type ||
      !enforced->second.document_type->is_subset_of(*table.document_type))
    return TableCheck::kMustWalk;
  return TableCheck::kSupersetOfEnforced;
}

Result<std::optional<DocumentId>> submit_schema(Transaction& transaction, const Schema* schema) {
  transaction.depend_on_system_table("_schemas");
  if (!schema) {
    HULL_CHECK_OK(overwrite_in_progress(transaction));
    return std::optional<DocumentId>();
  }
  bool walk = needs_walk(transaction.catalog(), *schema);
  for (const auto& [name, table] : schema->tables) HULL_CHECK_OK(transaction.ensure_table(name));
  std::string json = schema->json();
  const SchemaInfo* active = transaction.catalog().active_schema();
  if (active && active->schema->json() == json) {
    DocumentId id = active->row;
    HULL_CHECK_OK(overwrite_in_progress(transaction));
    return std::optional<DocumentId>(id);
  }
  const SchemaInfo* in_progress = transaction.catalog().in_progress_schema();
  if (in_progress && in_progress->schema->json() == json) return std::optional<DocumentId>(in_progress->row);
  HULL_CHECK_OK(overwrite_in_progress(transaction));
  SchemaState state = walk ? SchemaState::kPending : SchemaState::kValidated;
  HULL_TRY(auto id, transaction.system_insert("_schemas", schema_row_fields(state, json)));
  return std::optional<DocumentId>(id);
}

Result<std::optional<SchemaDiff>> activate_schema(Transaction& transaction,
                                                  const std::optional<DocumentId>& id) {
  transaction.depend_on_system_table("_schemas");
  SchemaDiff diff;
  std::optional<SchemaInfo> previous;
  if (const SchemaInfo* active = transaction.catalog().active_schema()) {
    previous = *active;
    diff.previous = active->schema->json();
  }
  if (id) {
    const SchemaInfo* found = transaction.catalog().schema(*id);
    if (!found || found->state == SchemaState::kOverwritten)
      return Error::bad_request("SchemaAlreadyOverwritten", "Schema has already been overwritten.");
    if (found->state == SchemaState::kFailed)
      return Error::bad_request("SchemaAlreadyFailed",
                                "Schema has already been failed with error: " + found->error);
    if (found->state == SchemaState::kPending)
      return Error::bad_request(
          "SchemaNotValidated",
          "The schema is still being validated. Wait for it before finishing the push.");
    if (found->state == SchemaState::kActive) return std::optional<SchemaDiff>();
    SchemaInfo next = *found;
    diff.next = next.schema->json();
    if (previous) HULL_CHECK_OK(set_state(transaction, *previous, SchemaState::kOverwritten));
    HULL_CHECK_OK(set_state(transaction, next, SchemaState::kActive));
    return std::optional<SchemaDiff>(std::move(diff));
  }
  if (!previous) return std::optional<SchemaDiff>();
  HULL_CHECK_OK(set_state(transaction, *previous, SchemaState::kOverwritten));
  return std::optional<SchemaDiff>(std::move(diff));
}

std::shared_ptr<const Schema> schema_by_id(const Catalog& catalog, const std::optional<DocumentId>& id) {
  if (!id) return nullptr;
  const SchemaInfo* info = catalog.schema(*id);
  return info ? info->schema : nullptr;
}

}  // namespace hull
