// One subscribed query of one socket: what the client asked for, the shared result it currently stands on,
// and what was last reported. Owned by its SyncSession and used on that session's strand only
// (sync-protocol.md §5).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "functions/query_cache.h"
#include "server/outgoing_message.h"
#include "server/sync_messages.h"

namespace hull {

struct SyncQuery {
  uint32_t id = 0;
  FunctionReference function;
  std::optional<std::string> journal;  // from Add, then from the last run

  CachedQueryPtr entry;  // null until the first run; shared with every other session that asked the same
  IdentityPtr entry_identity;  // what it was run as, or one that functions cannot tell from it
  std::shared_ptr<void> watch;
  std::optional<std::string> reported_hash;  // of the last modification sent on this socket
};

// Appends {"type":"QueryUpdated"|"QueryFailed",...} for a run.
void append_query_result(OutgoingMessage& message, uint32_t query_id, const CachedQuery& entry, bool redact);
// The same for a query that cannot be run at all. `text` ends with a newline.
void append_query_failure(OutgoingMessage& message, uint32_t query_id, std::string_view text,
                          std::string_view request_id, bool redact);
void append_query_removed(OutgoingMessage& message, uint32_t query_id);

// The text form every failure takes towards a client: "[Request ID: x] Server Error" and, unless redacted,
// the error.
std::string failure_text(std::string_view request_id, std::string_view text, bool redact);

}  // namespace hull
