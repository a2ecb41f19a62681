#include "deploy/wait.h"

#include "database/transact.h"
#include "deploy/index_diff.h"
#include "value/json.h"

namespace hull {
namespace {

SchemaStatus final_status(std::string json) { return {false, std::move(json)}; }

}  // namespace

SchemaStatus schema_status(const Catalog& catalog, const std::optional<DocumentId>& schema_id) {
  if (!schema_id) return final_status("{\"type\":\"complete\"}");
  const SchemaInfo* schema = catalog.schema(*schema_id);
  if (!schema || schema->state == SchemaState::kOverwritten)
    return final_status("{\"type\":\"raceDetected\"}");
  if (schema->state == SchemaState::kFailed)
    return final_status("{\"type\":\"failed\",\"error\":" + json_string(schema->error) +
                        ",\"componentPath\":\"\",\"tableName\":" +
                        (schema->error_table ? json_string(*schema->error_table) : "null") + "}");
  bool validated = schema->state != SchemaState::kPending;
  IndexProgress indexes = index_progress(catalog);
  if (validated && indexes.complete == indexes.total) return final_status("{\"type\":\"complete\"}");
  return {true, std::string("{\"type\":\"inProgress\",\"components\":{\"\":{\"schemaValidationComplete\":") +
                    (validated ? "true" : "false") +
                    ",\"indexesComplete\":" + std::to_string(indexes.complete) +
                    ",\"indexesTotal\":" + std::to_string(indexes.total) + "}}}"};
}

std::string SchemaWatch::status() const {
  return schema_status(*engine_.snapshot()->catalog(), schema_id_).json;
}

SchemaWatch::Look SchemaWatch::look(std::function<void()> changed) {
  SnapshotPtr snapshot = engine_.snapshot();
  SchemaStatus status = schema_status(*snapshot->catalog(), schema_id_);
  if (!first_) first_ = status.json;
  if (!status.in_progress || status.json != *first_) return {std::move(status.json), true, nullptr};
  Transaction transaction(snapshot, system_transaction_options(knobs_, false));
  transaction.depend_on_system_table("_schemas");
  transaction.depend_on_system_table("_index");
  auto reads = std::make_shared<const ReadSet>(transaction.take_reads());
  return {std::move(status.json), false, engine_.subscribe(reads, snapshot->ts(), std::move(changed))};
}

}  // namespace hull
