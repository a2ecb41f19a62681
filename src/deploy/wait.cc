#include "deploy/wait.h"

#include <condition_variable>
#include <memory>
#include <mutex>

#include "database/transact.h"
#include "deploy/index_diff.h"
#include "value/json.h"

namespace hull {
namespace {

// Raised on the committer thread; outlives both sides.
struct Signal {
  std::mutex mutex;
  std::condition_variable changed;
  bool raised = false;

  void raise() {
    std::lock_guard lock(mutex);
    raised = true;
    changed.notify_all();
  }
  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex);
    return changed.wait_until(lock, deadline, [this] { return raised; });
  }
};

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

std::string wait_for_schema(Engine& engine, const Knobs& knobs, const std::optional<DocumentId>& schema_id,
                            std::chrono::milliseconds timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  std::optional<std::string> first;
  while (true) {
    SnapshotPtr snapshot = engine.snapshot();
    SchemaStatus status = schema_status(*snapshot->catalog(), schema_id);
    if (!first) first = status.json;
    if (!status.in_progress || status.json != *first) return status.json;
    Transaction transaction(snapshot, system_transaction_options(knobs, false));
    transaction.depend_on_system_table("_schemas");
    transaction.depend_on_system_table("_index");
    auto reads = std::make_shared<const ReadSet>(transaction.take_reads());
    auto signal = std::make_shared<Signal>();
    auto subscription = engine.subscribe(reads, snapshot->ts(), [signal] { signal->raise(); });
    snapshot.reset();
    if (!signal->wait_until(deadline)) return status.json;
  }
}

}  // namespace hull
