#include "value/schema_rules.h"

#include <algorithm>
#include <set>

#include "value/names.h"

namespace hull {
namespace {

constexpr size_t kMaxIndexFields = 16;
constexpr size_t kMaxFilterFields = 16;
constexpr size_t kMaxIndexes = 64;
constexpr std::string_view kSchemaHelp =
    "To learn more, see the schema documentation at https://docs.convex.dev/database/schemas.";

std::string in_table(const std::string& table) { return "In table \"" + table + "\" "; }

std::string join(const std::vector<std::string>& path) {
  std::string out;
  for (const std::string& step : path) out += (out.empty() ? "" : ".") + step;
  return out;
}

Result<void> check_distinct(const std::vector<std::string>& fields) {
  std::set<std::string> seen;
  for (const std::string& field : fields) {
    if (!seen.insert(field).second) {
      return Error::bad_request(
          "FieldsNotUniqueWithinIndex",
          "Duplicate field \"" + field + "\". Index fields must be unique within an index.");
    }
  }
  return {};
}

Error not_unique(std::string_view code, const std::string& table, std::string_view kind, const std::string& a,
                 const std::string& b, std::string_view what) {
  std::string noun(kind);
  return Error::bad_request(code, in_table(table) + noun + " \"" + a + "\" and " + noun + " \"" + b +
                                      "\" have the same " + std::string(what) +
                                      " Indexes must be unique within a table.");
}

}  // namespace

Result<void> check_table_name(const std::string& table) {
  if (!check_identifier(table).ok()) {
    return Error::bad_request("InvalidTableName",
                              "Invalid table name: \"" + table +
                                  "\". Identifiers must start with a letter and can only contain "
                                  "letters, digits, and underscores.");
  }
  if (table.starts_with('_'))
    return Error::bad_request("TableNameReserved", table + " is a reserved table name.");
  return {};
}

Result<void> check_index_name(const std::string& table, const std::string& index) {
  if (!check_identifier(index).ok()) {
    return Error::bad_request("InvalidIndexName",
                              "Invalid index name: \"" + index +
                                  "\". Identifiers must be 64 characters or less, start with a "
                                  "letter, and only contain letters, digits, underscores.");
  }
  bool underscore = index.starts_with('_') && !index.starts_with("_fivetran");
  if (underscore || index == "by_id" || index == "by_creation_time") {
    return Error::bad_request(
        "IndexNameReserved",
        in_table(table) + "cannot name an index \"" + index +
            "\" because the name is reserved. Indexes may not start with an underscore or be "
            "named \"by_id\" or \"by_creation_time\".");
  }
  return {};
}

Result<std::string> checked_field(const std::string& index, const std::string& field) {
  Result<std::vector<std::string>> path = parse_field_path(field);
  if (path.ok()) return join(*path);
  return Error::bad_request("InvalidIndexField",
                            "In index \"" + index + "\": Invalid index field: \"" + field + "\"");
}

Result<std::vector<std::string>> checked_index_fields(const std::string& table,
                                                      const DatabaseIndexDef& index) {
  if (index.fields.empty()) {
    return Error::bad_request("EmptyIndex", in_table(table) +
                                                (index.staged ? "staged index \"" : "index \"") + index.name +
                                                "\" must have at least one field.");
  }
  std::vector<std::string> out;
  for (const std::string& text : index.fields) {
    HULL_TRY(std::string field, checked_field(index.name, text));
    if (field == "_id") {
      return Error::bad_request(
          "IndexFieldsContainId",
          "`_id` is not a valid index field. To load documents by ID, use `db.get(id)`.");
    }
    if (field == kCreationTimeField) {
      return Error::bad_request(
          "IndexFieldsContainCreationTime",
          "`_creationTime` is automatically added to the end of each index. It should not be "
          "added explicitly in the index definition. See "
          "https://docs.convex.dev/using/indexes for more details.");
    }
    if (field.starts_with('_')) {
      return Error::bad_request("IndexFieldNameReserved",
                                "Reserved fields (starting with `_`) are not allowed in indexes.");
    }
    out.push_back(std::move(field));
  }
  HULL_CHECK_OK(check_distinct(out));
  out.emplace_back(kCreationTimeField);
  if (out.size() > kMaxIndexFields) {
    return Error::bad_request("IndexTooManyFields", "In table \"" + table + "\": In index \"" + index.name +
                                                        "\": Indexes may have up to 16 fields.");
  }
  return out;
}

Result<std::vector<std::string>> checked_filter_fields(const std::string& table, const std::string& index,
                                                       const std::vector<std::string>& fields) {
  if (fields.size() > kMaxFilterFields) {
    return Error::bad_request("IndexTooManyFilterFields",
                              "In table \"" + table + "\": In index \"" + index +
                                  "\": Search indexes may have up to 16 filter fields.");
  }
  std::vector<std::string> out;
  for (const std::string& text : fields) {
    HULL_TRY(std::string field, checked_field(index, text));
    out.push_back(std::move(field));
  }
  HULL_CHECK_OK(check_distinct(out));
  return out;
}

Result<void> check_document_type(const Validator& type) {
  using Kind = Validator::Kind;
  bool fits = type.kind() == Kind::kAny || type.kind() == Kind::kObject;
  if (type.kind() == Kind::kUnion) {
    fits = std::all_of(type.members().begin(), type.members().end(), [](const auto& member) {
      return member->kind() == Kind::kObject ||
             (member->kind() == Kind::kUnion && check_document_type(*member).ok());
    });
  }
  if (fits) return {};
  return Error::bad_request(
      "InvalidTopLevelTypeInSchemaError",
      "The document validator in a schema must be an object, a union of objects, or `v.any()`. "
      "Found " +
          type.text() + ". " + std::string(kSchemaHelp));
}

Result<void> check_unique_indexes(const TableDef& table) {
  if (table.indexes.size() + table.search_indexes.size() + table.vector_indexes.size() > kMaxIndexes) {
    return Error::bad_request("TooManyIndexes",
                              "Table \"" + table.name + "\" cannot have more than 64 indexes.");
  }
  std::map<std::vector<std::string>, std::string> by_fields;
  for (const auto& [name, index] : table.indexes) {
    auto [other, added] = by_fields.emplace(index.fields, name);
    if (!added) return not_unique("IndexNotUnique", table.name, "index", other->second, name, "fields.");
  }
  std::map<std::string, std::string> by_search_field;
  for (const auto& [name, index] : table.search_indexes) {
    auto [other, added] = by_search_field.emplace(index.search_field, name);
    if (!added) {
      return not_unique("SearchIndexFieldNotUnique", table.name, "search index", other->second, name,
                        "`searchField`.");
    }
  }
  std::map<std::pair<std::string, uint32_t>, std::string> by_vector_field;
  for (const auto& [name, index] : table.vector_indexes) {
    auto [other, added] = by_vector_field.emplace(std::pair(index.vector_field, index.dimensions), name);
    if (!added) {
      return not_unique("VectorIndexFieldNotUnique", table.name, "vector index", other->second, name,
                        "`vectorField` and dimensions.");
    }
  }
  return {};
}

namespace {

// Whether something that fits at the path can be an array of float64.
bool can_be_vector(const Validator& type, const std::vector<std::string>& path, size_t at) {
  using Kind = Validator::Kind;
  switch (type.kind()) {
    case Kind::kAny:
      return true;
    case Kind::kUnion:
      return std::any_of(type.members().begin(), type.members().end(),
                         [&](const auto& member) { return can_be_vector(*member, path, at); });
    case Kind::kArray:
      return at == path.size() &&
             (type.members()[0]->kind() == Kind::kNumber || type.members()[0]->kind() == Kind::kAny);
    case Kind::kRecord:
      return at < path.size() && can_be_vector(*type.members()[1], path, at + 1);
    case Kind::kObject: {
      if (at == path.size()) return false;
      auto field = type.fields().find(path[at]);
      return field != type.fields().end() && can_be_vector(*field->second.type, path, at + 1);
    }
    default:
      return false;
  }
}

Error bad_reference(const TableDef& table, std::string_view kind, const std::string& index,
                    const std::string& field, std::string_view problem) {
  return Error::bad_request("SchemaDefinitionError", in_table(table.name) + "the " + std::string(kind) +
                                                         " \"" + index +
                                                         "\" is invalid because it references the field \"" +
                                                         field + "\" that " + std::string(problem));
}

Result<void> check_exists(const TableDef& table, const std::string& index, const std::string& field) {
  HULL_TRY(std::vector<std::string> path, parse_field_path(field));
  // System fields are in every document and never in its validator.
  if (path.size() == 1 && path[0].starts_with('_')) return {};
  if (table.document_type->can_contain_path(path)) return {};
  return bad_reference(table, "index", index, field, "does not exist.");
}

Result<void> check_exist(const TableDef& table, const std::string& index,
                         const std::vector<std::string>& fields) {
  for (const std::string& field : fields) HULL_CHECK_OK(check_exists(table, index, field));
  return {};
}

}  // namespace

Result<void> check_index_references(const TableDef& table) {
  if (!table.document_type) return {};
  for (const auto& [name, index] : table.indexes) HULL_CHECK_OK(check_exist(table, name, index.fields));
  for (const auto& [name, index] : table.search_indexes) {
    HULL_CHECK_OK(check_exists(table, name, index.search_field));
    HULL_CHECK_OK(check_exist(table, name, index.filter_fields));
  }
  for (const auto& [name, index] : table.vector_indexes) {
    HULL_CHECK_OK(check_exists(table, name, index.vector_field));
    HULL_CHECK_OK(check_exist(table, name, index.filter_fields));
    HULL_TRY(std::vector<std::string> path, parse_field_path(index.vector_field));
    if (!can_be_vector(*table.document_type, path, 0)) {
      return bad_reference(table, "vector index", name, index.vector_field,
                           "is neither an array of float64 or optional array of float64.");
    }
  }
  return {};
}

}  // namespace hull
