// wait_for_schema (deploy-and-cli.md §2.6): where validation and back-filling of a push stand; a long poll
// that is woken by commits to `_schemas` and `_index`. Thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/knobs.h"
#include "database/engine.h"
#include "value/id.h"

namespace hull {

struct SchemaStatus {
  bool in_progress = false;
  std::string json;  // the response body
};
SchemaStatus schema_status(const Catalog& catalog, const std::optional<DocumentId>& schema_id);

// Blocks until the push is no longer in progress, its progress changes, or the time is up; answers the
// response body.
std::string wait_for_schema(Engine& engine, const Knobs& knobs, const std::optional<DocumentId>& schema_id,
                            std::chrono::milliseconds timeout);

}  // namespace hull
