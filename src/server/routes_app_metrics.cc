// The dashboard's charts (http-api.md §8.2) out of FunctionStatistics.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "functions/lookup.h"
#include "server/router.h"
#include "services/scheduler.h"
#include "value/json.h"

namespace hull {
namespace {

using Statistics = FunctionStatistics;
using Window = Statistics::Window;
using Answer = Result<std::string>;

constexpr double kMaxBuckets = 10'000;
constexpr size_t kDefaultK = 5, kMaxK = 25, kMaxPercentiles = 20;

Error bad_query(std::string detail) {
  return Error::bad_request("BadQueryArgs", "Failed to deserialize query string: " + std::move(detail));
}

Result<std::string> required(const HttpRequest& request, std::string_view name) {
  auto value = request.query_value(name);
  if (!value) return bad_query("missing field `" + std::string(name) + "`");
  return std::string(*value);
}

std::optional<double> number_member(ValueView object, std::string_view name) {
  auto member = object.is_object() ? object.find(name) : std::nullopt;
  if (!member || !member->is_float64() || !std::isfinite(member->as_float64())) return std::nullopt;
  return member->as_float64();
}

std::optional<double> time_member(ValueView window, std::string_view name) {
  auto time = window.find(name);
  if (!time) return std::nullopt;
  auto seconds = number_member(*time, "secs_since_epoch"), nanos = number_member(*time, "nanos_since_epoch");
  if (!seconds || !nanos) return std::nullopt;
  return *seconds + *nanos / 1e9;
}

Result<Window> parse_window(const HttpRequest& request) {
  HULL_TRY(std::string text, required(request, "window"));
  const Error malformed = bad_query("`window` must be {start, end, num_buckets}");
  auto parsed = parse_plain_json(text);
  if (!parsed.ok() || !parsed->view().is_object()) return malformed;
  auto start = time_member(parsed->view(), "start"), end = time_member(parsed->view(), "end");
  auto buckets = number_member(parsed->view(), "num_buckets");
  if (!start || !end || !buckets) return malformed;
  if (*end < *start) return bad_query("`window` must not end before it starts");
  if (*buckets < 1 || *buckets > kMaxBuckets || *buckets != std::floor(*buckets))
    return bad_query("`num_buckets` must be between 1 and 10000");
  return Window{*start, *end, static_cast<size_t>(*buckets)};
}

Result<UdfType> parse_type(const HttpRequest& request) {
  const std::string_view name = request.query_value("udfType").value_or("Query");
  for (UdfType type : {UdfType::kQuery, UdfType::kMutation, UdfType::kAction, UdfType::kHttpAction}) {
    if (name == udf_type_name(type)) return type;
  }
  return bad_query("unknown `udfType`");
}

// Without a type the kind is that of the deployed function.
Result<Statistics::Function> parse_function(ServerContext& context, const HttpRequest& request) {
  auto path = request.query_value("path");
  if (!path) path = request.query_value("udfPath");
  if (!path) return bad_query("missing field `path`");
  if (auto component = request.query_value("componentPath"); component && !component->empty())
    return Error::bad_request("ComponentPathNotFound",
                              "Component path '" + std::string(*component) + "' not found");
  HULL_TRY(UdfType type, parse_type(request));
  if (type == UdfType::kHttpAction) return Statistics::Function{type, std::string(*path)};
  HULL_TRY(FunctionPath parsed, FunctionPath::parse(*path));
  if (!request.query_value("udfType")) {
    HULL_TRY(auto code, context.runner->code().load(*context.catalog()));
    if (const FunctionInfo* function = code->find(parsed)) type = udf_type_of(*function).value_or(type);
  }
  return Statistics::Function{type, parsed.display()};
}

Result<size_t> parse_k(const HttpRequest& request) {
  auto text = request.query_value("k");
  if (!text) return kDefaultK;
  size_t k = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), k);
  if (error != std::errc() || end != text->data() + text->size()) return bad_query("`k` must be a number");
  if (k < 1 || k > kMaxK) {
    return Error::bad_request("InvalidTopKParameter", "k must be between 1 and 25, got " + std::to_string(k));
  }
  return k;
}

Result<std::vector<double>> parse_percentiles(const HttpRequest& request) {
  HULL_TRY(std::string text, required(request, "percentiles"));
  auto parsed = parse_plain_json(text);
  const Error malformed = bad_query("`percentiles` must be an array of numbers from 0 to 100");
  if (!parsed.ok() || !parsed->view().is_array() || parsed->view().count() > kMaxPercentiles)
    return malformed;
  std::vector<double> out;
  for (size_t i = 0; i < parsed->view().count(); ++i) {
    ValueView each = parsed->view().element(i);
    if (!each.is_float64() || !(each.as_float64() >= 0 && each.as_float64() <= 100)) return malformed;
    out.push_back(each.as_float64());
  }
  return out;
}

std::string number(double value) {
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::string to_json(const Statistics::Series& series, const Window& window) {
  const double width = (window.end_s - window.start_s) / static_cast<double>(window.buckets);
  std::string out = "[";
  for (size_t i = 0; i < series.size(); ++i) {
    const double start_s = window.start_s + width * static_cast<double>(i);
    const double whole = std::floor(start_s);
    if (i > 0) out += ',';
    out += "[{\"secs_since_epoch\":" + std::to_string(static_cast<int64_t>(whole)) +
           ",\"nanos_since_epoch\":" + std::to_string(static_cast<int64_t>((start_s - whole) * 1e9)) + "},";
    out += (series[i] ? number(*series[i]) : "null") + "]";
  }
  return out + "]";
}

std::string to_json(const Statistics::NamedSeries& named, const Window& window) {
  std::string out = "[";
  for (const auto& [name, series] : named) {
    if (out.size() > 1) out += ',';
    out += "[" + json_string(name) + "," + to_json(series, window) + "]";
  }
  return out + "]";
}

Answer udf_rate(ServerContext& context, const HttpRequest& request, const Window& window) {
  HULL_TRY(std::string metric, required(request, "metric"));
  static const std::map<std::string, Statistics::Rate, std::less<>> kRates = {
      {"invocations", Statistics::Rate::kInvocations},
      {"errors", Statistics::Rate::kErrors},
      {"cacheHits", Statistics::Rate::kCacheHits},
      {"cacheMisses", Statistics::Rate::kCacheMisses},
      {"subscriptionInvalidations", Statistics::Rate::kSubscriptionInvalidations}};
  auto rate = kRates.find(metric);
  if (rate == kRates.end()) return bad_query("unknown `metric`");
  HULL_TRY(Statistics::Function function, parse_function(context, request));
  return to_json(context.runner->statistics().rate(function, rate->second, window), window);
}

Answer cache_hit_percentage(ServerContext& context, const HttpRequest& request, const Window& window) {
  HULL_TRY(Statistics::Function function, parse_function(context, request));
  return to_json(context.runner->statistics().cache_hit_percentage(function, window), window);
}

Answer latency_percentiles(ServerContext& context, const HttpRequest& request, const Window& window) {
  HULL_TRY(Statistics::Function function, parse_function(context, request));
  HULL_TRY(std::vector<double> percentiles, parse_percentiles(request));
  auto series = context.runner->statistics().latency_percentiles(function, percentiles, window);
  std::string out = "[";
  for (size_t i = 0; i < series.size(); ++i) {
    if (i > 0) out += ',';
    out += "[" + number(percentiles[i]) + "," + to_json(series[i], window) + "]";
  }
  return out + "]";
}

Answer table_rate(ServerContext& context, const HttpRequest& request, const Window& window) {
  HULL_TRY(std::string table, required(request, "name"));
  HULL_TRY(std::string metric, required(request, "metric"));
  if (metric != "rowsRead" && metric != "rowsWritten") return bad_query("unknown `metric`");
  const auto rate =
      metric == "rowsRead" ? Statistics::TableRate::kRowsRead : Statistics::TableRate::kRowsWritten;
  return to_json(context.runner->statistics().table_rate(table, rate, window), window);
}

template <Statistics::Ranking ranking>
Answer top_k(ServerContext& context, const HttpRequest& request, const Window& window) {
  HULL_TRY(size_t k, parse_k(request));
  return to_json(context.runner->statistics().top(ranking, k, window), window);
}

Answer invalidations_top_k(ServerContext& context, const HttpRequest& request, const Window& window) {
  HULL_TRY(size_t k, parse_k(request));
  std::optional<Statistics::Function> function;
  if (request.query_value("path") || request.query_value("udfPath")) {
    HULL_TRY(function, parse_function(context, request));
  }
  return to_json(context.runner->statistics().top_invalidations(k, function, window), window);
}

Answer scheduled_job_lag(ServerContext& context, const HttpRequest&, const Window& window) {
  Statistics::Series series;
  const double width = (window.end_s - window.start_s) / static_cast<double>(window.buckets);
  for (size_t i = 0; context.scheduler != nullptr && i < window.buckets; ++i) {
    const double start_s = window.start_s + width * static_cast<double>(i);
    series.push_back(context.scheduler->lag().most(start_s, start_s + width));
  }
  series.resize(window.buckets);
  return to_json(series, window);
}

Answer function_concurrency(ServerContext& context, const HttpRequest&, const Window& window) {
  std::string out = "{";
  for (auto runtime : {OutstandingCalls::Runtime::kIsolate, OutstandingCalls::Runtime::kNode}) {
    for (UdfType type : {UdfType::kQuery, UdfType::kMutation, UdfType::kAction, UdfType::kHttpAction}) {
      for (bool running : {true, false}) {
        if (out.size() > 1) out += ',';
        out += std::string("\"outstanding_functions:") +
               (runtime == OutstandingCalls::Runtime::kNode ? "node:" : "isolate:") +
               std::string(udf_type_name(type)) + (running ? ":running\":" : ":queued\":") +
               to_json(context.runner->statistics().outstanding(runtime, type, running, window), window);
      }
    }
  }
  return out + "}";
}

using Chart = Answer (*)(ServerContext&, const HttpRequest&, const Window&);

Route::Handler chart_route(Chart chart) {
  return [chart](ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
    with_admin(context, request, std::move(respond), "ViewMetrics",
               [&context, request, chart](IdentityPtr, Responder answer) {
                 auto window = parse_window(*request);
                 if (!window.ok()) return answer(HttpResponse::error(window.error()));
                 auto json = chart(context, *request, *window);
                 answer(json.ok() ? HttpResponse::json(*std::move(json)) : HttpResponse::error(json.error()));
               });
  };
}

}  // namespace

void add_app_metrics_routes(Router& router) {
  using Ranking = Statistics::Ranking;
  RouteOptions polled;
  polled.polled = true;
  auto add = [&](const char* name, Chart chart) {
    router.add("GET", std::string("/api/app_metrics/") + name, chart_route(chart), polled);
  };
  add("udf_rate", udf_rate);
  add("cache_hit_percentage", cache_hit_percentage);
  add("latency_percentiles", latency_percentiles);
  add("table_rate", table_rate);
  add("failure_percentage_top_k", top_k<Ranking::kFailurePercentage>);
  add("cache_hit_percentage_top_k", top_k<Ranking::kCacheHitPercentage>);
  add("function_call_count_top_k", top_k<Ranking::kCalls>);
  add("subscription_invalidations_top_k", invalidations_top_k);
  add("scheduled_job_lag", scheduled_job_lag);
  add("function_concurrency", function_concurrency);
}

}  // namespace hull
