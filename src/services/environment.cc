#include "services/environment.h"

#include <algorithm>
#include <array>

#include "services/auth_providers.h"
#include "services/env_declarations.h"
#include "services/json_fields.h"
#include "services/transact.h"

namespace hull {
namespace {

constexpr size_t kMaxNameBytes = 256;
constexpr size_t kMaxValueBytes = 8192;
constexpr int kMaxRounds = 8;
constexpr std::array<std::string_view, 2> kBuiltIn{"CONVEX_CLOUD_URL", "CONVEX_SITE_URL"};

Result<void> check_name(const std::string& name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  bool valid = !name.empty() && letter(name[0]);
  for (char c : name) valid = valid && (letter(c) || (c >= '0' && c <= '9'));
  if (!valid)
    return Error::bad_request("EnvironmentVariableNameInvalid",
                              "Environment variable name \"" + name +
                                  "\" is invalid: it must start with a letter or underscore and only contain "
                                  "letters, digits and underscores.");
  if (name.size() > kMaxNameBytes)
    return Error::bad_request("EnvironmentVariableNameTooLong",
                              "Environment variable name is too long (" + std::to_string(name.size()) +
                                  " > maximum " + std::to_string(kMaxNameBytes) + ").");
  if (std::find(kBuiltIn.begin(), kBuiltIn.end(), name) != kBuiltIn.end())
    return Error::bad_request("EnvVarNameForbidden", "Environment variable with name \"" + name +
                                                         "\" is built in and cannot be changed.");
  return {};
}

Result<void> check_declarations(const Catalog& catalog, const std::vector<EnvChange>& changes,
                                const std::map<std::string, std::string>& after) {
  for (const auto& declaration : deployed_env_declarations(catalog)) {
    for (const auto& change : changes) {
      if (change.name != declaration.name) continue;
      auto it = after.find(change.name);
      if (it != after.end()) {
        HULL_CHECK_OK(check_declared_value(declaration, it->second));
      } else if (!declaration.optional) {
        return Error::bad_request("RequiredEnvironmentVariable",
                                  "Environment variable " + change.name +
                                      " is declared as required in convex.config.ts and cannot be removed.");
      }
    }
  }
  return {};
}

Result<std::vector<AuthProvider>> evaluate_auth_config(FunctionRunner& runner, const Code& code,
                                                       const std::map<std::string, std::string>& before,
                                                       const std::map<std::string, std::string>& after) {
  AnalysisRequest request;
  request.auth_module = "auth.config.js";
  request.text = [&code](const std::string& path, ModuleText which) { return code.text(path, which); };
  request.env = code.env();
  for (const auto& [name, value] : before) request.env.erase(name);
  for (const auto& [name, value] : after) request.env[name] = value;
  request.import_seed = code.import_seed();
  request.import_time_ms = code.import_time_ms();
  HULL_TRY(auto outcome, runner.analyze(request));
  auto refused = [](const std::string& why) {
    return Error::bad_request("InvalidAuthConfig", "This change would make the auth config invalid: " + why);
  };
  if (outcome.failure) {
    if (outcome.failure->code == "AuthConfigMissingEnvironmentVariable")
      return Error::bad_request(outcome.failure->code, outcome.failure->text);
    constexpr std::string_view kPushPrefix = "The pushed auth config is invalid: ";
    std::string text = outcome.failure->text;
    if (text.starts_with(kPushPrefix)) text.erase(0, kPushPrefix.size());
    return refused(text);
  }
  auto providers = parse_auth_config(outcome.auth_json);
  if (!providers.ok()) return refused(providers.error().message);
  return std::move(*providers);
}

Value audit_row(std::string_view action, const std::string& name) {
  ValueBuilder b;
  b.begin_object();
  b.key("action").string(action);
  b.key("member_id").null();
  b.key("metadata").begin_object().key("variable_name").string(name).end();
  b.end();
  return b.finish();
}

Value variable_row(const std::string& name, const std::string& value) {
  ValueBuilder b;
  b.begin_object().key("name").string(name).key("value").string(value).end();
  return b.finish();
}

Result<void> write_rows(Transaction& transaction, const std::map<std::string, std::string>& after) {
  std::map<std::string, DocumentPtr> rows;
  for (const auto& row : transaction.system_rows("_environment_variables"))
    rows[json::text_or_empty(row->value, "name")] = row;
  auto audit = [&](std::string_view action, const std::string& name) -> Result<void> {
    auto id = transaction.system_insert("_deployment_audit_log", audit_row(action, name));
    if (!id.ok()) return std::move(id).error();
    return {};
  };
  for (const auto& [name, row] : rows) {
    if (after.contains(name)) continue;
    HULL_CHECK_OK(transaction.system_remove(row->id));
    HULL_CHECK_OK(audit("delete_environment_variable", name));
  }
  for (const auto& [name, value] : after) {
    auto row = rows.find(name);
    if (row == rows.end()) {
      auto id = transaction.system_insert("_environment_variables", variable_row(name, value));
      HULL_CHECK_OK(id);
      HULL_CHECK_OK(audit("create_environment_variable", name));
    } else if (json::text_or_empty(row->second->value, "value") != value) {
      HULL_CHECK_OK(transaction.system_replace(row->second->id, variable_row(name, value)));
      HULL_CHECK_OK(audit("update_environment_variable", name));
    }
  }
  return {};
}

// One attempt against the state of now. False: something it was based on changed meanwhile.
Result<bool> try_change(FunctionRunner& runner, const Knobs& knobs, const std::vector<EnvChange>& changes) {
  SnapshotPtr snapshot = runner.engine().snapshot();
  const Catalog& catalog = *snapshot->catalog();
  auto before = user_environment(catalog);
  HULL_TRY(auto after, apply_env_changes(before, changes, knobs));
  HULL_CHECK_OK(check_declarations(catalog, changes, after));
  HULL_TRY(auto code, runner.code().load(catalog));
  std::optional<std::vector<AuthProvider>> providers;
  if (code->modules().contains("auth.config.js")) {
    HULL_TRY(auto evaluated, evaluate_auth_config(runner, *code, before, after));
    providers = std::move(evaluated);
  }
  if (after != before && !code->modules().empty()) {
    HULL_TRY(auto modules, deployed_modules(runner, catalog));
    HULL_TRY(auto next,
             runner.code().assemble(modules, after, code->import_seed(),
                                    static_cast<int64_t>(code->import_time_ms()) * 1'000'000, code->node()));
    HULL_CHECK_OK(runner.prepare(next));
  }
  bool stale = false;
  auto committed = transact(
      runner.engine(), knobs, "_system/change_environment", [&](Transaction& transaction) -> Result<void> {
        transaction.depend_on_system_table("_modules");
        const Catalog& now = transaction.catalog();
        stale =
            now.version_of("_modules") != catalog.version_of("_modules") || user_environment(now) != before;
        if (stale) return {};
        HULL_CHECK_OK(write_rows(transaction, after));
        if (providers) HULL_CHECK_OK(replace_auth_providers(transaction, *providers));
        return {};
      });
  HULL_CHECK_OK(committed);
  return !stale;
}

}  // namespace

std::map<std::string, std::string> user_environment(const Catalog& catalog) {
  std::map<std::string, std::string> result;
  for (const auto& row : catalog.system_rows("_environment_variables"))
    result[json::text_or_empty(row->value, "name")] = json::text_or_empty(row->value, "value");
  return result;
}

Result<std::map<std::string, std::string>> apply_env_changes(std::map<std::string, std::string> environment,
                                                             const std::vector<EnvChange>& changes,
                                                             const Knobs& knobs) {
  for (const auto& change : changes) {
    HULL_CHECK_OK(check_name(change.name));
    if (change.value && change.value->size() > kMaxValueBytes)
      return Error::bad_request("EnvironmentVariableValueTooLarge",
                                "Environment variable value is too large (" +
                                    std::to_string(change.value->size()) + " > maximum " +
                                    std::to_string(kMaxValueBytes) + ").");
  }
  for (const auto& change : changes)
    if (!change.value) environment.erase(change.name);
  bool grew = false;
  for (const auto& change : changes) {
    if (!change.value) continue;
    grew = true;
    environment[change.name] = *change.value;
  }
  if (!grew) return environment;
  if (environment.size() > knobs.env_var_limit)
    return Error::bad_request("EnvVarLimitMet", "The environment variable limit (" +
                                                    std::to_string(knobs.env_var_limit) + ") has been met.");
  size_t total = 0;
  for (const auto& [name, value] : environment) total += name.size() + value.size();
  if (total > knobs.env_var_total_size)
    return Error::bad_request("EnvVarTotalSizeLimitMet",
                              "The total size of environment variables (" + std::to_string(total) +
                                  " bytes) exceeds the limit (" + std::to_string(knobs.env_var_total_size) +
                                  " bytes).");
  return environment;
}

Result<std::vector<ModuleInfo>> deployed_modules(FunctionRunner& runner, const Catalog& catalog) {
  HULL_TRY(auto code, runner.code().load(catalog));
  std::vector<ModuleInfo> modules;
  for (const auto& [path, info] : code->modules()) modules.push_back(info);
  return modules;
}

Result<void> change_environment(FunctionRunner& runner, const Knobs& knobs, std::vector<EnvChange> changes) {
  for (int round = 0; round < kMaxRounds; ++round) {
    HULL_TRY(bool done, try_change(runner, knobs, changes));
    if (done) return {};
  }
  return Error{ErrorKind::kOcc, "OptimisticConcurrencyControlFailure",
               "Environment variables changed while this change was being made. Try again.", std::nullopt};
}

}  // namespace hull
