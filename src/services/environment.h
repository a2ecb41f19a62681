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

// Applies all changes in one transaction (retried on conflict), prepares the workers for the new code first, then calls done.
// May be called from any thread; blocks for the preparation, so call it from a worker thread.
Result<void> change_environment(FunctionRunner& runner, const Knobs& knobs, std::vector<EnvChange> changes);

}  // namespace hull
