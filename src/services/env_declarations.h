// Environment variables that the app declares in convex.config.ts (deploy-and-cli.md §2.5 "envVars"): which
// must be set and what their values must look like. Plain data and pure functions, thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "database/catalog.h"
#include "value/validator.h"

namespace hull {

struct EnvDeclaration {
  std::string name;
  std::shared_ptr<const Validator> validator;
  bool optional = false;
};

// `definition`: the evaluated definition of the root app. Error: 400 InvalidEnvVarDeclaration.
Result<std::vector<EnvDeclaration>> parse_env_declarations(ValueView definition);
// Of the deployed app (its `_component_definitions` row); none before the first push.
std::vector<EnvDeclaration> deployed_env_declarations(const Catalog& catalog);

// 400 InvalidEnvironmentVariable if a set variable does not fit its declaration.
Result<void> check_declared_value(const EnvDeclaration& declaration, const std::string& value);
// Also 400 MissingEnvironmentVariables for required ones that are not set.
Result<void> check_environment(const std::vector<EnvDeclaration>& declarations,
                               const std::map<std::string, std::string>& environment);

}  // namespace hull
