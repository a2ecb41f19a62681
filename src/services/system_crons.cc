// Cron jobs and their runs as the dashboard lists them (system-functions.md §2.4).
#include "services/cron_tables.h"
#include "services/json_fields.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"
#include "value/json.h"

namespace hull::sys {
namespace {

// The newest log row of a job, or null.
Result<Value> last_run(Transaction& transaction, std::string_view name) {
  QuerySpec newest;
  newest.source = QuerySpec::Source::kIndexRange;
  newest.table = kCronJobLogs;
  newest.index = kCronLogIndex;
  newest.order = Order::kDesc;
  newest.range.push_back({RangeBound::Op::kEq, "name", Value::string(name)});
  HULL_TRY(auto rows, transaction.query(newest, false));
  HULL_TRY(DocumentPtr row, rows->next());
  return row ? row->value : Value();
}

Result<Value> list_cron_jobs(Transaction& transaction, ValueView) {
  ValueBuilder b;
  b.begin_array();
  for (const auto& job : transaction.system_rows("_cron_jobs")) {
    HULL_TRY(DocumentPtr next, find_cron_next_run(transaction, job->id.text()));
    if (!next) return Error::internal("a cron job without its next run: " + job->id.text());
    HULL_TRY(Value last, last_run(transaction, json::text_or_empty(job->value, "name")));
    b.begin_object();
    ValueView fields = job->value;
    for (size_t i = 0; i < fields.count(); ++i) {
      auto [name, value] = fields.field(i);
      b.key(name).value(value);
    }
    b.key("lastRun").value(last);
    b.key("nextRun").value(next->value);
    b.end();
  }
  b.end();
  return b.finish();
}

Result<Value> list_cron_job_runs(Transaction& transaction, ValueView) {
  QuerySpec all;
  all.table = kCronJobLogs;
  HULL_TRY(auto rows, transaction.query(all, false));
  ValueBuilder b;
  b.begin_array();
  while (true) {
    HULL_TRY(DocumentPtr row, rows->next());
    if (!row) break;
    b.value(row->value);
  }
  b.end();
  return b.finish();
}

}  // namespace

void register_cron_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  add_query(functions, "_system/frontend/listCronJobs.js:default", "ViewData", list_cron_jobs,
            component_args());
  add_query(functions, "_system/frontend/listCronJobRuns.js:default", "ViewData", list_cron_job_runs,
            component_args());
}

}  // namespace hull::sys
