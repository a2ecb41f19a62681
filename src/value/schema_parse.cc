#include <cmath>
#include <set>

#include "value/json.h"
#include "value/names.h"
#include "value/schema_rules.h"

namespace hull {
namespace {

Error malformed(std::string message) { return Error::bad_request("InvalidSchema", std::move(message)); }

Result<std::string> text_member(ValueView json, std::string_view name) {
  std::optional<ValueView> member = json.find(name);
  if (!member || !member->is_string()) return malformed("missing field `" + std::string(name) + "`");
  return std::string(member->as_string());
}

// The elements of an array member; absent and null are empty.
Result<std::vector<ValueView>> list_member(ValueView json, std::string_view name, bool required = false) {
  std::optional<ValueView> member = json.find(name);
  std::vector<ValueView> out;
  if (!member || member->is_null()) {
    if (required) return malformed("missing field `" + std::string(name) + "`");
    return out;
  }
  if (!member->is_array()) return malformed("`" + std::string(name) + "` must be an array");
  for (size_t i = 0; i < member->count(); ++i) out.push_back(member->element(i));
  return out;
}

Result<std::vector<std::string>> texts_member(ValueView json, std::string_view name, bool required) {
  HULL_TRY(std::vector<ValueView> list, list_member(json, name, required));
  std::vector<std::string> out;
  for (ValueView item : list) {
    if (!item.is_string()) return malformed("`" + std::string(name) + "` must hold strings");
    out.emplace_back(item.as_string());
  }
  return out;
}

Result<uint32_t> dimensions_member(ValueView json) {
  std::optional<ValueView> member = json.find("dimensions");
  if (!member) member = json.find("dimension");
  if (!member || !member->is_float64()) return malformed("Missing dimensions field");
  double d = member->as_float64();
  if (d != std::trunc(d) || d < 2 || d > 4096) {
    return Error::bad_request("InvalidVectorDimensionError",
                              "Dimensions " + to_plain_json(*member) + " must be between 2 and 4096.");
  }
  return static_cast<uint32_t>(d);
}

class TableParser {
 public:
  TableParser(ValueView json, bool stored) : json_(json), stored_(stored) {}

  Result<TableDef> parse() {
    HULL_TRY(table_.name, text_member(json_, "tableName"));
    HULL_CHECK_OK(check_table_name(table_.name));
    HULL_CHECK_OK(parse_database_indexes("indexes", false));
    HULL_CHECK_OK(parse_database_indexes("stagedDbIndexes", true));
    HULL_CHECK_OK(parse_search_indexes("searchIndexes", false));
    HULL_CHECK_OK(parse_search_indexes("stagedSearchIndexes", true));
    HULL_CHECK_OK(parse_vector_indexes("vectorIndexes", false));
    HULL_CHECK_OK(parse_vector_indexes("stagedVectorIndexes", true));
    if (std::optional<ValueView> type = json_.find("documentType"); type && !type->is_null()) {
      HULL_TRY(auto parsed, Validator::from_value(*type));
      HULL_CHECK_OK(check_document_type(*parsed));
      table_.document_type = parsed->without_system_fields();
    }
    HULL_CHECK_OK(check_unique_indexes(table_));
    return std::move(table_);
  }

 private:
  // The checked name of a new index.
  Result<std::string> parse_name(ValueView json) {
    HULL_TRY(std::string name, text_member(json, "indexDescriptor"));
    HULL_CHECK_OK(check_index_name(table_.name, name));
    if (!names_.insert(name).second) {
      return Error::bad_request(
          "IndexNamesNotUnique",
          "Table \"" + table_.name + "\" has two or more definitions of index \"" + name + "\".");
    }
    return name;
  }

  Result<void> parse_database_indexes(std::string_view member, bool staged) {
    HULL_TRY(auto list, list_member(json_, member, !staged));
    for (ValueView json : list) {
      DatabaseIndexDef index{.staged = staged};
      HULL_TRY(index.name, parse_name(json));
      HULL_TRY(index.fields, texts_member(json, "fields", true));
      if (stored_ && !index.fields.empty() && index.fields.back() == kCreationTimeField)
        index.fields.pop_back();
      HULL_TRY(index.fields, checked_index_fields(table_.name, index));
      table_.indexes.emplace(index.name, index);
    }
    return {};
  }

  Result<void> parse_search_indexes(std::string_view member, bool staged) {
    HULL_TRY(auto list, list_member(json_, member));
    for (ValueView json : list) {
      SearchIndexDef index{.staged = staged};
      HULL_TRY(index.name, parse_name(json));
      HULL_TRY(std::string field, text_member(json, "searchField"));
      HULL_TRY(index.search_field, checked_field(index.name, field));
      HULL_TRY(auto filters, texts_member(json, "filterFields", false));
      HULL_TRY(index.filter_fields, checked_filter_fields(table_.name, index.name, filters));
      table_.search_indexes.emplace(index.name, index);
    }
    return {};
  }

  Result<void> parse_vector_indexes(std::string_view member, bool staged) {
    HULL_TRY(auto list, list_member(json_, member));
    for (ValueView json : list) {
      VectorIndexDef index{.staged = staged};
      HULL_TRY(index.name, parse_name(json));
      HULL_TRY(std::string field, text_member(json, "vectorField"));
      HULL_TRY(index.vector_field, checked_field(index.name, field));
      HULL_TRY(index.dimensions, dimensions_member(json));
      HULL_TRY(auto filters, texts_member(json, "filterFields", false));
      HULL_TRY(index.filter_fields, checked_filter_fields(table_.name, index.name, filters));
      table_.vector_indexes.emplace(index.name, index);
    }
    return {};
  }

  ValueView json_;
  bool stored_;
  TableDef table_;
  std::set<std::string> names_;
};

Result<std::shared_ptr<const Schema>> parse_schema(std::string_view text, bool stored) {
  Result<Value> json = parse_plain_json(text);
  if (!json.ok()) return malformed(json.error().message);
  if (!(*json)->is_object()) return malformed("A schema must be an object");
  auto schema = std::make_shared<Schema>();
  if (auto validation = (*json)->find("schemaValidation"); validation && !validation->is_null()) {
    if (!validation->is_bool()) return malformed("`schemaValidation` must be a boolean");
    schema->validation = validation->as_bool();
  }
  HULL_TRY(auto tables, list_member(*json, "tables", true));
  for (ValueView table_json : tables) {
    HULL_TRY(TableDef table, TableParser(table_json, stored).parse());
    if (schema->validation) HULL_CHECK_OK(check_index_references(table));
    std::string name = table.name;
    if (!schema->tables.emplace(name, std::move(table)).second)
      return malformed("Table \"" + name + "\" is defined twice");
  }
  return std::shared_ptr<const Schema>(std::move(schema));
}

}  // namespace

Result<std::shared_ptr<const Schema>> Schema::parse(std::string_view json) {
  return parse_schema(json, false);
}

Result<std::shared_ptr<const Schema>> Schema::parse_stored(std::string_view json) {
  return parse_schema(json, true);
}

}  // namespace hull
