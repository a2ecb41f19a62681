// External packages of Node.js actions: `node_modules` directories made by npm, one per list of dependencies
// and major version of Node.js (native modules are bound to it), kept in the data directory. What is missing,
// for example after a restore from a backup, is installed anew when it is needed. Thread-safe; calls block,
// for minutes if something is installed.
#pragma once

#include <mutex>
#include <string>

#include "functions/node_runtime.h"
#include "functions/node_settings.h"

namespace hull {

class NodePackages {
 public:
  NodePackages(ForkThread* forks, std::string directory);

  // The node_modules directory, "" if there are no dependencies. Errors: 400 InvalidExternalModules with what
  // npm says, ModulesTooLarge.
  Result<std::string> ensure(const NodeSettings& settings, const NodeExecutable& node);

 private:
  Result<void> install(const NodeSettings& settings, const NodeExecutable& node, const std::string& target);
  void forget_oldest();

  ForkThread* const forks_;
  const std::string directory_;
  std::mutex installing_;
};

}  // namespace hull
