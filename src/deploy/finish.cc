#include "deploy/finish.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/time.h"
#include "database/transact.h"
#include "deploy/analysis_json.h"
#include "deploy/cron_rows.h"
#include "deploy/index_diff.h"
#include "deploy/node_rows.h"
#include "deploy/schema_change.h"
#include "functions/function_handles.h"
#include "services/json_fields.h"
#include "services/variable_change.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr const char* kSource = "_system/finish_push";

struct FinishDiff {
  bool created = false;  // the first push
  AuthDiff auth;
  ModuleDiff modules;
  std::optional<std::pair<std::string, std::string>> versions;  // previous, next
  CronDiff crons;
  std::string indexes_json;
  std::optional<SchemaDiff> schema;
  NodeVersions node_versions;
};

std::string list_json(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const auto& item : list) {
    if (out.size() > 1) out += ',';
    append_json_string(item, out);
  }
  return out + "]";
}

std::string auth_json(const AuthDiff& diff) {
  return "{\"added\":" + list_json(diff.added) + ",\"removed\":" + list_json(diff.removed) + "}";
}

std::string component_diff_json(const FinishDiff& diff) {
  auto text_or_null = [](const std::optional<std::string>& text) {
    return text ? json_string(*text) : "null";
  };
  std::string out = "{\"diffType\":{\"type\":\"";
  out += diff.created ? "create" : "modify";
  out += "\"},\"moduleDiff\":{\"added\":" + list_json(diff.modules.added) +
         ",\"removed\":" + list_json(diff.modules.removed) + "},\"udfConfigDiff\":";
  out += diff.versions ? "{\"previous_version\":" + json_string(diff.versions->first) +
                             ",\"next_version\":" + json_string(diff.versions->second) + "}"
                       : "null";
  out += ",\"cronDiff\":{\"added\":" + list_json(diff.crons.added) +
         ",\"updated\":" + list_json(diff.crons.updated) + ",\"deleted\":" + list_json(diff.crons.deleted) +
         "},\"indexDiff\":" + diff.indexes_json + ",\"schemaDiff\":";
  out += diff.schema ? "{\"previous_schema\":" + text_or_null(diff.schema->previous) +
                           ",\"next_schema\":" + text_or_null(diff.schema->next) + "}"
                     : "null";
  return out + "}";
}

std::string answer_json(const FinishDiff& diff) {
  return "{\"authDiff\":" + auth_json(diff.auth) +
         ",\"definitionDiffs\":{\"\":{}},\"componentDiffs\":{\"\":" + component_diff_json(diff) + "}}";
}

Result<void> inserted(Result<DocumentId> id) {
  if (!id.ok()) return std::move(id).error();
  return {};
}

// Replaces the only row of a table, or makes it.
Result<void> put_single_row(Transaction& transaction, std::string_view table, ValueView fields) {
  auto rows = transaction.system_rows(table);
  if (rows.empty()) return inserted(transaction.system_insert(table, fields));
  return transaction.system_replace(rows.front()->id, fields);
}

Result<void> write_import_phase(Transaction& transaction, const FinishRequest& request, FinishDiff& diff) {
  ImportPhase current = deployed_import_phase(transaction.catalog());
  const auto& next = request.import_phase;
  transaction.depend_on_system_table("_udf_config");
  if (current.server_version == next.server_version) return {};
  if (!current.server_version.empty()) diff.versions = {current.server_version, next.server_version};
  ValueBuilder b;
  b.begin_object();
  b.key("serverVersion").string(next.server_version);
  b.key("importPhaseRngSeed").bytes(next.seed);
  b.key("importPhaseUnixTimestamp").int64(next.unix_ns);
  b.end();
  return put_single_row(transaction, "_udf_config", b.finish());
}

Result<void> write_definition(Transaction& transaction, const FinishRequest& request, FinishDiff& diff) {
  ValueBuilder b;
  b.begin_object();
  b.key("path").string("");
  b.key("definition").begin_object();
  for (const char* name : {"definitionType", "envVars", "httpPrefix"})
    if (auto field = request.definition->find(name)) b.key(name).value(*field);
  b.end();
  b.end();
  HULL_CHECK_OK(put_single_row(transaction, "_component_definitions", b.finish()));
  diff.created = transaction.system_rows("_components").empty();
  if (!diff.created) return {};
  ValueBuilder root;
  root.begin_object();
  root.key("definitionId").string(transaction.system_rows("_component_definitions").front()->id.text());
  root.key("parent").null();
  root.key("name").null();
  root.key("args").begin_array().end();
  root.key("state").string("active");
  root.end();
  return inserted(transaction.system_insert("_components", root.finish()));
}

Result<std::vector<CronSpec>> pushed_crons(const FinishRequest& request) {
  auto module = request.functions.find("crons.js");
  if (module == request.functions.end()) return std::vector<CronSpec>();
  return cron_specs_of(module->second);
}

void add_text_or_null(ValueBuilder& b, const std::string& text) {
  if (text.empty())
    b.null();
  else
    b.string(text);
}

Result<void> write_audit_row(Transaction& transaction, const FinishRequest& request, const FinishDiff& diff) {
  HULL_TRY(auto component, parse_plain_json(component_diff_json(diff)));
  HULL_TRY(auto auth, parse_plain_json(auth_json(diff.auth)));
  ValueBuilder b;
  b.begin_object();
  b.key("action").string("push_config_with_components");
  b.key("member_id").null();
  b.key("metadata").begin_object();
  b.key("auth_diff").value(auth);
  b.key("component_diffs").begin_array().begin_object();
  b.key("component_path").null();
  b.key("component_diff").value(component);
  b.end().end();
  b.key("node_version_diff");
  if (diff.node_versions.changed()) {
    b.begin_object();
    add_text_or_null(b.key("previous_version"), diff.node_versions.previous);
    add_text_or_null(b.key("next_version"), diff.node_versions.next);
    b.end();
  } else {
    b.null();
  }
  if (request.message) b.key("message").string(*request.message);
  b.end();
  b.end();
  return inserted(transaction.system_insert("_deployment_audit_log", b.finish()));
}

std::set<std::string> function_paths(const std::vector<ModuleInfo>& modules) {
  std::set<std::string> paths;
  for (const ModuleInfo& module : modules)
    for (const auto& [name, function] : module.functions) paths.insert(module.path + ":" + name);
  return paths;
}

std::set<std::string> deployed_functions(const Catalog& catalog) {
  std::set<std::string> paths;
  for (const auto& row : catalog.system_rows("_modules")) {
    auto analysis = row->value->find("analyzeResult");
    if (!analysis || !analysis->is_object()) continue;
    auto functions = functions_of(*analysis);
    if (!functions.ok()) continue;  // not a row of ours
    for (const auto& [name, function] : *functions)
      paths.insert(json::text_or_empty(row->value, "path") + ":" + name);
  }
  return paths;
}

Result<void> write_modules(Transaction& transaction, const FinishRequest& request, FinishDiff& diff) {
  transaction.depend_on_system_table("_modules");
  HULL_TRY(auto plan, plan_modules(transaction.catalog(), request));
  HULL_CHECK_OK(update_function_handles(transaction, function_paths(plan.code),
                                        deployed_functions(transaction.catalog())));
  for (const auto& change : plan.changes) {
    if (change.row)
      HULL_CHECK_OK(transaction.system_replace(*change.row, change.fields));
    else
      HULL_CHECK_OK(inserted(transaction.system_insert("_modules", change.fields)));
  }
  for (const auto& row : plan.removed) HULL_CHECK_OK(transaction.system_remove(row));
  diff.modules = std::move(plan.diff);
  return {};
}

Result<FinishDiff> switch_over(Transaction& transaction, const FinishRequest& request,
                               const std::vector<EnvDeclaration>& declarations, const Knobs& knobs) {
  FinishDiff diff;
  transaction.depend_on_system_table("_environment_variables");
  transaction.depend_on_system_table("_canonical_urls");
  if (code_variables(transaction.catalog()) != request.environment)
    return Error::bad_request("RaceDetected", "Environment variables have changed during push");
  HULL_CHECK_OK(check_environment(declarations, request.environment));
  HULL_TRY(diff.auth, replace_auth_providers(transaction, request.auth));
  HULL_CHECK_OK(write_definition(transaction, request, diff));
  HULL_CHECK_OK(write_import_phase(transaction, request, diff));
  HULL_CHECK_OK(write_modules(transaction, request, diff));
  HULL_TRY(diff.node_versions,
           write_node_settings(transaction, request.node_version, request.external_packages_id));
  HULL_TRY(auto crons, pushed_crons(request));
  HULL_TRY(diff.crons, write_crons(transaction, crons, unix_nanos(), knobs.cron_splay_s));
  transaction.depend_on_system_table("_index");
  auto schema = schema_by_id(transaction.catalog(), request.schema_id);
  HULL_TRY(diff.schema, activate_schema(transaction, request.schema_id));
  diff.indexes_json = request.index_diff_json ? *request.index_diff_json
                                              : index_diff(transaction.catalog(), schema.get()).json();
  HULL_CHECK_OK(commit_indexes(transaction, schema.get()));
  HULL_CHECK_OK(write_audit_row(transaction, request, diff));
  return diff;
}

// Workers with the new code, before anybody needs them.
Result<void> prepare_workers(const DeployOptions& options, const FinishRequest& request) {
  SnapshotPtr snapshot = options.runner->engine().snapshot();
  const Catalog& catalog = *snapshot->catalog();
  HULL_TRY(auto plan, plan_modules(catalog, request));
  ImportPhase phase = deployed_import_phase(catalog);
  if (phase.server_version != request.import_phase.server_version) phase = request.import_phase;
  HULL_TRY(auto node, pushed_node_settings(catalog, request.node_version, request.external_packages_id));
  HULL_TRY(auto code,
           options.runner->code().assemble(plan.code, request.environment, phase.seed, phase.unix_ns, node));
  return options.runner->prepare(code);
}

}  // namespace

Result<std::string> finish(const DeployOptions& options, const FinishRequest& request) {
  if (request.dry_run)
    return std::string(
        "{\"authDiff\":{\"added\":[],\"removed\":[]},\"definitionDiffs\":{},\"componentDiffs\":{}}");
  HULL_TRY(auto declarations, parse_env_declarations(request.definition));
  HULL_CHECK_OK(prepare_workers(options, request));
  FinishDiff diff;
  OccConflict conflict;
  auto committed = transact(
      options.runner->engine(), *options.knobs, kSource,
      [&](Transaction& transaction) -> Result<void> {
        HULL_TRY(diff, switch_over(transaction, request, declarations, *options.knobs));
        return {};
      },
      8, &conflict);
  if (!committed.ok()) {
    if (committed.error().kind == ErrorKind::kOcc && conflict.source == kSource)
      return Error::bad_request("ConcurrentPush",
                                "Are you running multiple `npx convex dev` processes in the same directory?");
    return std::move(committed).error();
  }
  if (options.maintenance) options.maintenance->wake();
  spdlog::info("push finished modules={} added={} removed={} ts={}", request.modules.size(),
               diff.modules.added.size(), diff.modules.removed.size(), committed->ts.ns);
  return answer_json(diff);
}

}  // namespace hull
