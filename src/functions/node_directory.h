// The Node.js modules of one code version on disk, as an executor imports them: `modules/<path>` with source
// maps, `package.json`, and `node_modules` if there are external packages. Removed with the object, which
// every process that uses it holds. Immutable.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "functions/code.h"

namespace hull {

class NodeDirectory {
 public:
  // Calls `each` of the argument with the modules. `packages`: a node_modules directory, "" = none.
  using Modules = std::function<Result<void>(const std::function<Result<void>(const ModuleSource&)>& each)>;
  static Result<std::shared_ptr<const NodeDirectory>> make(std::string path, const Modules& modules,
                                                           const std::string& packages);
  ~NodeDirectory();
  NodeDirectory(const NodeDirectory&) = delete;
  NodeDirectory& operator=(const NodeDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit NodeDirectory(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

}  // namespace hull
