// Deployment environment variables: rules, limits and change (deploy-and-cli.md §1.7). Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "functions/runner.h"

namespace hull {

struct EnvChange {
  std::string name;
  std::optional<std::string> value;  // nullopt = delete
};

std::map<std::string, std::string> user_environment(const Catalog& catalog);

// The variables after the changes (deletes before sets), or the first broken rule. Pure.
Result<std::map<std::string, std::string>> apply_env_changes(std::map<std::string, std::string> environment,
                                                             const std::vector<EnvChange>& changes,
                                                             const Knobs& knobs);

// Applies all changes in one transaction (retried on conflict) after re-evaluating auth.config.js and
// preparing workers with the new variables. May be called from any thread that may block: it runs workers.
Result<void> change_environment(FunctionRunner& runner, const Knobs& knobs, std::vector<EnvChange> changes);

}  // namespace hull
