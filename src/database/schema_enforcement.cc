#include "database/schema_enforcement.h"

#include <algorithm>

namespace hull {
namespace {

const Validator* document_type(const Schema& schema, const std::string& table) {
  if (!schema.validation) return nullptr;
  auto it = schema.tables.find(table);
  if (it == schema.tables.end()) return nullptr;
  const auto& type = it->second.document_type;
  return type && !type->accepts_everything() ? type.get() : nullptr;
}

// Why the schema does not let a table go; nullopt if it does.
std::optional<std::string> deletion_problem(const Schema& schema, const std::string& table) {
  if (!schema.validation) return std::nullopt;
  std::string prefix = "Failed to delete table \"" + table + "\" because ";
  if (auto it = schema.tables.find(table); it != schema.tables.end() && it->second.document_type)
    return prefix + "it appears in the schema";
  for (const auto& [name, definition] : schema.tables) {
    if (!definition.document_type) continue;
    std::vector<std::string> named;
    definition.document_type->collect_id_tables(named);
    if (std::find(named.begin(), named.end(), table) != named.end())
      return prefix + "`v.id(\"" + table + "\")` appears in the schema of table \"" + name + "\"";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> schema_violation(const Schema& schema, const std::string& table,
                                            ValueView document, const TableNameResolver& resolver) {
  const Validator* type = document_type(schema, table);
  if (!type) return std::nullopt;
  return type->check_document(document, resolver);
}

Result<void> enforce_active_schema(const Catalog& catalog, const TableInfo& table, ValueView document) {
  const SchemaInfo* active = catalog.active_schema();
  if (table.system || !active || !active->schema) return {};
  if (auto violation = schema_violation(*active->schema, table.name, document, catalog.resolver()))
    return Error::bad_request("SchemaEnforcementError",
                              "Failed to insert or update a document in table \"" + table.name +
                                  "\" because it does not match the schema: " + *violation);
  return {};
}

std::optional<SchemaFailure> check_in_progress_schema(const Catalog& catalog, const TableInfo& table,
                                                      ValueView document) {
  const SchemaInfo* schema = catalog.in_progress_schema();
  if (table.system || !schema || !schema->schema) return std::nullopt;
  auto violation = schema_violation(*schema->schema, table.name, document, catalog.resolver());
  if (!violation) return std::nullopt;
  return SchemaFailure{schema->row, table.name, new_document_failure(table.name, *violation)};
}

std::string new_document_failure(std::string_view table, std::string_view violation) {
  return "New document in table \"" + std::string(table) +
         "\" does not match the schema: " + std::string(violation);
}

std::string existing_document_failure(std::string_view id, std::string_view table,
                                      std::string_view violation) {
  return "Document with ID \"" + std::string(id) + "\" in table \"" + std::string(table) +
         "\" does not match the schema: " + std::string(violation);
}

Result<void> check_table_deletion(const Catalog& catalog, const std::string& table) {
  const SchemaInfo* active = catalog.active_schema();
  if (!active || !active->schema) return {};
  if (auto problem = deletion_problem(*active->schema, table))
    return Error::bad_request("SchemaEnforcementError", *std::move(problem));
  return {};
}

std::optional<SchemaFailure> check_in_progress_deletion(const Catalog& catalog, const std::string& table) {
  const SchemaInfo* schema = catalog.in_progress_schema();
  if (!schema || !schema->schema) return std::nullopt;
  auto problem = deletion_problem(*schema->schema, table);
  if (!problem) return std::nullopt;
  return SchemaFailure{schema->row, table, *std::move(problem)};
}

}  // namespace hull
