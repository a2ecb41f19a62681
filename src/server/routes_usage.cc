// Usage, its limits, and the audit log (http-api.md §7.3).
#include <charconv>

#include "server/router.h"
#include "services/audit_events.h"
#include "services/usage_meter.h"
#include "value/json.h"

namespace hull {
namespace {

// The JSON, an empty 200 without any, or the error.
Route::Handler handler(std::string operation,
                       std::function<Result<std::string>(ServerContext&, const HttpRequest&)> make) {
  return admin_handler(
      std::move(operation), [make = std::move(make)](ServerContext& context, const HttpRequest& request) {
        auto json = make(context, request);
        if (!json.ok()) return HttpResponse::error(json.error());
        return json->empty() ? HttpResponse::empty(200) : HttpResponse::json(std::move(*json));
      });
}

Result<std::string> list(ServerContext& context, const HttpRequest&) {
  std::string out = "{\"usageLimits\":[";
  for (const UsageLimit& limit : usage_limits(*context.catalog())) {
    if (!out.ends_with('[')) out += ',';
    out += limit.json();
  }
  return out + "]}";
}

Result<std::string> store(ServerContext& context, const HttpRequest& request) {
  HULL_TRY(Value body, json_body(request));
  HULL_TRY(UsageLimit limit, parse_usage_limit(body));
  if (!request.params.empty()) limit.id = request.params[0];
  if (limit.enabled && limit.limit < context.usage->current(limit.metric, limit.window)) {
    return Error::bad_request("UsageLimitBelowCurrentUsage",
                              "The limit is below what was used in this " + limit.window);
  }
  HULL_TRY(UsageLimit stored, store_usage_limit(*context.runner, *context.knobs, std::move(limit)));
  context.usage->limits_changed();
  return "{\"usageLimit\":" + stored.json() + "}";
}

Result<std::string> remove(ServerContext& context, const HttpRequest& request) {
  HULL_CHECK_OK(delete_usage_limit(*context.runner, *context.knobs, request.params[0]));
  context.usage->limits_changed();
  return std::string();
}

std::string number_text(double number) {
  char buffer[64];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
}

Result<std::string> current_usage(ServerContext& context, const HttpRequest&) {
  std::string out = "{\"metrics\":{";
  for (std::string_view metric : usage_metrics()) {
    if (!out.ends_with('{')) out += ',';
    out += json_string(metric) + ":{\"unit\":" + json_string(usage_unit(metric)) +
           ",\"usage\":{\"current_day\":" + number_text(context.usage->current(metric, "day")) +
           ",\"current_month\":" + number_text(context.usage->current(metric, "month")) + "}}";
  }
  return out + "},\"seedStatus\":\"complete\"}";
}

// A number of the query string; `fallback` if it is not given, nullopt if it is none.
std::optional<double> number_parameter(const HttpRequest& request, std::string_view name, double fallback) {
  auto text = request.query_value(name);
  if (!text) return fallback;
  double number = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

Result<std::string> audit_log(ServerContext& context, const HttpRequest& request) {
  constexpr double kDefaultLimit = 15, kMaxLimit = 100;
  auto from = number_parameter(request, "from", 0);
  if (!from)
    return Error::bad_request("BadQueryArgs", "Failed to deserialize query string: `from` must be a number");
  auto limit = number_parameter(request, "limit", kDefaultLimit);
  if (!limit || *limit < 1 || *limit > kMaxLimit)
    return Error::bad_request("LimitOutOfRange", "`limit` must be between 1 and 100");
  std::optional<std::string> cursor;
  if (auto text = request.query_value("cursor"); text && !text->empty()) cursor = std::string(*text);
  return audit_events(*context.runner->engine().snapshot(), *from, cursor, static_cast<size_t>(*limit));
}

}  // namespace

void add_usage_routes(Router& router) {
  RouteOptions polled;
  polled.polled = true;
  router.add("GET", "/api/v1/list_usage_limits", handler("ViewUsageLimits", list));
  router.add("POST", "/api/v1/create_usage_limit", handler("WriteUsageLimits", store));
  router.add("POST", "/api/v1/update_usage_limit/{id}", handler("WriteUsageLimits", store));
  router.add("POST", "/api/v1/delete_usage_limit/{id}", handler("WriteUsageLimits", remove));
  router.add("GET", "/api/v1/get_current_usage", handler("ViewUsage", current_usage), polled);
  router.add("GET", "/api/v1/list_audit_log_events", handler("ViewAuditLog", audit_log));
}

}  // namespace hull
