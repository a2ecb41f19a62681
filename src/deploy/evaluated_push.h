// Everything that a push is found to be before the database is touched (deploy-and-cli.md §2.4 steps 1-4):
// sources, analysis, auth providers, schema, definition, import-phase seed. Plain data, made by evaluate().
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "deploy/deploy.h"
#include "deploy/push_request.h"
#include "services/auth_providers.h"
#include "services/env_declarations.h"
#include "value/schema.h"

namespace hull {

// What module-level code sees of time and randomness; new only when the npm package's version changes.
struct ImportPhase {
  std::string server_version, seed;
  int64_t unix_ns = 0;
};
// Of the deployed code; an empty version before the first push.
ImportPhase deployed_import_phase(const Catalog& catalog);

struct EvaluatedPush {
  std::map<std::string, std::string> environment;  // user variables
  std::string package_key;
  std::vector<AuthProvider> auth;
  std::shared_ptr<const Schema> schema;          // null = none
  std::string definition_json;                   // with "path"
  std::map<std::string, std::string> functions;  // module path -> analyzed module JSON
  std::string http_routes_json;
  ImportPhase import_phase;
  NodeSettings node;
  std::string external_packages_id;  // row of _external_packages, "" = no dependencies

  // Members "analysis" ... "environmentVariables" of the answer, without "schemaChange".
  std::string answer_json() const;
};

// Errors have no "Hit an error while pushing:" prefix yet.
Result<EvaluatedPush> evaluate(const DeployOptions& options, PushRequest request);

}  // namespace hull
