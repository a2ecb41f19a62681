// Changing what functions read from process.env, one way for all of it: environment variables and canonical
// URLs (deploy-and-cli.md §1.7). The stored auth config is evaluated with the new values and workers are made
// ready before the change is committed, all in one step. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "functions/runner.h"

namespace hull {

// User variables and canonical URLs as of a catalog.
std::map<std::string, std::string> code_variables(const Catalog& catalog);

struct VariableChange {
  std::map<std::string, std::string> variables;     // code_variables() after the change
  std::function<Result<void>(Transaction&)> write;  // writes the rows; may run several times
};

// `plan` works the change out from a state of the deployment; it is asked again if that state has changed
// before the commit. Blocks (it runs workers). Errors: those of `plan`, 400 InvalidAuthConfig and
// AuthConfigMissingEnvironmentVariable.
Result<void> change_variables(FunctionRunner& runner, const Knobs& knobs, const std::string& source,
                              const std::function<Result<VariableChange>(const Catalog&)>& plan);

}  // namespace hull
