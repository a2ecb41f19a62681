// The body of start_push, evaluate_push and evaluate_schema (deploy-and-cli.md §2.4): parsed and checked,
// paths canonical. Whatever cannot be interpreted is 400 BadJsonBody (shape) or InvalidConfig (content).
// Plain data and pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "functions/code.h"
#include "value/value.h"

namespace hull {

struct UnchangedModule {
  std::string path, environment, sha256;  // sha256 in lower case
};
struct PushRequest {
  bool dry_run = false, for_codegen = false;
  std::string functions_dir;
  NodeSettings node;
  std::optional<ModuleSource> definition, schema;
  std::vector<ModuleSource> changed;
  std::vector<UnchangedModule> unchanged;
  std::string server_version;
  std::vector<std::string> component_paths;  // definitions other than the app's

  // `body`: parsed by parse_plain_json.
  static Result<PushRequest> parse(ValueView body);

  // Some module runs on Node.js.
  bool uses_node() const;
};

// What this server cannot run: child components, "use node" in modules that are no functions of their own.
Result<void> check_supported(const PushRequest& request);

}  // namespace hull
