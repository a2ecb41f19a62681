// Scheduled functions as the dashboard reads them: rows of the private tables (system-functions.md §2.4).
#include "services/json_fields.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"
#include "value/json.h"

namespace hull::sys {
namespace {

constexpr size_t kMaxPageItems = 1000;

Result<Value> pending_jobs(Transaction& transaction, ValueView args,
                           std::optional<std::string_view> journal_end) {
  auto options = args.find("paginationOpts");
  if (!options || !options->is_object())
    return Error::bad_request("InvalidArgument", "paginationOpts must be an object");
  HULL_TRY(auto path, json::optional_string_field(args, "udfPath"));
  std::string range;
  if (path) range = R"({"type":"Eq","fieldPath":"udfPath","value":)" + json_string(*path) + "},";
  range += R"({"type":"Gt","fieldPath":"nextTs","value":null})";
  const std::string index =
      path ? "_scheduled_jobs.by_udf_path_and_next_event_ts" : "_scheduled_jobs.by_next_ts";
  PageSpec page;
  HULL_TRY(page.query,
           QuerySpec::parse(R"({"source":{"type":"IndexRange","indexName":)" + json_string(index) +
                                R"(,"order":"asc","range":[)" + range + R"(]},"operators":[]})",
                            "queryPage"));
  HULL_TRY(page.cursor, json::optional_string_field(*options, "cursor"));
  HULL_TRY(page.end_cursor, json::optional_string_field(*options, "endCursor"));
  auto items = json::optional_field(*options, "numItems");
  const double wanted = items && items->is_float64() ? items->as_float64() : 0;
  page.page_size = wanted >= 1 ? std::min(static_cast<size_t>(wanted), kMaxPageItems) : 1;
  HULL_TRY(auto result, transaction.paginate(page, journal_end));
  return page_value(result);
}

Result<Value> job_arguments(Transaction& transaction, ValueView args) {
  auto id = DocumentId::parse(json::text_or_empty(args, "argsId"));
  if (!id.ok()) return Value();
  const TableInfo* table = transaction.catalog().table(id->table);
  if (!table || table->name != "_scheduled_job_args") return Value();
  HULL_TRY(DocumentPtr row, transaction.system_get(*id));
  return row ? row->value : Value();
}

}  // namespace

void register_schedule_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  add_page_query(functions, "_system/frontend/paginatedScheduledJobs.js:default", "ViewData", pending_jobs,
                 component_args({{"paginationOpts", kAny}, {"udfPath?", kNullableString}}));
  add_query(functions, "_system/frontend/scheduler.js:getArgs", "ViewData", job_arguments,
            component_args({{"argsId", kString}}));
}

}  // namespace hull::sys
