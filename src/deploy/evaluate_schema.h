// evaluate_schema (deploy-and-cli.md §2.9): what submitting a schema would mean for the data there is, for
// the CLI's warnings. Reads one snapshot, changes nothing. Thread-safe; blocking.
#pragma once

#include <string>

#include "database/snapshot.h"
#include "value/schema.h"

namespace hull {

// The response body; `schema` null = the push has none.
Result<std::string> evaluate_schema(const Snapshot& snapshot, const Schema* schema);

}  // namespace hull
