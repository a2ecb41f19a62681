// What a deployment asks of Node.js: a version and external packages (deploy-and-cli.md §2.10,
// auth-and-node.md §6). Rows behind it: _external_packages {storageKey, dependencies: [{name, version}]}, one
// per distinct list; _source_packages {externalPackageId or null, nodeVersion or null}, at most one, of the
// deployed code. Plain data.
#pragma once

#include <string>
#include <vector>

#include "database/catalog.h"

namespace hull {

struct NodeDependency {
  std::string name, version;  // the exact version
  auto operator<=>(const NodeDependency&) const = default;
};

struct NodeSettings {
  std::string version;                       // "20", "22", "24"; "" = any
  std::vector<NodeDependency> dependencies;  // sorted
  bool operator==(const NodeSettings&) const = default;
  bool empty() const { return version.empty() && dependencies.empty(); }
  // Names the list of dependencies.
  std::string dependencies_key() const;
};

// Of the deployed code.
NodeSettings node_settings_of(const Catalog& catalog);
// The dependencies in a row of _external_packages.
std::vector<NodeDependency> dependencies_of(ValueView row);

}  // namespace hull
