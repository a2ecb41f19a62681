// Schema states during a push (deploy-and-cli.md §4.1): submit in start_push, activate in finish_push. All
// within the caller's transaction.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "database/transaction.h"
#include "value/schema.h"

namespace hull {

// Whether documents of a table may exist that nothing has checked against a new schema (values-and-schema.md
// §10.2): none are checked; the enforced validator admits no others; or they have to be read.
enum class TableCheck { kNotValidated, kSupersetOfEnforced, kMustWalk };
TableCheck table_check(const Catalog& catalog, const Schema& schema, const TableDef& table);

// Creates the tables the schema names and makes it the one in progress, reusing an equal one; returns its id.
// Without a schema whatever is in progress is overwritten.
Result<std::optional<DocumentId>> submit_schema(Transaction& transaction, const Schema* schema);

struct SchemaDiff {
  std::optional<std::string> previous, next;  // schema JSON
};
// Makes the submitted schema (nullopt: none) the enforced one. nullopt: nothing changed. Errors:
// SchemaAlreadyFailed, SchemaAlreadyOverwritten, SchemaNotValidated (400).
Result<std::optional<SchemaDiff>> activate_schema(Transaction& transaction,
                                                  const std::optional<DocumentId>& id);

// The schema behind an id from start_push; null without one.
std::shared_ptr<const Schema> schema_by_id(const Catalog& catalog, const std::optional<DocumentId>& id);

}  // namespace hull
