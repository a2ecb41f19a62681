// Rows of the metadata tables `_tables`, `_index` and `_schemas` as values and as structs (database.md §8,
// §9; values-and- schema.md §10.2). Pure functions, thread-safe.
//
//   _tables   {name, number: int64, state: "active" | "deleting", tablet: int64, byId: int64, byCreationTime:
//   int64} _index    {table_id: int64 (tablet), descriptor, index_id: int64,
//              config: {type: "database", fields: [...], onDiskState: {type: "Backfilling", backfillState:
//              {staged, ...}}
//                       | {type: "Backfilled2", staged} | {type: "Enabled"} | {type: "Dropped"}}
//              | {type: "search" | "vector", ...}}
//   _schemas  {state: {state, error?, tableName?}, schema: JSON string}
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "database/catalog.h"

namespace hull {

struct TableRow {
  std::string name;
  TableNumber number = 0;
  bool active = true;
  TabletId tablet;
  static std::optional<TableRow> parse(ValueView row);
  Value fields() const;
};

struct IndexRowFields {
  TabletId tablet;
  std::string descriptor;
  std::string type = "database";
  IndexId index;
  std::vector<std::string> fields;
  IndexState state = IndexState::kBackfilling;
  bool staged = false;
  bool dropped = false;
  static std::optional<IndexRowFields> parse(ValueView row);
  Value fields_value() const;  // database indexes only
};

IndexId by_id_index(TabletId tablet);             // of a user tablet
IndexId by_creation_time_index(TabletId tablet);  // of a user tablet

std::string_view schema_state_name(SchemaState state);
std::optional<SchemaState> parse_schema_state(std::string_view name);
// A `_schemas` row's fields.
Value schema_row_fields(SchemaState state, std::string_view schema_json,
                        const std::optional<std::string>& error = std::nullopt,
                        const std::optional<std::string>& table = std::nullopt);

// The fields of a document without `_id` and `_creationTime`.
Value without_system_fields(ValueView document);

}  // namespace hull
