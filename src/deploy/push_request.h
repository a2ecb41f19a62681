// The body of start_push, evaluate_push and evaluate_schema (deploy-and-cli.md §2.4): parsed and checked,
// paths canonical. Whatever cannot be interpreted is 400 BadJsonBody (shape) or InvalidConfig (content).
// Sources and source maps, most of a body of up to 200 MB, are compressed while it is read. Plain data and
// pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "functions/code.h"
#include "value/value.h"

namespace hull {

struct PushedModule {
  std::string path, environment, sha256;
  PackedText source, source_map;
};
struct UnchangedModule {
  std::string path, environment, sha256;  // sha256 in lower case
};
// The JSON of a body with its long texts set apart: an Int64 n in `json` stands for texts[n].
struct PushBody {
  Value json;
  std::vector<PackedText> texts;

  // Error: text that is not JSON.
  static Result<PushBody> parse(std::string body);
};

struct PushRequest {
  bool dry_run = false, for_codegen = false;
  std::string functions_dir;
  NodeSettings node;
  std::optional<PushedModule> definition, schema;
  std::vector<PushedModule> changed;
  std::vector<UnchangedModule> unchanged;
  std::string server_version;
  std::vector<std::string> component_paths;  // definitions other than the app's

  static Result<PushRequest> parse(PushBody body);

  // Some module runs on Node.js.
  bool uses_node() const;
};

// What this server cannot run: child components, "use node" in modules that are no functions of their own.
Result<void> check_supported(const PushRequest& request);

}  // namespace hull
