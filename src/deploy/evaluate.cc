#include <algorithm>

#include "base/encoding.h"
#include "base/random.h"
#include "deploy/analysis_json.h"
#include "deploy/evaluated_push.h"
#include "deploy/source_package.h"
#include "services/json_fields.h"
#include "services/variable_change.h"
#include "value/json.h"
#include "value/names.h"

namespace hull {
namespace {

constexpr std::string_view kAuthModule = "auth.config.js";
constexpr size_t kMaxFunctionModules = 4096;
constexpr std::string_view kEmptyDefinition =
    "{\"path\":\"\",\"definitionType\":{\"type\":\"app\"},\"childComponents\":[],\"httpMounts\":{},"
    "\"exports\":{\"type\":\"branch\",\"branch\":[]},\"envVars\":null}";

struct Sources {
  std::vector<PackageEntry> modules;  // importable
  std::vector<std::string> function_modules, node_modules;
  std::optional<PackageEntry> auth;
};

// Stores the package of the push and lists its modules; the texts in `request` are freed.
Result<std::vector<PackageEntry>> store_modules(PushRequest& request, const Catalog& catalog,
                                                PackageShelf& shelf, BlobStore& blobs, std::string& key) {
  PackageWriter writer;
  HULL_TRY(auto unchanged, unchanged_modules(request, catalog, shelf));
  auto special = [&request](const std::string& path) {
    return (request.schema && request.schema->path == path) ||
           (request.definition && request.definition->path == path);
  };
  // The CLI knows the stored copies of these two as modules like any other.
  for (auto& module : unchanged)
    if (!special(module.path)) writer.refer(std::move(module));
  auto add = [&writer](PushedModule& module) {
    writer.add(module.path, module.environment, module.sha256, module.source, module.source_map);
    module.source = module.source_map = {};
  };
  for (auto& module : request.changed) add(module);
  if (request.schema) add(*request.schema);
  if (request.definition) add(*request.definition);
  HULL_TRY(key, store_package(std::move(writer), blobs));
  return modules_of_package(key, blobs);
}

// The modules of the push that functions can import.
Result<Sources> gather(const PushRequest& request, std::vector<PackageEntry> all) {
  Sources sources;
  for (auto& module : all) {
    bool special = (request.schema && request.schema->path == module.path) ||
                   (request.definition && request.definition->path == module.path);
    if (special) continue;
    if (module.path == kAuthModule) {
      sources.auth = std::move(module);
    } else {
      sources.modules.push_back(std::move(module));
    }
  }
  for (const auto& module : sources.modules)
    if (!ModulePath{module.path}.is_deps())
      (module.environment == "node" ? sources.node_modules : sources.function_modules).push_back(module.path);
  const size_t count = sources.function_modules.size() + sources.node_modules.size();
  if (count > kMaxFunctionModules)
    return Error::bad_request(
        "InvalidModules",
        "Too many function files (" + std::to_string(count) + " > maximum " +
            std::to_string(kMaxFunctionModules) + ") in \"" + request.functions_dir +
            "\". See our docs (https://docs.convex.dev/using/writing-convex-functions#using-libraries) for "
            "more "
            "details.");
  return sources;
}

Result<std::shared_ptr<const Schema>> read_schema(const std::string& json) {
  auto schema = Schema::parse(json);
  if (schema.ok()) return schema;
  Error error = std::move(schema).error();
  error.message = "Hit an error while evaluating your schema:\n" + error.message;
  return error;
}

// The definition as answered: with "path", and refused if it mounts components.
Result<std::string> read_definition(const std::string& json) {
  auto invalid = [](std::string_view why) {
    return Error::bad_request("InvalidDefinition",
                              "The default export of `convex.config.ts` in your app has an invalid value (" +
                                  std::string(why) +
                                  "). Please make sure that you’re exporting the return value of "
                                  "`defineApp()` (`import { defineApp } "
                                  "from 'convex/server'`).");
  };
  auto parsed = parse_plain_json(json);
  if (!parsed.ok() || !parsed->view().is_object()) return invalid("the exported value is not an object");
  ValueView definition = *parsed;
  auto type = json::optional_field(definition, "definitionType");
  if (!type || json::text_or_empty(*type, "type") != "app") return invalid("it is not an app");
  if (auto children = json::optional_field(definition, "childComponents");
      children && children->is_array() && children->count() > 0)
    return Error::bad_request("ComponentsUnsupported",
                              "This server does not run components yet. Remove `app.use(...)` from "
                              "convex.config.ts.");
  std::string out = "{\"path\":\"\"";
  auto member = [&](std::string_view name, std::string_view fallback) {
    auto field = definition.find(name);
    out += ",\"" + std::string(name) + "\":" + (field ? to_plain_json(*field) : std::string(fallback));
  };
  member("definitionType", "{\"type\":\"app\"}");
  member("childComponents", "[]");
  member("httpMounts", "{}");
  if (definition.find("httpPrefix")) member("httpPrefix", "null");
  member("exports", "{\"type\":\"branch\",\"branch\":[]}");
  member("envVars", "null");
  return out + "}";
}

ImportPhase next_import_phase(const Catalog& catalog, const std::string& server_version) {
  ImportPhase phase = deployed_import_phase(catalog);
  if (phase.server_version == server_version) return phase;
  return {server_version, random_bytes(32), unix_nanos()};
}

std::string int64_base64(int64_t n) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i)
    bytes[static_cast<size_t>(i)] = static_cast<char>(static_cast<uint64_t>(n) >> (8 * i));
  return base64_encode(bytes);
}

}  // namespace

ImportPhase deployed_import_phase(const Catalog& catalog) {
  ImportPhase phase;
  for (const auto& row : catalog.system_rows("_udf_config")) {
    phase.server_version = json::text_or_empty(row->value, "serverVersion");
    if (auto seed = row->value->find("importPhaseRngSeed"); seed && seed->is_bytes())
      phase.seed = std::string(seed->as_string());
    if (auto time = row->value->find("importPhaseUnixTimestamp"); time && time->is_int64())
      phase.unix_ns = time->as_int64();
  }
  return phase;
}

Result<EvaluatedPush> evaluate(const DeployOptions& options, PushRequest request) {
  HULL_CHECK_OK(check_supported(request));
  if (request.uses_node() || !request.node.dependencies.empty())
    HULL_CHECK_OK(options.runner->prepare_node(request.node));
  SnapshotPtr snapshot = options.runner->engine().snapshot();
  const Catalog& catalog = *snapshot->catalog();
  EvaluatedPush push;
  push.node = request.node;
  PackageShelf shelf(options.blobs);
  HULL_TRY(auto modules, store_modules(request, catalog, shelf, *options.blobs, push.package_key));
  AnalysisRequest analysis;
  analysis.text = text_loader(modules, shelf);
  HULL_TRY(auto sources, gather(request, std::move(modules)));
  push.environment = code_variables(catalog);
  push.import_phase = next_import_phase(catalog, request.server_version);
  // For the variables that every deployment has.
  HULL_TRY(auto code, options.runner->code().assemble({}, push.environment, push.import_phase.seed,
                                                      push.import_phase.unix_ns, push.node));
  for (const auto& module : sources.modules) analysis.modules.push_back({module.path, module.environment});
  analysis.function_modules = sources.function_modules;
  analysis.node_modules = sources.node_modules;
  analysis.node = push.node;
  for (const auto& path : sources.function_modules) {
    if (path == "http.js") analysis.http_module = path;
    if (path == "crons.js") analysis.crons_module = path;
  }
  if (request.schema) analysis.schema_module = request.schema->path;
  if (sources.auth) analysis.auth_module = sources.auth->path;
  if (request.definition) analysis.definition_module = request.definition->path;
  analysis.env = code->env();
  analysis.import_seed = code->import_seed();
  analysis.import_time_ms = code->import_time_ms();
  HULL_TRY(auto outcome, options.runner->analyze(analysis));
  if (outcome.failure)
    return analysis_error(*outcome.failure, analysis.schema_module, analysis.auth_module,
                          analysis.definition_module);
  HULL_TRY(push.functions, analysis_json(outcome));
  push.http_routes_json = http_routes_json(outcome);
  if (sources.auth) {
    push.functions[std::string(kAuthModule)] = empty_analysis_json();
    auto providers = parse_auth_config(outcome.auth_json);
    if (!providers.ok()) {
      Error error = std::move(providers).error();
      error.code = "InvalidAuthConfig";
      error.message = "The pushed auth config is invalid: " + error.message;
      return error;
    }
    push.auth = std::move(*providers);
  }
  if (request.schema) {
    HULL_TRY(push.schema, read_schema(outcome.schema_json));
  }
  push.definition_json = kEmptyDefinition;
  if (request.definition) {
    HULL_TRY(push.definition_json, read_definition(outcome.definition_json));
  }
  HULL_TRY(auto definition, parse_plain_json(push.definition_json));
  HULL_TRY(auto declarations, parse_env_declarations(definition));
  (void)declarations;
  return push;
}

std::string EvaluatedPush::answer_json() const {
  std::string out = "\"environmentVariables\":{";
  auto comma = [&out] {
    if (out.back() != '{' && out.back() != '[') out += ',';
  };
  for (const auto& [name, value] : environment) {
    comma();
    out += json_string(name) + ":" + json_string(value);
  }
  auto text_or_null = [](const std::string& text) { return text.empty() ? "null" : json_string(text); };
  out += "},\"externalDepsId\":" + text_or_null(external_packages_id) +
         ",\"nodeVersion\":" + text_or_null(node.version) +
         ",\"componentDefinitionPackages\":{\"\":{\"storageKey\":" + json_string(package_key) +
         "}},\"appAuth\":[";
  for (const auto& provider : auth) {
    comma();
    out += provider.json();
  }
  out += "],\"analysis\":{\"\":{\"definition\":" + definition_json +
         ",\"schema\":" + (schema ? schema->json() : "null") + ",\"functions\":{";
  for (const auto& [path, json] : functions) {
    comma();
    out += json_string(path) + ":" + json;
  }
  out += "},\"udfConfig\":{\"serverVersion\":" + json_string(import_phase.server_version) +
         ",\"importPhaseRngSeed\":{\"$bytes\":\"" + base64_encode(import_phase.seed) +
         "\"},\"importPhaseUnixTimestamp\":{\"$integer\":\"" + int64_base64(import_phase.unix_ns) + "\"}}}}";
  out +=
      ",\"app\":{\"definitionPath\":\"\",\"componentPath\":\"\",\"httpPrefix\":null,\"args\":{},\"env\":{},"
      "\"childComponents\":{},\"httpRoutes\":{\"httpModuleRoutes\":" +
      http_routes_json + ",\"mounts\":[]},\"exports\":{}}";
  return out;
}

}  // namespace hull
