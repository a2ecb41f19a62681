#include "services/log_stream_format.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <ctime>
#include <functional>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/random.h"
#include "services/json_fields.h"
#include "services/log_stream_config.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr size_t kWebhookEvents = 128, kDatadogEvents = 1000, kAxiomEvents = 1000, kPostHogEvents = 400;
constexpr size_t kMaxBody = 4 << 20;
constexpr std::string_view kPostHogHost = "https://us.i.posthog.com";

std::string convex_member(const std::string& deployment) {
  return "\"convex\":{\"deployment_name\":" + json_string(deployment) +
         ",\"deployment_type\":null,\"deployment_ref\":null,\"project_name\":null,\"project_slug\":null,"
         "\"deployment_region\":null}";
}

FetchService::Request post(std::string url, std::string body, std::string_view content_type) {
  FetchService::Request request;
  request.url = std::move(url);
  request.method = "POST";
  request.headers.emplace_back("content-type", std::string(content_type));
  request.has_body = true;
  request.body = std::move(body);
  return request;
}

// Cuts the texts of a batch into bodies of at most `max_events` and kMaxBody bytes, joined by `separator`.
struct Piece {
  std::string body;
  size_t events = 0;
};
std::vector<Piece> pieces(const LogBatch& batch, size_t max_events, char separator,
                          const std::function<std::string(const LogEvent&)>& text) {
  std::vector<Piece> out;
  for (const LogEvent& event : batch) {
    std::string one = text(event);
    if (out.empty() || out.back().events == max_events || out.back().body.size() + one.size() > kMaxBody) {
      out.emplace_back();
    }
    Piece& piece = out.back();
    if (piece.events++ > 0) piece.body += separator;
    piece.body += one;
  }
  return out;
}

std::vector<LogRequest> webhook(ValueView config, const std::string& deployment, const LogBatch& batch) {
  const bool lines = json::text_or_empty(config, "format") == "jsonl";
  const std::string url = json::text_or_empty(config, "url"),
                    secret = json::text_or_empty(config, "hmacSecret");
  std::vector<LogRequest> out;
  for (Piece& piece : pieces(batch, kWebhookEvents, lines ? '\n' : ',',
                             [&](const LogEvent& event) { return event_json(event, deployment); })) {
    std::string body = lines ? std::move(piece.body) : "[" + piece.body + "]";
    std::string signature = "sha256=" + hex_encode(hmac_sha256(secret, body));
    auto request = post(url, std::move(body), "application/json");
    request.headers.emplace_back("x-webhook-signature", std::move(signature));
    out.push_back({std::move(request), piece.events});
  }
  return out;
}

std::vector<LogRequest> axiom(ValueView config, const std::string& deployment, const LogBatch& batch) {
  constexpr std::string_view kApi = "https://api.axiom.co";
  std::string base = json::text_or_empty(config, "ingestUrl");
  const std::string dataset = json::text_or_empty(config, "datasetName");
  const bool api = base.empty() || base == kApi;
  std::string url =
      api ? std::string(kApi) + "/v1/datasets/" + dataset + "/ingest" : base + "/v1/ingest/" + dataset;
  std::string attributes = "{";
  if (auto list = config.find("attributes"); list && list->is_array()) {
    for (size_t i = 0; i < list->count(); ++i) {
      if (i > 0) attributes += ',';
      attributes += json_string(json::text_or_empty(list->element(i), "key")) + ":" +
                    json_string(json::text_or_empty(list->element(i), "value"));
    }
  }
  attributes += '}';
  std::vector<LogRequest> out;
  for (Piece& piece : pieces(batch, kAxiomEvents, ',', [&](const LogEvent& event) {
         return fmt::format(R"({{"_time":{},"data":{{{}}},"attributes":{},{}}})", event.timestamp_ms,
                            event.members, attributes, convex_member(deployment));
       })) {
    auto request = post(url, "[" + piece.body + "]", "application/json");
    request.headers.emplace_back("authorization", "Bearer " + json::text_or_empty(config, "apiKey"));
    out.push_back({std::move(request), piece.events});
  }
  return out;
}

std::string_view datadog_site(std::string_view location) {
  if (location == "US3") return "us3.datadoghq.com";
  if (location == "US5") return "us5.datadoghq.com";
  if (location == "EU") return "datadoghq.eu";
  if (location == "US1_FED") return "ddog-gov.com";
  if (location == "AP1") return "ap1.datadoghq.com";
  return "datadoghq.com";
}

std::vector<LogRequest> datadog(ValueView config, const std::string& deployment, const LogBatch& batch) {
  std::string tags;
  if (auto list = config.find("ddTags"); list && list->is_array()) {
    for (size_t i = 0; i < list->count(); ++i) {
      if (i > 0) tags += ',';
      tags += list->element(i).as_string();
    }
  }
  const std::string service = json::text_or_empty(config, "service");
  const std::string common = fmt::format(
      R"("ddsource":"convex","ddtags":{},"hostname":{},"service":{},{})", json_string(tags),
      json_string(deployment), json_string(service.empty() ? "convex" : service), convex_member(deployment));
  const std::string url = "https://http-intake.logs." +
                          std::string(datadog_site(json::text_or_empty(config, "siteLocation"))) +
                          "/api/v2/logs";
  std::vector<LogRequest> out;
  for (Piece& piece : pieces(batch, kDatadogEvents, ',', [&](const LogEvent& event) {
         return "{" + event.members + "," + common + "}";
       })) {
    auto request = post(url, "[" + piece.body + "]", "application/json");
    request.headers.emplace_back("dd-api-key", json::text_or_empty(config, "ddApiKey"));
    out.push_back({std::move(request), piece.events});
  }
  return out;
}

std::string otlp_attribute(std::string_view key, std::string_view value) {
  return "{\"key\":" + json_string(key) + ",\"value\":{\"stringValue\":" + json_string(value) + "}}";
}

std::string otlp_record(const LogEvent& event) {
  int severity = event.level == "DEBUG" ? 5 : event.level == "WARN" ? 13 : event.level == "ERROR" ? 17 : 9;
  std::string attributes = otlp_attribute("convex.topic", event.topic);
  if (!event.function_path.empty()) {
    attributes += "," + otlp_attribute("convex.function.path", event.function_path) + "," +
                  otlp_attribute("convex.function.type", event.function_type);
  }
  return fmt::format(
      R"({{"timeUnixNano":"{}000000","severityNumber":{},"severityText":{},"body":{{"stringValue":{}}},"attributes":[{}]}})",
      event.timestamp_ms, severity, json_string(event.level), json_string("{" + event.members + "}"),
      attributes);
}

std::string posthog_host(ValueView config) {
  std::string host = json::text_or_empty(config, "host");
  while (host.ends_with('/')) host.pop_back();
  return host.empty() ? std::string(kPostHogHost) : host;
}

std::vector<LogRequest> posthog_logs(ValueView config, const std::string& deployment, const LogBatch& batch) {
  std::string service = json::text_or_empty(config, "serviceName");
  if (service.empty()) service = "convex";
  std::vector<LogRequest> out;
  for (Piece& piece : pieces(batch, kPostHogEvents, ',', otlp_record)) {
    std::string body =
        "{\"resourceLogs\":[{\"resource\":{\"attributes\":[" + otlp_attribute("service.name", service) + "," +
        otlp_attribute("convex.deployment.name", deployment) +
        "]},\"scopeLogs\":[{\"scope\":{\"name\":\"convex\"},\"logRecords\":[" + piece.body + "]}]}]}";
    auto request = post(posthog_host(config) + "/i/v1/logs", std::move(body), "application/json");
    request.headers.emplace_back("authorization", "Bearer " + json::text_or_empty(config, "apiKey"));
    out.push_back({std::move(request), piece.events});
  }
  return out;
}

std::string iso_time(int64_t ms) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1000)),
                     ms % 1000);
}

// The first line of an error's text, and the class it names ("Uncaught TypeError: x" -> "TypeError").
std::pair<std::string, std::string> error_head(const std::string& error) {
  std::string message = error.substr(0, error.find('\n'));
  std::string_view rest = message;
  if (rest.starts_with("Uncaught ")) rest.remove_prefix(9);
  size_t colon = rest.find(": ");
  bool named = colon != std::string_view::npos && rest.substr(0, colon).find(' ') == std::string_view::npos;
  return {named ? std::string(rest.substr(0, colon)) : "Error",
          std::string(named ? rest.substr(colon + 2) : rest)};
}

std::vector<LogRequest> posthog_errors(ValueView config, const std::string& deployment,
                                       const LogBatch& batch) {
  std::vector<LogRequest> out;
  for (const LogEvent& event : batch) {
    auto [type, value] = error_head(event.error);
    if (event.topic == "verification") value = "Convex connection test";
    std::string body = fmt::format(
        R"({{"api_key":{},"event":"$exception","distinct_id":{},"timestamp":{},"properties":{{)"
        R"("$process_person_profile":false,"$exception_list":[{{"type":{},"value":{},"mechanism":{{"handled":false}}}}],)"
        R"("stack":{},"func":{},"func_type":{},"request_id":{},{}}}}})",
        json_string(json::text_or_empty(config, "apiKey")), json_string(deployment),
        json_string(iso_time(event.timestamp_ms)), json_string(type), json_string(value),
        json_string(event.error), json_string(event.function_path), json_string(event.function_type),
        json_string(event.request_id), convex_member(deployment));
    out.push_back({post(posthog_host(config) + "/i/v0/e/", std::move(body), "application/json"), 1});
  }
  return out;
}

std::string sentry_tags(ValueView config, const LogEvent& event) {
  std::string tags =
      fmt::format(R"("func":{},"func_type":{},"func_runtime":{},"request_id":{},"cached":"{}")",
                  json_string(event.function_path), json_string(event.function_type),
                  json_string(event.environment == "node" ? "node" : "default"),
                  json_string(event.request_id), event.cached ? "true" : "false");
  auto own = config.find("tags");
  for (size_t i = 0; own && own->is_object() && i < own->count(); ++i) {
    auto [name, value] = own->field(i);
    if (value.is_string()) tags += "," + json_string(name) + ":" + json_string(value.as_string());
  }
  return tags;
}

std::vector<LogRequest> sentry(ValueView config, const std::string& deployment, const LogBatch& batch) {
  std::vector<LogRequest> out;
  auto target = parse_sentry_dsn(json::text_or_empty(config, "dsn"));
  if (!target) return out;
  for (const LogEvent& event : batch) {
    auto [type, value] = error_head(event.error);
    std::string id = random_hex(16);
    std::string payload = fmt::format(
        R"({{"event_id":"{}","timestamp":{:.3f},"platform":"javascript","level":"{}","server_name":{},)"
        R"("tags":{{{}}},"extra":{{"stack":{}}},)",
        id, static_cast<double>(event.timestamp_ms) / 1000, event.error.empty() ? "info" : "error",
        json_string(deployment), sentry_tags(config, event), json_string(event.error));
    payload += event.topic == "verification"
                   ? std::string(R"("message":"Convex connection test"})")
                   : fmt::format(R"("exception":{{"values":[{{"type":{},"value":{}}}]}}}})",
                                 json_string(type), json_string(value));
    std::string body = "{\"event_id\":\"" + id +
                       "\"}\n{\"type\":\"event\",\"length\":" + std::to_string(payload.size()) + "}\n" +
                       payload + "\n";
    auto request = post(target->url, std::move(body), "application/x-sentry-envelope");
    request.headers.emplace_back(
        "x-sentry-auth", "Sentry sentry_version=7, sentry_client=hull/1, sentry_key=" + target->public_key);
    out.push_back({std::move(request), 1});
  }
  return out;
}

}  // namespace

std::string event_json(const LogEvent& event, const std::string& deployment) {
  return "{" + event.members + "," + convex_member(deployment) + "}";
}

bool wants_event(ValueView config, const LogEvent& event) {
  const std::string type = log_stream_type(config);
  if (type == "sentry" || type == "postHogErrorTracking") {
    return event.topic == "function_execution" && !event.error.empty();
  }
  auto topics = config.find("topics");
  if (!topics || !topics->is_array()) return true;
  for (size_t i = 0; i < topics->count(); ++i) {
    if (topics->element(i).as_string() == event.topic) return true;
  }
  return false;
}

std::vector<LogRequest> log_requests(ValueView config, const std::string& deployment, const LogBatch& batch) {
  const std::string type = log_stream_type(config);
  if (type == "webhook") return webhook(config, deployment, batch);
  if (type == "axiom") return axiom(config, deployment, batch);
  if (type == "datadog") return datadog(config, deployment, batch);
  if (type == "postHogLogs") return posthog_logs(config, deployment, batch);
  if (type == "postHogErrorTracking") return posthog_errors(config, deployment, batch);
  return sentry(config, deployment, batch);
}

}  // namespace hull
