#include "deploy/push_request.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "services/json_fields.h"
#include "value/json_texts.h"
#include "value/names.h"

namespace hull {
namespace {

Error invalid_config(std::string detail) { return Error::bad_request("InvalidConfig", std::move(detail)); }

Result<std::string> module_path(const std::string& text) {
  auto path = ModulePath::parse(text);
  if (!path.ok())
    return invalid_config(text + " is not a valid path to a Convex module. " + path.error().message);
  return path->text;
}

Result<std::string> environment_of(ValueView module, const std::string& path) {
  HULL_TRY(auto given, json::optional_string_field(module, "environment"));
  if (!given) return std::string(path.starts_with("actions/") ? "node" : "isolate");
  if (*given != "isolate" && *given != "node" && *given != "invalid")
    return invalid_config("Invalid module environment: " + *given);
  return *given;
}

// Shorter texts are not worth a place of their own.
constexpr size_t kMinTextBytes = 4096;

struct Texts {
  std::vector<PackedText> taken;
  TextPacker packer;
};

// The text of a field, which is there or was set apart; nullopt if there is none. Each is taken once.
Result<std::optional<PackedText>> text_field(ValueView json, std::string_view name, Texts& texts) {
  auto field = json::optional_field(json, name);
  if (!field) return std::optional<PackedText>();
  if (!field->is_int64()) {
    HULL_TRY(auto text, json::string_field(json, name));
    return std::optional<PackedText>(texts.packer.pack(text));
  }
  return std::optional<PackedText>(std::move(texts.taken.at(static_cast<size_t>(field->as_int64()))));
}

Result<PushedModule> parse_module(ValueView json, Texts& texts) {
  if (!json.is_object()) return json::wrong_type("modules", "objects");
  PushedModule module;
  HULL_TRY(auto raw_path, json::string_field(json, "path"));
  HULL_TRY(module.path, module_path(raw_path));
  HULL_TRY(auto source, text_field(json, "source", texts));
  if (!source) return json::missing_field("source");
  module.source = *std::move(source);
  HULL_TRY(auto map, text_field(json, "sourceMap", texts));
  module.source_map = std::move(map).value_or(PackedText());
  HULL_TRY(module.environment, environment_of(json, module.path));
  HULL_TRY(auto source_text, unpack_text(module.source));
  HULL_TRY(auto map_text, unpack_text(module.source_map));
  module.sha256 = module_hash(source_text, map_text);
  return module;
}

Result<std::optional<PushedModule>> parse_optional_module(ValueView parent, std::string_view name,
                                                          Texts& texts) {
  auto json = json::optional_field(parent, name);
  if (!json) return std::optional<PushedModule>();
  HULL_TRY(auto module, parse_module(*json, texts));
  return std::optional<PushedModule>(std::move(module));
}

Result<std::vector<PushedModule>> parse_modules(ValueView list, Texts& texts) {
  std::vector<PushedModule> modules;
  modules.reserve(list.count());
  for (size_t i = 0; i < list.count(); ++i) {
    HULL_TRY(auto module, parse_module(list.element(i), texts));
    modules.push_back(std::move(module));
  }
  return modules;
}

Result<std::vector<UnchangedModule>> parse_unchanged(ValueView list) {
  std::vector<UnchangedModule> modules;
  for (size_t i = 0; i < list.count(); ++i) {
    ValueView json = list.element(i);
    UnchangedModule module;
    HULL_TRY(auto raw_path, json::string_field(json, "path"));
    HULL_TRY(module.path, module_path(raw_path));
    HULL_TRY(module.environment, environment_of(json, module.path));
    HULL_TRY(auto sha256, json::string_field(json, "sha256"));
    auto bytes = hex_decode(sha256);
    if (!bytes || bytes->size() != 32) return invalid_config("Invalid sha256 of module " + raw_path);
    module.sha256 = hex_encode(*bytes);
    modules.push_back(std::move(module));
  }
  return modules;
}

// MAJOR.MINOR.PATCH with an optional -pre.release and +build part.
bool is_semver(std::string_view text) {
  std::string_view core = text.substr(0, text.find_first_of("-+"));
  int dots = 0;
  bool digit_before = false;
  for (char c : core) {
    if (c == '.') {
      if (!digit_before) return false;
      ++dots;
      digit_before = false;
    } else if (c >= '0' && c <= '9') {
      digit_before = true;
    } else {
      return false;
    }
  }
  return dots == 2 && digit_before;
}

Result<void> check_node_version(const std::string& version) {
  constexpr std::array<std::string_view, 3> kKnown{"20", "22", "24"};
  if (std::find(kKnown.begin(), kKnown.end(), version) != kKnown.end()) return {};
  if (version == "18")
    return invalid_config("Node 18 is no longer supported. Use Node 20, 22 or 24 in convex.json instead.");
  return invalid_config("Invalid node version: " + version);
}

// Two modules that would be stored under one path.
Result<void> check_unique_paths(const PushRequest& request) {
  std::vector<std::string_view> paths;
  for (const auto& module : request.changed) paths.push_back(module.path);
  for (const auto& module : request.unchanged) paths.push_back(module.path);
  if (request.schema) paths.push_back(request.schema->path);
  if (request.definition) paths.push_back(request.definition->path);
  std::sort(paths.begin(), paths.end());
  if (std::adjacent_find(paths.begin(), paths.end()) != paths.end())
    return Error::bad_request("CanonicalizationConflict", "Multiple modules canonicalize to the same name.");
  for (auto path : paths)
    if (path.starts_with("_system/"))
      return invalid_config("You cannot push functions under the '_system/' directory.");
  return {};
}

Result<void> parse_app(ValueView app, Texts& texts, PushRequest& request) {
  HULL_TRY(request.definition, parse_optional_module(app, "definition", texts));
  HULL_TRY(request.schema, parse_optional_module(app, "schema", texts));
  bool old_name = !app.find("changedModules") && app.find("functions");
  HULL_TRY(auto changed, json::array_field(app, old_name ? "functions" : "changedModules"));
  HULL_TRY(request.changed, parse_modules(changed, texts));
  if (json::optional_field(app, "unchangedModuleHashes")) {
    HULL_TRY(auto unchanged, json::array_field(app, "unchangedModuleHashes"));
    HULL_TRY(request.unchanged, parse_unchanged(unchanged));
  }
  HULL_TRY(request.server_version, json::string_field(app, "udfServerVersion"));
  if (!is_semver(request.server_version))
    return invalid_config("Invalid udfServerVersion: " + request.server_version);
  return {};
}

}  // namespace

Result<PushBody> PushBody::parse(std::string body) {
  PushBody parsed;
  TextPacker packer;
  auto take = [&](std::string_view text) {
    parsed.texts.push_back(packer.pack(text));
    return static_cast<int64_t>(parsed.texts.size()) - 1;
  };
  HULL_TRY(parsed.json, parse_plain_json_texts(std::move(body), kMinTextBytes, take));
  return parsed;
}

Result<PushRequest> PushRequest::parse(PushBody parsed) {
  ValueView body = parsed.json;
  Texts texts{std::move(parsed.texts), {}};
  PushRequest request;
  HULL_TRY(request.dry_run, json::bool_field(body, "dryRun", false));
  HULL_TRY(request.for_codegen, json::bool_field(body, "forCodegen", false));
  HULL_TRY(request.functions_dir, json::string_field(body, "functions"));
  HULL_TRY(auto app, json::object_field(body, "appDefinition"));
  HULL_CHECK_OK(parse_app(app, texts, request));
  if (json::optional_field(body, "componentDefinitions")) {
    HULL_TRY(auto components, json::array_field(body, "componentDefinitions"));
    for (size_t i = 0; i < components.count(); ++i) {
      HULL_TRY(auto path, json::string_field(components.element(i), "definitionPath"));
      request.component_paths.push_back(std::move(path));
    }
  }
  if (json::optional_field(body, "nodeDependencies")) {
    HULL_TRY(auto dependencies, json::array_field(body, "nodeDependencies"));
    for (size_t i = 0; i < dependencies.count(); ++i) {
      NodeDependency dependency;
      HULL_TRY(dependency.name, json::string_field(dependencies.element(i), "name"));
      HULL_TRY(dependency.version, json::string_field(dependencies.element(i), "version"));
      request.node.dependencies.push_back(std::move(dependency));
    }
    std::sort(request.node.dependencies.begin(), request.node.dependencies.end());
  }
  HULL_TRY(auto node_version, json::optional_string_field(body, "nodeVersion"));
  if (node_version) HULL_CHECK_OK(check_node_version(*node_version));
  request.node.version = node_version.value_or("");
  HULL_CHECK_OK(check_unique_paths(request));
  return request;
}

bool PushRequest::uses_node() const {
  auto on_node = [](const auto& module) { return module.environment == "node"; };
  return std::any_of(changed.begin(), changed.end(), on_node) ||
         std::any_of(unchanged.begin(), unchanged.end(), on_node);
}

Result<void> check_supported(const PushRequest& request) {
  if (!request.component_paths.empty())
    return Error::bad_request("ComponentsUnsupported",
                              "This server does not run components yet. Remove them from convex.config.ts: " +
                                  request.component_paths.front());
  auto refuse_node = [](const std::string& path, const std::string& environment) -> Result<void> {
    constexpr std::array<std::string_view, 4> kIsolateOnly{"http.js", "crons.js", "schema.js",
                                                           "auth.config.js"};
    if (environment == "node" &&
        std::find(kIsolateOnly.begin(), kIsolateOnly.end(), path) != kIsolateOnly.end())
      return Error::bad_request("InvalidModules", "\"use node\" directive is not allowed for " + path + ".");
    return {};
  };
  for (const auto& module : request.changed) HULL_CHECK_OK(refuse_node(module.path, module.environment));
  for (const auto& module : request.unchanged) HULL_CHECK_OK(refuse_node(module.path, module.environment));
  if (request.schema) HULL_CHECK_OK(refuse_node(request.schema->path, request.schema->environment));
  return {};
}

}  // namespace hull
