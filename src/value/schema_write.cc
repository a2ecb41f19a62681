#include "value/json.h"
#include "value/schema.h"

namespace hull {
namespace {

std::string texts_json(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + json_string(text);
  return out + "]";
}

std::string members_json(const DatabaseIndexDef& index) { return "\"fields\":" + texts_json(index.fields); }

std::string members_json(const SearchIndexDef& index) {
  return "\"searchField\":" + json_string(index.search_field) +
         ",\"filterFields\":" + texts_json(index.filter_fields);
}

std::string members_json(const VectorIndexDef& index) {
  return "\"vectorField\":" + json_string(index.vector_field) +
         ",\"dimensions\":" + std::to_string(index.dimensions) +
         ",\"filterFields\":" + texts_json(index.filter_fields);
}

template <typename Index>
void append_indexes(std::string_view member, const std::map<std::string, Index>& indexes, bool staged,
                    std::string& out) {
  out += ",\"" + std::string(member) + "\":[";
  bool first = true;
  for (const auto& [name, index] : indexes) {
    if (index.staged != staged) continue;
    out += (first ? "" : ",") + std::string("{\"indexDescriptor\":") + json_string(name) + "," +
           members_json(index) + "}";
    first = false;
  }
  out += "]";
}

}  // namespace

std::string Schema::json() const {
  std::string out = "{\"tables\":[";
  bool first = true;
  for (const auto& [name, table] : tables) {
    out += (first ? "" : ",") + std::string("{\"tableName\":") + json_string(name);
    first = false;
    append_indexes("indexes", table.indexes, false, out);
    append_indexes("stagedDbIndexes", table.indexes, true, out);
    append_indexes("searchIndexes", table.search_indexes, false, out);
    append_indexes("stagedSearchIndexes", table.search_indexes, true, out);
    append_indexes("vectorIndexes", table.vector_indexes, false, out);
    append_indexes("stagedVectorIndexes", table.vector_indexes, true, out);
    if (table.document_type) out += ",\"documentType\":" + table.document_type->json();
    out += "}";
  }
  return out + "],\"schemaValidation\":" + (validation ? "true" : "false") + "}";
}

}  // namespace hull
