#include "services/environment.h"

#include <algorithm>
#include <array>

#include "functions/canonical_urls.h"
#include "services/audit_log.h"
#include "services/env_declarations.h"
#include "services/json_fields.h"
#include "services/variable_change.h"

namespace hull {
namespace {

constexpr size_t kMaxNameBytes = 256;
constexpr size_t kMaxValueBytes = 8192;
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
    ValueBuilder metadata;
    metadata.begin_object().key("variable_name").string(name).end();
    return append_audit_row(transaction, action, metadata.finish());
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

Result<void> change_environment(FunctionRunner& runner, const Knobs& knobs, std::vector<EnvChange> changes) {
  return change_variables(
      runner, knobs, "_system/change_environment", [&](const Catalog& catalog) -> Result<VariableChange> {
        HULL_TRY(auto after, apply_env_changes(user_environment(catalog), changes, knobs));
        HULL_CHECK_OK(check_declarations(catalog, changes, after));
        VariableChange change;
        change.variables = canonical_url_variables(catalog);
        change.variables.insert(after.begin(), after.end());
        change.write = [after = std::move(after)](Transaction& transaction) {
          return write_rows(transaction, after);
        };
        return change;
      });
}

}  // namespace hull
