// The rows that remember what a deployment asks of Node.js (functions/node_settings.h): lists of external
// packages and the settings of the deployed code. Used inside the transactions of pushes.
#pragma once

#include <optional>
#include <string>

#include "database/transaction.h"
#include "functions/node_settings.h"

namespace hull {

// The row of _external_packages for these dependencies, made if there is none; "" without dependencies.
Result<std::string> record_external_packages(Transaction& transaction, const NodeSettings& settings);

// Settings that a push names. Error: 400 BadJsonBody if there is no such row.
Result<NodeSettings> pushed_node_settings(const Catalog& catalog, const std::string& version,
                                          const std::optional<DocumentId>& external_packages);

struct NodeVersions {
  std::string previous, next;  // "" = any
  bool changed() const { return previous != next; }
};
// Makes them those of the deployed code.
Result<NodeVersions> write_node_settings(Transaction& transaction, const std::string& version,
                                         const std::optional<DocumentId>& external_packages);

}  // namespace hull
