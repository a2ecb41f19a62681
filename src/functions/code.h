// Code: one version of what was pushed: modules with their analysis, environment variables and import-phase
// seed. Immutable, shared. It is named by a key made from its content, so a restart or an equal push finds
// the same key.
//
// Rows behind it (system tables): _modules {path, environment, sha256 (hex), sourcePackageId (blob key),
// analyzeResult (the exact JSON of deploy-and-cli.md §2.5 "Analyzed module" as a Convex value, or null)},
// _udf_config {serverVersion, importPhaseRngSeed bytes, importPhaseUnixTimestamp int64 ns},
// _environment_variables {name, value}. What a source package is: package.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "database/catalog.h"
#include "functions/node_settings.h"
#include "functions/package.h"
#include "value/names.h"
#include "value/validator.h"

namespace hull {

struct FunctionInfo {
  std::string name;
  std::string udf_type;  // Query Mutation Action
  bool is_public = true;
  std::shared_ptr<const Validator> args;     // null = unvalidated
  std::shared_ptr<const Validator> returns;  // null = unvalidated
};
struct ModuleInfo {
  std::string path, sha256, environment, package_key;
  std::map<std::string, FunctionInfo> functions;
};

// Reads a text of a module.
using LoadText = std::function<Result<std::string>(const std::string& path, ModuleText which)>;

class Code {
 public:
  const std::string& key() const { return key_; }
  const std::map<std::string, ModuleInfo>& modules() const { return modules_; }
  const FunctionInfo* find(const FunctionPath& path) const;
  const std::map<std::string, std::string>& env() const { return env_; }  // user and system variables
  const std::string& import_seed() const { return import_seed_; }         // 32 bytes
  double import_time_ms() const { return import_time_ms_; }
  const NodeSettings& node() const { return node_; }
  // Source or source map of a module, read from its package each time ("" = no map). Thread-safe.
  Result<std::string> text(const std::string& path, ModuleText which) const;
  // Modules that hold functions or HTTP routes: entries of the snapshot.
  std::vector<std::string> entries() const;

  struct Parts {
    std::map<std::string, ModuleInfo> modules;
    std::map<std::string, std::string> env;
    std::string import_seed;
    double import_time_ms = 0;
    NodeSettings node;
    LoadText load;  // thread-safe
  };
  static std::shared_ptr<const Code> make(Parts parts);  // computes the key

 private:
  std::string key_;
  std::map<std::string, ModuleInfo> modules_;
  std::map<std::string, std::string> env_;
  std::string import_seed_;
  double import_time_ms_ = 0;
  NodeSettings node_;
  LoadText load_;
};

// Builds Code from a catalog and remembers recent versions. Thread-safe.
class CodeLoader {
 public:
  virtual ~CodeLoader() = default;
  virtual Result<std::shared_ptr<const Code>> load(const Catalog& catalog) = 0;
  // Code as it would be with these modules and variables (a push before its commit); the variables include
  // what overrides the URLs that every deployment has.
  virtual Result<std::shared_ptr<const Code>> assemble(const std::vector<ModuleInfo>& modules,
                                                       const std::map<std::string, std::string>& variables,
                                                       const std::string& import_seed, int64_t import_time_ns,
                                                       const NodeSettings& node) = 0;
  // Keys of the packages that Code objects still in use read from.
  virtual std::vector<std::string> packages_in_use() = 0;
};

// Input and outcome of analysis (deploy-and-cli.md §3); see worker/protocol.proto for the meaning of each
// part.
struct AnalysisRequest {
  struct Module {
    std::string path, environment = "isolate";
  };
  std::vector<Module> modules;                // everything importable
  std::vector<std::string> function_modules;  // to analyse
  std::vector<std::string> node_modules;      // to analyse as Node.js modules
  NodeSettings node;
  std::string http_module, crons_module;                      // "" = none
  std::string schema_module, auth_module, definition_module;  // "" = none
  LoadText text;                                              // of any of them
  std::map<std::string, std::string> env;
  std::string import_seed;
  double import_time_ms = 0;
};
struct AnalyzedFunction {
  std::string name, udf_type, visibility, args_json, returns_json;
  int line = 0, column = 0;
};
struct AnalyzedModule {
  std::string path;
  std::vector<AnalyzedFunction> functions;
  std::optional<std::vector<std::pair<std::string, std::string>>> http_routes;  // (path, method)
  std::optional<std::string> crons_json;
};
struct AnalysisOutcome {
  std::vector<AnalyzedModule> modules;
  std::string schema_json, auth_json, definition_json;
  // Failure of user code: module, text form of the error, spec code if it has one.
  struct Failure {
    std::string module, text, code;
  };
  std::optional<Failure> failure;
};

}  // namespace hull
