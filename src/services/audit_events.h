// The audit log page by page, oldest first (http-api.md §7.3 `list_audit_log_events`). Reads one snapshot,
// blocking; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "database/snapshot.h"

namespace hull {

// The response body: events from `from_ms` on, or after `cursor`, the `nextCursor` of an earlier page. Error:
// 400 InvalidCursor.
Result<std::string> audit_events(const Snapshot& snapshot, double from_ms,
                                 const std::optional<std::string>& cursor, size_t limit);

}  // namespace hull
