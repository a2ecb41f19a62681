// The audit log as the CLI and the dashboard show it (system-functions.md §2.4, §3.1).
#include "services/json_fields.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"
#include "value/json.h"

namespace hull::sys {
namespace {

constexpr size_t kMaxListed = 4000;

std::string equal_to(std::string_view field, const std::string& literal) {
  return "{\"$eq\":[{\"$field\":\"" + std::string(field) + "\"},{\"$literal\":" + literal + "}]}";
}

// Rows of the log whose field is one of `literals`; "" = no condition.
std::string one_of(std::string_view field, const std::vector<std::string>& literals) {
  std::string out;
  for (const auto& literal : literals) out += (out.empty() ? "" : ",") + equal_to(field, literal);
  return "{\"$or\":[" + out + "]}";
}

Result<QuerySpec> log_query(const std::string& range, std::string_view order,
                            const std::vector<std::string>& filters) {
  std::string conditions;
  for (const auto& filter : filters) conditions += (conditions.empty() ? "" : ",") + filter;
  return QuerySpec::parse(
      "{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"_deployment_audit_log.by_creation_time\","
      "\"range\":[" +
          range + "],\"order\":\"" + std::string(order) + "\"},\"operators\":[{\"filter\":{\"$and\":[" +
          conditions + "]}}]}",
      "query");
}

std::string time_bound(std::string_view type, ValueView ms) {
  return "{\"type\":\"" + std::string(type) + "\",\"fieldPath\":\"_creationTime\",\"value\":" + to_json(ms) +
         "}";
}

Result<Value> last_push(Transaction& transaction, ValueView) {
  HULL_TRY(auto spec,
           log_query("", "desc", {one_of("action", {"\"push_config\"", "\"push_config_with_components\""})}));
  HULL_TRY(auto stream, transaction.query(spec, false));
  HULL_TRY(DocumentPtr row, stream->next());
  return row ? Value::copy_of(row->value) : Value();
}

Result<Value> events_page(Transaction& transaction, ValueView args,
                          std::optional<std::string_view> journal_end) {
  ValueView wanted = *args.find("filters");
  std::string range = time_bound("Gte", *wanted.find("minDate"));
  if (auto max = wanted.find("maxDate")) range += "," + time_bound("Lte", *max);
  std::vector<std::string> filters;
  for (auto [member, field] : {std::pair("authorMemberIds", "member_id"), std::pair("actions", "action")}) {
    auto list = wanted.find(member);
    if (!list) continue;
    std::vector<std::string> literals;
    for (size_t i = 0; i < list->count(); ++i) literals.push_back(to_json(list->element(i)));
    filters.push_back(one_of(field, literals));
  }
  HULL_TRY(PageSpec spec, page_spec(args));
  HULL_TRY(spec.query, log_query(range, "desc", filters));
  HULL_TRY(Page page, transaction.paginate(spec, journal_end));
  return page_value(page);
}

Result<Value> events_from(Transaction& transaction, ValueView args) {
  HULL_TRY(auto spec, log_query(time_bound("Gte", *args.find("fromTimestamp")), "asc", {}));
  HULL_TRY(auto stream, transaction.query(spec, false));
  ValueBuilder b;
  b.begin_array();
  for (size_t i = 0; i < kMaxListed; ++i) {
    HULL_TRY(DocumentPtr row, stream->next());
    if (!row) break;
    b.value(row->value);
  }
  b.end();
  return b.finish();
}

constexpr std::string_view kEventFilters =
    R"({"type":"object","value":{"minDate":{"fieldType":{"type":"number"},"optional":false},)"
    R"("maxDate":{"fieldType":{"type":"number"},"optional":true},)"
    R"("authorMemberIds":{"fieldType":{"type":"array","value":{"type":"bigint"}},"optional":true},)"
    R"("actions":{"fieldType":{"type":"array","value":{"type":"string"}},"optional":true}}})";

}  // namespace

void register_history_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  add_query(functions, "_system/frontend/deploymentEvents.js:lastPushEvent", "ViewData", last_push,
            component_args());
  add_page_query(functions, "_system/frontend/paginatedDeploymentEvents.js:default", "ViewAuditLog",
                 events_page, args_validator({{"paginationOpts", kAny}, {"filters", kEventFilters}}));
  add_query(functions, "_system/frontend/listDeploymentEventsFromTime.js:default", "ViewAuditLog",
            events_from, args_validator({{"fromTimestamp", kNumber}}));
}

}  // namespace hull::sys
