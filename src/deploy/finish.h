// finish_push: the switch to the pushed code (deploy-and-cli.md §2.7, §4.4, §4.5). finish() prepares workers
// with the new code, then changes modules, import phase, auth, crons, schema and indexes in one transaction.
// Blocking, thread-safe.
#pragma once

#include <string>

#include "deploy/deploy.h"
#include "deploy/finish_request.h"

namespace hull {

// Answers the response body. Errors have no "Hit an error while pushing:" prefix yet.
Result<std::string> finish(const DeployOptions& options, const FinishRequest& request);

// Module paths that appeared and went, as the CLI shows them.
struct ModuleDiff {
  std::vector<std::string> added, removed;
};
// What finish() will write into `_modules`: the rows that change, and the code as it will be.
struct ModulePlan {
  struct Change {
    std::optional<DocumentId> row;  // nullopt = insert
    Value fields;
  };
  std::vector<Change> changes;
  std::vector<DocumentId> removed;
  std::vector<ModuleInfo> code;
  ModuleDiff diff;
};
Result<ModulePlan> plan_modules(const Catalog& catalog, const FinishRequest& request);

}  // namespace hull
