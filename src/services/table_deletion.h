// Deleting whole tables (http-api.md §7.1 `delete_tables`). Blocking: not for I/O threads. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/knobs.h"
#include "base/result.h"
#include "database/engine.h"

namespace hull {

// All of them or none. Errors: 404 TableNotFound, 400 SchemaEnforcementError if the active schema needs one.
Result<void> delete_tables(Engine& engine, const Knobs& knobs, const std::vector<std::string>& names);

}  // namespace hull
