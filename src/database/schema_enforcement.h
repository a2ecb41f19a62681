// Checking documents against schemas (values-and-schema.md §10.1, §10.2). Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "database/catalog.h"

namespace hull {

// The validator message of §9.4 if `document` (with its system fields) does not fit the table's definition;
// nullopt if it fits or the schema does not validate this table.
std::optional<std::string> schema_violation(const Schema& schema, const std::string& table,
                                            ValueView document, const TableNameResolver& resolver);

// Error SchemaEnforcementError if the active schema refuses the document.
Result<void> enforce_active_schema(const Catalog& catalog, const TableInfo& table, ValueView document);

// What a write does to a pending or validated schema that it does not fit.
struct SchemaFailure {
  DocumentId row;
  std::string table;
  std::string error;
};
std::optional<SchemaFailure> check_in_progress_schema(const Catalog& catalog, const TableInfo& table,
                                                      ValueView document);

std::string new_document_failure(std::string_view table, std::string_view violation);
std::string existing_document_failure(std::string_view id, std::string_view table,
                                      std::string_view violation);

// Error if deleting the table would break the active schema.
Result<void> check_table_deletion(const Catalog& catalog, const std::string& table);
// What it does to a pending or validated schema.
std::optional<SchemaFailure> check_in_progress_deletion(const Catalog& catalog, const std::string& table);

}  // namespace hull
