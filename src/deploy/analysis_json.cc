#include "deploy/analysis_json.h"

#include <algorithm>
#include <array>

#include "services/json_fields.h"
#include "value/json.h"
#include "value/names.h"

namespace hull {
namespace {

constexpr std::string_view kLoadingFailed =
    "Loading the pushed modules encountered the following\n    error:\n";

Error invalid_modules(const std::string& text) {
  return Error::bad_request("InvalidModules", std::string(kLoadingFailed) + text);
}

// Checked validator text, or why it is not one. "" = unvalidated.
Result<std::string> validator_text(const std::string& json, const std::string& function, bool args) {
  if (json.empty() || json == "null") return std::string(args ? "{\"type\":\"any\"}" : "null");
  std::string method = args ? ".exportArgs()" : ".exportReturns()";
  if (auto parsed = parse_plain_json(json); !parsed.ok())
    return invalid_modules("Invalid JSON returned from " + function + method + ": " + parsed.error().message);
  auto validator = Validator::parse(json);
  if (!validator.ok())
    return invalid_modules(std::string("Error in ") + (args ? "args" : "returns") +
                           " validator: " + validator.error().message);
  auto kind = (*validator)->kind();
  if (args && kind != Validator::Kind::kObject && kind != Validator::Kind::kAny)
    return invalid_modules("Args validator must be an object or any");
  return json;
}

Result<std::string> function_json(const std::string& module, const AnalyzedFunction& function) {
  if (auto valid = check_identifier(function.name); !valid.ok())
    return Error::bad_request("InvalidFunctionName",
                              "Invalid function name used in `" + module + "`: " + valid.error().message);
  std::string path = module + ":" + function.name;
  HULL_TRY(auto args, validator_text(function.args_json, path, true));
  HULL_TRY(auto returns, validator_text(function.returns_json, path, false));
  std::string out = "{\"name\":" + json_string(function.name) + ",\"pos\":";
  if (function.line > 0)
    out += "{\"path\":" + json_string(module) + ",\"start_lineno\":" + std::to_string(function.line) +
           ",\"start_col\":" + std::to_string(function.column) + "}";
  else
    out += "null";
  out += ",\"udfType\":" + json_string(function.udf_type) + ",\"visibility\":";
  out += function.visibility.empty() ? "null" : "{\"kind\":" + json_string(function.visibility) + "}";
  out += ",\"args\":" + json_string(args) + ",\"returns\":" + json_string(returns) + "}";
  return out;
}

Result<std::string> routes_json(const AnalyzedModule& module) {
  if (!module.http_routes) return std::string("null");
  constexpr std::array<std::string_view, 6> kMethods{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
  std::string out = "[";
  for (const auto& [path, method] : *module.http_routes) {
    if (std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end())
      return invalid_modules(
          "'" + method + "' is not not a routable method (one of GET, POST, PUT, DELETE, PATCH, OPTIONS)");
    if (out.size() > 1) out += ',';
    out += "{\"route\":{\"path\":" + json_string(path) + ",\"method\":" + json_string(method) +
           "},\"pos\":null}";
  }
  return out + "]";
}

// Every cron must name a mutation or an action of this push.
Result<void> check_cron_target(const CronSpec& cron, const AnalysisOutcome& outcome) {
  std::string about = "The cron job '" + cron.identifier + "' schedules ";
  size_t colon = cron.udf_path.rfind(':');
  std::string module_path = cron.udf_path.substr(0, colon), name = cron.udf_path.substr(colon + 1);
  for (const auto& module : outcome.modules) {
    if (module.path != module_path) continue;
    for (const auto& function : module.functions) {
      if (function.name != name) continue;
      if (function.udf_type == "Mutation" || function.udf_type == "Action") return {};
      return invalid_modules(
          about + "a query function, only actions and mutations can be scheduled: " + cron.udf_path);
    }
  }
  return invalid_modules(about + "a function that does not exist: " + cron.udf_path);
}

Result<std::string> crons_json(const AnalyzedModule& module, const AnalysisOutcome& outcome) {
  if (!module.crons_json) return std::string("null");
  HULL_TRY(auto crons, parse_crons(*module.crons_json));
  std::string out = "[";
  for (const auto& cron : crons) {
    HULL_CHECK_OK(check_cron_target(cron, outcome));
    if (out.size() > 1) out += ',';
    out += cron.json();
  }
  return out + "]";
}

// The sentence the CLI looks for, without what JavaScript put around it.
std::string missing_variable_text(const std::string& text) {
  size_t start = text.find("Environment variable ");
  if (start == std::string::npos) return text;
  return text.substr(start, text.find('\n', start) - start);
}

}  // namespace

std::string empty_analysis_json() {
  return "{\"functions\":[],\"httpRoutes\":null,\"cronSpecs\":null,\"sourceMapped\":null}";
}

Result<std::map<std::string, std::string>> analysis_json(const AnalysisOutcome& outcome) {
  std::map<std::string, std::string> result;
  for (const auto& module : outcome.modules) {
    auto functions = module.functions;
    std::stable_sort(functions.begin(), functions.end(), [](const auto& a, const auto& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    std::string out = "{\"functions\":[";
    for (size_t i = 0; i < functions.size(); ++i) {
      HULL_TRY(auto json, function_json(module.path, functions[i]));
      if (i > 0) out += ',';
      out += json;
    }
    HULL_TRY(auto routes, routes_json(module));
    HULL_TRY(auto crons, crons_json(module, outcome));
    out += "],\"httpRoutes\":" + routes + ",\"cronSpecs\":" + crons + ",\"sourceMapped\":null}";
    result[module.path] = std::move(out);
  }
  return result;
}

std::string http_routes_json(const AnalysisOutcome& outcome) {
  for (const auto& module : outcome.modules) {
    if (!module.http_routes) continue;
    std::string out = "[";
    for (const auto& [path, method] : *module.http_routes) {
      if (out.size() > 1) out += ',';
      out += "{\"method\":" + json_string(method) + ",\"path\":" + json_string(path) + "}";
    }
    return out + "]";
  }
  return "null";
}

Error analysis_error(const AnalysisOutcome::Failure& failure, std::string_view schema_path,
                     std::string_view auth_path, std::string_view definition_path) {
  auto code_or = [&](std::string_view fallback) {
    return failure.code.empty() ? fallback : std::string_view(failure.code);
  };
  if (!schema_path.empty() && failure.module == schema_path)
    return Error::bad_request(code_or("InvalidSchema"),
                              "Hit an error while evaluating your schema:\n" + failure.text);
  if (!auth_path.empty() && failure.module == auth_path) {
    if (failure.code == "AuthConfigMissingEnvironmentVariable")
      return Error::bad_request(failure.code, missing_variable_text(failure.text));
    constexpr std::string_view kPrefix = "The pushed auth config is invalid: ";
    std::string text = failure.text.starts_with(kPrefix) ? "" : std::string(kPrefix);
    return Error::bad_request("InvalidAuthConfig", text + failure.text);
  }
  if (!definition_path.empty() && failure.module == definition_path)
    return Error::bad_request(code_or("InvalidConvexConfig"), failure.text);
  if (!failure.code.empty() && failure.code != "InvalidModules")
    return Error::bad_request(failure.code, failure.text);
  // Only what user code threw is told with its module; other texts name it themselves.
  bool complete = !failure.code.empty() || failure.module.empty() ||
                  failure.text.starts_with("Failed to analyze ") ||
                  failure.text.starts_with("Couldn't find JavaScript module");
  return invalid_modules(complete ? failure.text
                                  : "Failed to analyze " + failure.module + ": " + failure.text);
}

Result<std::map<std::string, FunctionInfo>> functions_of(ValueView module) {
  auto validator = [](ValueView function, std::string_view name) -> Result<std::shared_ptr<const Validator>> {
    std::string json = json::text_or_empty(function, name);
    if (json.empty() || json == "null") return std::shared_ptr<const Validator>();
    auto parsed = Validator::parse(json);
    if (!parsed.ok()) return Error::bad_request("BadJsonBody", "invalid validator in the analysis");
    if ((*parsed)->accepts_everything()) return std::shared_ptr<const Validator>();
    return *parsed;
  };
  std::map<std::string, FunctionInfo> result;
  HULL_TRY(auto functions, json::array_field(module, "functions"));
  for (size_t i = 0; i < functions.count(); ++i) {
    ValueView json = functions.element(i);
    FunctionInfo info;
    HULL_TRY(info.name, json::string_field(json, "name"));
    HULL_TRY(info.udf_type, json::string_field(json, "udfType"));
    if (auto visibility = json::optional_field(json, "visibility"))
      info.is_public = json::text_or_empty(*visibility, "kind") != "internal";
    HULL_TRY(info.args, validator(json, "args"));
    HULL_TRY(info.returns, validator(json, "returns"));
    std::string name = info.name;
    result[name] = std::move(info);
  }
  return result;
}

Result<std::vector<CronSpec>> cron_specs_of(ValueView module) {
  std::vector<CronSpec> specs;
  auto list = json::optional_field(module, "cronSpecs");
  if (!list || !list->is_array()) return specs;
  for (size_t i = 0; i < list->count(); ++i) {
    HULL_TRY(auto spec, CronSpec::from_analysis(list->element(i)));
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace hull
