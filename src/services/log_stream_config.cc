#include "services/log_stream_config.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/random.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

enum class Kind { kText, kTexts, kAttributes, kTextMap, kTopics };
struct Field {
  std::string_view name;
  Kind kind = Kind::kText;
  bool required = true;
  bool secret = false;
};
struct Type {
  std::string_view name;
  std::vector<Field> fields;
};

constexpr Field kTopicsField{"topics", Kind::kTopics, false};
constexpr std::string_view kSecretField = "hmacSecret";
constexpr size_t kSecretBytes = 32;

const std::vector<Type>& types() {
  static const std::vector<Type> all = {
      {"datadog",
       {{"siteLocation"},
        {"ddApiKey", Kind::kText, true, true},
        {"ddTags", Kind::kTexts},
        {"service", Kind::kText, false},
        kTopicsField}},
      {"webhook", {{"url"}, {"format"}, kTopicsField}},
      {"axiom",
       {{"apiKey", Kind::kText, true, true},
        {"datasetName"},
        {"attributes", Kind::kAttributes},
        {"ingestUrl", Kind::kText, false},
        kTopicsField}},
      {"sentry", {{"dsn", Kind::kText, true, true}, {"tags", Kind::kTextMap, false}}},
      {"postHogLogs",
       {{"apiKey", Kind::kText, true, true},
        {"host", Kind::kText, false},
        {"serviceName", Kind::kText, false},
        kTopicsField}},
      {"postHogErrorTracking", {{"apiKey", Kind::kText, true, true}, {"host", Kind::kText, false}}},
  };
  return all;
}

const Type* find_type(std::string_view name) {
  for (const Type& type : types()) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

constexpr std::array<std::string_view, 10> kTopics = {
    "console",           "function_execution",    "audit_log",         "scheduler_stats",
    "scheduled_job_lag", "current_storage_usage", "concurrency_stats", "storage_api_bandwidth",
    "log_stream_egress", "custom_audit"};
constexpr std::array<std::string_view, 6> kDatadogSites = {"US1", "US3", "US5", "EU", "US1_FED", "AP1"};
constexpr std::array<std::string_view, 3> kAxiomHosts = {
    "https://api.axiom.co", "https://us-east-1.aws.edge.axiom.co", "https://eu-central-1.aws.edge.axiom.co"};

template <size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& all) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

bool is_http_url(std::string_view url) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (!url.starts_with(scheme)) continue;
    std::string_view rest = url.substr(scheme.size());
    return !rest.empty() && rest.find_first_of("/?#:@") != 0 &&
           std::all_of(rest.begin(), rest.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  }
  return false;
}

Result<void> check_topics(ValueView topics) {
  if (!topics.is_array()) return json::wrong_type("topics", "an array");
  if (topics.count() == 0) {
    return Error::bad_request("EmptyLogTopics", "`topics` must name at least one topic");
  }
  for (size_t i = 0; i < topics.count(); ++i) {
    ValueView topic = topics.element(i);
    if (!topic.is_string()) return json::wrong_type("topics", "an array of strings");
    if (!is_one_of(topic.as_string(), kTopics)) {
      return Error::bad_request("InvalidLogTopic",
                                "'" + std::string(topic.as_string()) + "' is not a topic of log streams");
    }
  }
  return {};
}

Result<void> check_kind(const Field& field, ValueView value) {
  switch (field.kind) {
    case Kind::kText:
      if (!value.is_string()) return json::wrong_type(field.name, "a string");
      break;
    case Kind::kTexts:
      if (!value.is_array()) return json::wrong_type(field.name, "an array");
      for (size_t i = 0; i < value.count(); ++i) {
        if (!value.element(i).is_string()) return json::wrong_type(field.name, "an array of strings");
      }
      break;
    case Kind::kAttributes:
      if (!value.is_array()) return json::wrong_type(field.name, "an array");
      for (size_t i = 0; i < value.count(); ++i) {
        HULL_CHECK_OK(json::string_field(value.element(i), "key"));
        HULL_CHECK_OK(json::string_field(value.element(i), "value"));
      }
      break;
    case Kind::kTextMap:
      if (!value.is_object()) return json::wrong_type(field.name, "an object");
      break;
    case Kind::kTopics:
      return check_topics(value);
  }
  return {};
}

using Fields = std::map<std::string, Value>;

Result<void> check_meaning(std::string_view type, const Fields& fields) {
  auto text = [&fields](std::string_view name) -> std::optional<std::string_view> {
    auto it = fields.find(std::string(name));
    if (it == fields.end()) return std::nullopt;
    return it->second.view().as_string();
  };
  if (type == "datadog" && !is_one_of(*text("siteLocation"), kDatadogSites)) {
    return json::wrong_type("siteLocation", "one of US1, US3, US5, EU, US1_FED, AP1");
  }
  if (type == "webhook") {
    if (!is_http_url(*text("url"))) {
      return Error::bad_request("InvalidWebhookUrl",
                                "The URL of a webhook must start with http:// or https://");
    }
    if (*text("format") != "json" && *text("format") != "jsonl")
      return json::wrong_type("format", "json or jsonl");
  }
  if (auto url = text("ingestUrl"); url && !is_one_of(*url, kAxiomHosts)) {
    return Error::bad_request("InvalidAxiomIngestUrl",
                              "`ingestUrl` must be one of https://api.axiom.co, "
                              "https://us-east-1.aws.edge.axiom.co, https://eu-central-1.aws.edge.axiom.co");
  }
  if (auto dsn = text("dsn"); dsn && !parse_sentry_dsn(*dsn)) {
    return Error::bad_request("InvalidSentryDsn", "`dsn` is not a Sentry DSN");
  }
  if (auto host = text("host"); host && !is_http_url(*host)) {
    return Error::bad_request("InvalidPostHogHost", "`host` must start with http:// or https://");
  }
  return {};
}

Value config_of(std::string_view type, const Fields& fields) {
  ValueBuilder b;
  b.begin_object();
  b.key("type").string(type);
  for (const auto& [name, value] : fields) b.key(name).value(value);
  b.end();
  return b.finish();
}

// `fields` changed by the members of `body`.
Result<Value> merged(const Type& type, Fields fields, ValueView body, bool create) {
  for (const Field& field : type.fields) {
    auto given = body.find(field.name);
    std::string name(field.name);
    if (!given || (given->is_null() && field.required)) {
      if (create && field.required) return json::missing_field(field.name);
    } else if (given->is_null()) {
      fields.erase(name);
    } else {
      HULL_CHECK_OK(check_kind(field, *given));
      fields[name] = Value::copy_of(*given);
    }
  }
  HULL_CHECK_OK(check_meaning(type.name, fields));
  return config_of(type.name, fields);
}

Fields fields_of(ValueView config) {
  Fields fields;
  for (size_t i = 0; i < config.count(); ++i) {
    auto [name, value] = config.field(i);
    if (name != "type") fields[std::string(name)] = Value::copy_of(value);
  }
  return fields;
}

}  // namespace

Result<Value> new_log_stream_config(ValueView body) {
  HULL_TRY(std::string tag, json::string_field(body, "logStreamType"));
  const Type* type = find_type(tag);
  if (!type) {
    return Error::bad_request("UnsupportedLogStreamType",
                              "Log streams of type '" + tag + "' are not supported");
  }
  Fields fields;
  if (tag == "webhook") fields[std::string(kSecretField)] = Value::string(random_hex(kSecretBytes));
  return merged(*type, std::move(fields), body, true);
}

Result<Value> updated_log_stream_config(ValueView config, ValueView body) {
  HULL_TRY(std::string tag, json::string_field(body, "logStreamType"));
  std::string own = log_stream_type(config);
  if (tag != own) {
    return Error::bad_request("LogStreamTypeMismatch",
                              "This log stream is of type '" + own + "', not '" + tag + "'");
  }
  return merged(*find_type(own), fields_of(config), body, false);
}

Result<Value> rotated_log_stream_config(ValueView config) {
  if (log_stream_type(config) != "webhook") {
    return Error::bad_request("NoSecretToRotate", "Only webhook log streams have a secret to rotate");
  }
  Fields fields = fields_of(config);
  fields[std::string(kSecretField)] = Value::string(random_hex(kSecretBytes));
  return config_of("webhook", fields);
}

std::string log_stream_type(ValueView config) { return json::text_or_empty(config, "type"); }

std::string public_log_stream_json(std::string_view id, ValueView row) {
  auto config = row.find("config"), status = row.find("status");
  std::string tag = config ? log_stream_type(*config) : "";
  std::string out = "{\"id\":" + json_string(id) + ",\"logStreamType\":" + json_string(tag);
  if (status) out += ",\"status\":" + to_json(*status, JsonFormat::kClean);
  const Type* type = find_type(tag);
  if (!type) return out + "}";
  auto show = [&](std::string_view name) {
    if (auto value = config->find(name)) {
      out += "," + json_string(name) + ":" + to_json(*value, JsonFormat::kClean);
    }
  };
  for (const Field& field : type->fields) {
    if (!field.secret) show(field.name);
  }
  show(kSecretField);
  return out + "}";
}

std::optional<SentryTarget> parse_sentry_dsn(std::string_view dsn) {
  // scheme://publicKey@host[/path]/projectId
  if (!is_http_url(dsn)) return std::nullopt;
  size_t slashes = dsn.find("//") + 2, at = dsn.find('@', slashes), last = dsn.rfind('/');
  if (at == std::string_view::npos || last < at || last + 1 == dsn.size()) return std::nullopt;
  std::string_view key = dsn.substr(slashes, at - slashes), project = dsn.substr(last + 1);
  std::string_view host = dsn.substr(at + 1, last - at - 1);
  key = key.substr(0, key.find(':'));
  if (key.empty() || host.empty() || project.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  return SentryTarget{
      std::string(dsn.substr(0, slashes)) + std::string(host) + "/api/" + std::string(project) + "/envelope/",
      std::string(key)};
}

}  // namespace hull
