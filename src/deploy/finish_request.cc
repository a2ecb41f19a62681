#include "deploy/finish_request.h"

#include "base/encoding.h"
#include "deploy/source_package.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr size_t kMaxMessageBytes = 1024;

Error bad(std::string_view what) {
  return Error::bad_request("BadJsonBody", "invalid field `" + std::string(what) + "`");
}

Result<ImportPhase> parse_import_phase(ValueView config) {
  ImportPhase phase;
  HULL_TRY(phase.server_version, json::string_field(config, "serverVersion"));
  HULL_TRY(auto seed, json::object_field(config, "importPhaseRngSeed"));
  HULL_TRY(auto seed_text, json::string_field(seed, "$bytes"));
  HULL_TRY(auto time, json::object_field(config, "importPhaseUnixTimestamp"));
  HULL_TRY(auto time_text, json::string_field(time, "$integer"));
  auto seed_bytes = base64_decode(seed_text);
  auto time_bytes = base64_decode(time_text);
  if (!seed_bytes || seed_bytes->size() != 32 || !time_bytes || time_bytes->size() != 8)
    return bad("udfConfig");
  phase.seed = *seed_bytes;
  uint64_t ns = 0;
  for (size_t i = 0; i < 8; ++i)
    ns |= static_cast<uint64_t>(static_cast<unsigned char>((*time_bytes)[i])) << (8 * i);
  phase.unix_ns = static_cast<int64_t>(ns);
  return phase;
}

Result<std::map<std::string, std::string>> parse_environment(ValueView start) {
  HULL_TRY(auto object, json::object_field(start, "environmentVariables"));
  std::map<std::string, std::string> environment;
  for (size_t i = 0; i < object.count(); ++i) {
    auto [name, value] = object.field(i);
    if (!value.is_string()) return bad("environmentVariables");
    environment[std::string(name)] = std::string(value.as_string());
  }
  return environment;
}

Result<void> parse_start(ValueView start, BlobStore& blobs, FinishRequest& request) {
  HULL_TRY(request.environment, parse_environment(start));
  HULL_TRY(auto packages, json::object_field(start, "componentDefinitionPackages"));
  if (packages.count() != 1) return bad("componentDefinitionPackages");
  HULL_TRY(auto package, json::object_field(packages, ""));
  HULL_TRY(request.package_key, json::string_field(package, "storageKey"));
  HULL_TRY(request.modules, modules_of_package(request.package_key, blobs));
  HULL_TRY(auto auth, json::array_field(start, "appAuth"));
  HULL_TRY(request.auth, parse_auth_config("{\"providers\":" + to_plain_json(auth) + "}"));
  HULL_TRY(auto analysis, json::object_field(start, "analysis"));
  HULL_TRY(auto root, json::object_field(analysis, ""));
  HULL_TRY(auto definition, json::object_field(root, "definition"));
  request.definition = Value::copy_of(definition);
  HULL_TRY(auto functions, json::object_field(root, "functions"));
  for (size_t i = 0; i < functions.count(); ++i) {
    auto [path, module] = functions.field(i);
    request.functions[std::string(path)] = Value::copy_of(module);
  }
  HULL_TRY(auto config, json::object_field(root, "udfConfig"));
  HULL_TRY(request.import_phase, parse_import_phase(config));
  HULL_TRY(auto node_version, json::optional_string_field(start, "nodeVersion"));
  request.node_version = node_version.value_or("");
  HULL_TRY(auto packages_id, json::optional_string_field(start, "externalDepsId"));
  if (packages_id) {
    auto id = DocumentId::parse(*packages_id);
    if (!id.ok()) return bad("externalDepsId");
    request.external_packages_id = *id;
  }
  HULL_TRY(auto change, json::object_field(start, "schemaChange"));
  HULL_TRY(request.schema_id, root_schema_id(change));
  if (auto diffs = json::optional_field(change, "indexDiffs"))
    if (auto diff = diffs->find(""); diff && diff->is_object())
      request.index_diff_json = to_plain_json(*diff);
  return {};
}

}  // namespace

Result<std::optional<DocumentId>> root_schema_id(ValueView schema_change) {
  HULL_TRY(auto ids, json::object_field(schema_change, "schemaIds"));
  auto id = json::optional_field(ids, "");
  if (!id) return std::optional<DocumentId>();
  if (!id->is_string()) return bad("schemaIds");
  auto parsed = DocumentId::parse(id->as_string());
  if (!parsed.ok()) return bad("schemaIds");
  return std::optional<DocumentId>(*parsed);
}

Result<FinishRequest> FinishRequest::parse(ValueView body, BlobStore& blobs) {
  FinishRequest request;
  HULL_TRY(request.dry_run, json::bool_field(body, "dryRun", false));
  HULL_TRY(request.message, json::optional_string_field(body, "message"));
  if (request.message && request.message->size() > kMaxMessageBytes)
    return Error::bad_request("PushMessageTooLong", "Push messages can be at most 1024 bytes long");
  HULL_TRY(auto start, json::object_field(body, "startPush"));
  if (request.dry_run) return request;
  HULL_CHECK_OK(parse_start(start, blobs, request));
  return request;
}

}  // namespace hull
