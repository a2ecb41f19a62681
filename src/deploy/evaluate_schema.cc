#include "deploy/evaluate_schema.h"

#include "deploy/index_diff.h"
#include "deploy/schema_change.h"
#include "value/json.h"

namespace hull {
namespace {

// Zero for a table that is not there yet.
Result<TableSummary> summary_of(const Snapshot& snapshot, const std::string& table) {
  const TableInfo* info = snapshot.catalog()->table(table);
  if (!info) return TableSummary{};
  return snapshot.summary(info->tablet);
}

std::string_view outcome_of(TableCheck check, const TableSummary& summary) {
  switch (check) {
    case TableCheck::kNotValidated:
      return "notValidated";
    case TableCheck::kSupersetOfEnforced:
      return "supersetOfEnforced";
    case TableCheck::kMustWalk:
      break;
  }
  // The one shape that is known without reading: no documents.
  return summary.documents == 0 ? "supersetOfShape" : "mustWalk";
}

}  // namespace

Result<std::string> evaluate_schema(const Snapshot& snapshot, const Schema* schema) {
  const Catalog& catalog = *snapshot.catalog();
  std::string tables, indexes;
  if (schema) {
    for (const auto& [name, table] : schema->tables) {
      HULL_TRY(auto summary, summary_of(snapshot, name));
      if (!tables.empty()) tables += ',';
      tables += "{\"name\":" + json_string(name) + ",\"outcome\":\"" +
                std::string(outcome_of(table_check(catalog, *schema, table), summary)) +
                "\",\"numDocs\":" + std::to_string(summary.documents) +
                ",\"sizeBytes\":" + std::to_string(summary.bytes) + "}";
    }
  }
  for (const auto& prediction : predict_indexes(catalog, schema)) {
    HULL_TRY(auto summary, summary_of(snapshot, prediction.description.table));
    if (!indexes.empty()) indexes += ',';
    std::string description = prediction.description.json();
    description.pop_back();
    indexes += description + ",\"change\":\"" + std::string(prediction.change) +
               "\",\"needsBackfill\":" + (prediction.needs_backfill ? "true" : "false") +
               ",\"numDocs\":" + std::to_string(summary.documents) + "}";
  }
  return "{\"componentSchemaEvaluations\":{\"\":{\"definitionPath\":\"\",\"schemaValidation\":" +
         std::string(schema && schema->validation ? "true" : "false") + ",\"tables\":[" + tables +
         "],\"indexes\":[" + indexes + "]}},\"newComponentDefinitions\":[]}";
}

}  // namespace hull
