#include "services/usage_limits.h"

#include <algorithm>
#include <array>

#include "database/transact.h"
#include "services/audit_log.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr std::string_view kTable = "_usage_limits";

struct Metric {
  std::string_view name, unit;
  bool measured;  // here: nothing else can reach a limit
};
constexpr std::array<Metric, 9> kMetrics = {{
    {"functionCalls", "calls", true},
    {"databaseIoGb", "GB", true},
    {"dataEgressGb", "GB", false},
    {"searchQueryGb", "Query-GB", false},
    {"queryMutationComputeGbHours", "GB-hours", false},
    {"actionComputeConvexGbHours", "GB-hours", false},
    {"actionComputeNodeJsGbHours", "GB-hours", false},
    {"actionComputeCpuGbHours", "GB-hours", false},
    {"aiGatewayCostDollars", "USD", false},
}};

const Metric* find_metric(std::string_view name) {
  auto it = std::find_if(kMetrics.begin(), kMetrics.end(), [&](const Metric& m) { return m.name == name; });
  return it == kMetrics.end() ? nullptr : &*it;
}

UsageLimit from_row(const Document& row) {
  UsageLimit out;
  out.id = row.id.text();
  out.metric = json::text_or_empty(row.value, "metric");
  out.window = json::text_or_empty(row.value, "window");
  out.type = json::text_or_empty(row.value, "limitType");
  if (auto limit = row.value->find("limit"); limit && limit->is_float64()) out.limit = limit->as_float64();
  if (auto enabled = row.value->find("enabled"); enabled && enabled->is_bool())
    out.enabled = enabled->as_bool();
  return out;
}

void add_members(ValueBuilder& b, const UsageLimit& limit) {
  b.key("metric").string(limit.metric);
  b.key("window").string(limit.window);
  b.key("limitType").string(limit.type);
  b.key("limit").float64(limit.limit);
  b.key("enabled").boolean(limit.enabled);
}

Value object_of(const UsageLimit& limit) {
  ValueBuilder b;
  b.begin_object();
  add_members(b, limit);
  b.end();
  return b.finish();
}

Result<void> audit(Transaction& transaction, std::string_view action, const std::string& id,
                   std::initializer_list<std::pair<std::string_view, const UsageLimit*>> configs) {
  ValueBuilder b;
  b.begin_object().key("id").string(id);
  for (const auto& [name, limit] : configs) b.key(name).value(object_of(*limit));
  b.end();
  return append_audit_row(transaction, action, b.finish());
}

Result<DocumentPtr> find_row(Transaction& transaction, const std::string& id) {
  for (const DocumentPtr& row : transaction.system_rows(kTable)) {
    if (row->id.text() == id) return row;
  }
  return Error::not_found("UsageLimitNotFound", "No usage limit with the id " + id + " exists");
}

}  // namespace

std::string UsageLimit::json() const {
  return "{\"id\":" + json_string(id) + "," + to_json(object_of(*this), JsonFormat::kClean).substr(1);
}

std::vector<UsageLimit> usage_limits(const Catalog& catalog) {
  std::vector<UsageLimit> out;
  for (const DocumentPtr& row : catalog.system_rows(kTable)) out.push_back(from_row(*row));
  return out;
}

std::string_view usage_unit(std::string_view metric) {
  const Metric* found = find_metric(metric);
  return found ? found->unit : "";
}

const std::vector<std::string_view>& usage_metrics() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Metric& metric : kMetrics) all.push_back(metric.name);
    return all;
  }();
  return names;
}

Result<UsageLimit> parse_usage_limit(ValueView body) {
  UsageLimit out;
  HULL_TRY(out.metric, json::string_field(body, "metric"));
  HULL_TRY(out.window, json::string_field(body, "window"));
  HULL_TRY(out.type, json::string_field(body, "limitType"));
  HULL_TRY(out.enabled, json::bool_field(body, "enabled", true));
  const Metric* metric = find_metric(out.metric);
  if (!metric) return json::wrong_type("metric", "a metric of usage limits");
  if (out.window != "day" && out.window != "month") return json::wrong_type("window", "day or month");
  if (out.type != "warning" && out.type != "disable")
    return json::wrong_type("limitType", "warning or disable");
  auto limit = json::optional_field(body, "limit");
  if (!limit) return json::missing_field("limit");
  if (!limit->is_float64()) return json::wrong_type("limit", "a number");
  out.limit = limit->as_float64();
  if (!(out.limit > 0)) return Error::bad_request("InvalidUsageLimit", "A usage limit must be above 0");
  if (!metric->measured) {
    return Error::bad_request("InvalidUsageLimit",
                              "This server does not measure `" + out.metric + "`, so it cannot be limited");
  }
  return out;
}

Result<UsageLimit> store_usage_limit(FunctionRunner& runner, const Knobs& knobs, UsageLimit limit) {
  const bool create = limit.id.empty();
  auto done = transact(runner.engine(), knobs, "_system/usage_limit", [&](Transaction& t) -> Result<void> {
    if (create) {
      HULL_TRY(DocumentId id, t.system_insert(kTable, object_of(limit)));
      limit.id = id.text();
      return audit(t, "create_usage_limit", limit.id, {{"config", &limit}});
    }
    HULL_TRY(DocumentPtr row, find_row(t, limit.id));
    UsageLimit previous = from_row(*row);
    HULL_CHECK_OK(t.system_replace(row->id, object_of(limit)));
    return audit(t, "update_usage_limit", limit.id, {{"previous", &previous}, {"current", &limit}});
  });
  if (!done.ok()) return std::move(done).error();
  return limit;
}

Result<void> delete_usage_limit(FunctionRunner& runner, const Knobs& knobs, const std::string& id) {
  auto done = transact(runner.engine(), knobs, "_system/usage_limit", [&](Transaction& t) -> Result<void> {
    HULL_TRY(DocumentPtr row, find_row(t, id));
    UsageLimit previous = from_row(*row);
    HULL_CHECK_OK(t.system_remove(row->id));
    return audit(t, "delete_usage_limit", id, {{"config", &previous}});
  });
  if (!done.ok()) return std::move(done).error();
  return {};
}

}  // namespace hull
