// The rules that definitions in a schema keep (values-and-schema.md §10, §11), private to this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/schema.h"

namespace hull {

inline constexpr std::string_view kCreationTimeField = "_creationTime";

Result<void> check_table_name(const std::string& table);
Result<void> check_index_name(const std::string& table, const std::string& index);
// The trimmed dotted path.
Result<std::string> checked_field(const std::string& index, const std::string& field);
// The fields as stored, `_creationTime` appended.
Result<std::vector<std::string>> checked_index_fields(const std::string& table,
                                                      const DatabaseIndexDef& index);
Result<std::vector<std::string>> checked_filter_fields(const std::string& table, const std::string& index,
                                                       const std::vector<std::string>& fields);
Result<void> check_document_type(const Validator& type);
// No two indexes of a kind do the same work, and there are not too many.
Result<void> check_unique_indexes(const TableDef& table);
// Indexed fields can exist in documents.
Result<void> check_index_references(const TableDef& table);

}  // namespace hull
