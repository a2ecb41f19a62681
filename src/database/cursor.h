// Pagination cursors and the query journal (values-and-schema.md §8): deterministic, authenticated, bound to
// the query and the deployment. Pure functions, thread-safe.
//
//   plaintext = fingerprint[32] ‖ kind ('E' end | 'A' after) ‖ u32 LE length ‖ instance name ‖ key bytes
//   (kind 'A' only)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "database/transaction.h"

namespace hull {

struct CursorPosition {
  std::optional<std::string> after;  // index key; nullopt = the end of the range
  bool is_end() const { return !after; }
};
struct OpenCursor {
  std::string fingerprint;
  CursorPosition position;
};

// SHA-256 of the query's JSON (key order and spacing do not matter) and of the index's stored fields.
std::string query_fingerprint(std::string_view query_json, const std::vector<std::string>& index_fields);

std::string seal_cursor(const CursorContext& context, std::string_view fingerprint,
                        const CursorPosition& position);
// Bad request InvalidCursor if it is not a cursor of this deployment.
Result<OpenCursor> open_cursor(const CursorContext& context, std::string_view cursor);

// The ConvexError InvalidCursor: the fingerprint is not the query's.
Error cursor_of_another_query();

}  // namespace hull
