// Inferred shapes of tables (http-api.md §7.1 `shapes2`): an approximation from the newest documents of each
// table, for the dashboard. Reads one snapshot, blocking; thread-safe.
#pragma once

#include <string>

#include "database/snapshot.h"

namespace hull {

// Object of table name -> shape.
Result<std::string> table_shapes(const Snapshot& snapshot);

}  // namespace hull
