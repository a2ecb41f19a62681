#include "services/job_admin.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "database/transact.h"
#include "functions/scheduled_jobs.h"
#include "services/audit_log.h"
#include "value/key.h"

namespace hull {
namespace {

constexpr std::string_view kTable = "_scheduled_jobs";
constexpr const char* kSource = "_system/scheduled_jobs";
constexpr int kMaxRetries = 100;

Result<void> change(Engine& engine, const Knobs& knobs,
                    const std::function<Result<void>(Transaction&)>& body) {
  auto done = transact(engine, knobs, kSource, body, kMaxRetries);
  if (!done.ok()) return std::move(done).error();
  return {};
}

// Calls `body` with each row of the range as it is now, a batch per transaction. What comes behind the last
// row while this runs is left alone, so that it ends.
Result<void> each_in_batches(Engine& engine, const Knobs& knobs, std::string_view index_name, Interval range,
                             const std::function<Result<void>(Transaction&, const DocumentPtr&)>& body) {
  const size_t batch = std::max<size_t>(1, knobs.job_cancel_batch);
  for (bool more = true; more;) {
    std::string next;
    HULL_CHECK_OK(change(engine, knobs, [&](Transaction& transaction) -> Result<void> {
      SnapshotPtr snapshot = transaction.snapshot();
      const TableInfo& table = *snapshot->catalog()->table(kTable);
      HULL_TRY(auto rows, snapshot->scan(*table.find_index(index_name), range, Order::kAsc, batch));
      for (const auto& row : rows) HULL_CHECK_OK(body(transaction, row.document));
      more = rows.size() == batch;
      if (more) next = rows.back().key + '\0';
      return {};
    }));
    range.start = next;
  }
  return {};
}

Value root_component(std::optional<std::string_view> job = std::nullopt,
                     std::optional<std::string_view> path = std::nullopt) {
  ValueBuilder b;
  b.begin_object().key("component_id").null().key("component").null();
  if (job) b.key("scheduled_function_id").string(*job);
  if (path) b.key("function_path").string(*path);
  return b.end().finish();
}

}  // namespace

Result<void> cancel_job_by_id(Engine& engine, const Knobs& knobs, const std::string& text) {
  const Error invalid = Error::bad_request("InvalidId", "Invalid ID for table _scheduled_jobs");
  auto id = DocumentId::parse(text);
  if (!id.ok()) return invalid;
  const SnapshotPtr snapshot = engine.snapshot();
  const TableInfo* table = snapshot->catalog()->table(id->table);
  if (!table || table->name != kTable) return invalid;
  return change(engine, knobs, [&](Transaction& transaction) -> Result<void> {
    HULL_TRY(auto job, find_job(transaction, *id));
    if (!job || job->finished()) return {};
    HULL_CHECK_OK(cancel_job(transaction, *id, engine.env().unix_nanos()));
    return append_audit_row(transaction, "cancel_scheduled_function", root_component(text, job->udf_path));
  });
}

Result<void> cancel_jobs(Engine& engine, const Knobs& knobs, const JobFilter& filter) {
  std::string prefix;
  if (filter.udf_path) append_string_key(*filter.udf_path, prefix);
  Interval range{prefix, prefix};
  append_int64_key(filter.start_next_ts.value_or(std::numeric_limits<int64_t>::min()), range.start);
  append_int64_key(filter.end_next_ts.value_or(std::numeric_limits<int64_t>::max()), *range.end);
  HULL_CHECK_OK(
      each_in_batches(engine, knobs, filter.udf_path ? "by_udf_path_and_next_event_ts" : "by_next_ts",
                      std::move(range), [&engine](Transaction& transaction, const DocumentPtr& row) {
                        return cancel_job(transaction, row->id, engine.env().unix_nanos());
                      }));
  return change(engine, knobs, [](Transaction& transaction) {
    return append_audit_row(transaction, "cancel_all_scheduled_functions", root_component());
  });
}

Result<void> delete_all_jobs(Engine& engine, const Knobs& knobs) {
  HULL_CHECK_OK(each_in_batches(
      engine, knobs, "by_id", Interval{"", std::nullopt},
      [](Transaction& transaction, const DocumentPtr& row) { return remove_job(transaction, row->id); }));
  return change(engine, knobs, [](Transaction& transaction) {
    return append_audit_row(transaction, "delete_scheduled_jobs_table", root_component());
  });
}

}  // namespace hull
