// Usage limits: rows of `_usage_limits` {metric, window, limitType, limit, enabled} (http-api.md §7.3).
// Stateless, thread-safe; what writes blocks until the commit.
#pragma once

#include <string>
#include <vector>

#include "functions/runner.h"

namespace hull {

struct UsageLimit {
  std::string id, metric, window, type;  // window: "day", "month"; type: "warning", "disable"
  double limit = 0;                      // in the metric's unit
  bool enabled = true;

  std::string json() const;
};

std::vector<UsageLimit> usage_limits(const Catalog& catalog);
// Unit of a metric as clients show it; "" for an unknown one.
std::string_view usage_unit(std::string_view metric);
const std::vector<std::string_view>& usage_metrics();

// `body`: {metric, window, limitType, limit, enabled}. 400 BadJsonBody, InvalidUsageLimit.
Result<UsageLimit> parse_usage_limit(ValueView body);
// `limit.id` "" = a new one, which gets its id; else 404 UsageLimitNotFound.
Result<UsageLimit> store_usage_limit(FunctionRunner& runner, const Knobs& knobs, UsageLimit limit);
Result<void> delete_usage_limit(FunctionRunner& runner, const Knobs& knobs, const std::string& id);

}  // namespace hull
