#include "database/cursor.h"

#include <cstring>

#include "base/digest.h"
#include "base/envelope.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr uint8_t kVersion = 7;
constexpr std::string_view kCursorPurpose = "cursor";
constexpr std::string_view kJournalPurpose = "query journal";
constexpr size_t kFingerprintSize = 32;
constexpr size_t kHeaderSize = kFingerprintSize + 1 + 4;

// Clients that know this data start the pagination again (sync-protocol.md §8.6).
Error invalid_cursor(std::string text) {
  Error error = Error::bad_request("InvalidCursor", std::move(text));
  error.data_json = R"({"isConvexSystemError":true,"paginationError":"InvalidCursor"})";
  return error;
}

Error not_a_cursor() { return invalid_cursor("Failed to parse cursor"); }

}  // namespace

std::string query_fingerprint(std::string_view query_json, const std::vector<std::string>& index_fields) {
  auto parsed = parse_plain_json(query_json);
  std::string text = parsed.ok() ? to_plain_json(*parsed) : std::string(query_json);
  for (const auto& field : index_fields) {
    text += '\0';
    text += field;
  }
  return sha256(text);
}

std::string seal_cursor(const CursorContext& context, std::string_view fingerprint,
                        const CursorPosition& position) {
  std::string plain(fingerprint);
  plain += position.is_end() ? 'E' : 'A';
  uint32_t length = static_cast<uint32_t>(context.instance_name.size());
  for (int shift = 0; shift < 32; shift += 8) plain += static_cast<char>(length >> shift);
  plain += context.instance_name;
  if (position.after) plain += *position.after;
  return context.secret->seal_deterministic(kCursorPurpose, kVersion, plain);
}

Result<OpenCursor> open_cursor(const CursorContext& context, std::string_view cursor) {
  auto plain = context.secret->open_deterministic(kCursorPurpose, kVersion, cursor);
  if (!plain || plain->size() < kHeaderSize) return not_a_cursor();
  uint32_t length = 0;
  for (int i = 0; i < 4; ++i)
    length |= static_cast<uint32_t>(static_cast<unsigned char>((*plain)[kFingerprintSize + 1 + i]))
              << (8 * i);
  if (length > plain->size() - kHeaderSize) return not_a_cursor();
  if (plain->substr(kHeaderSize, length) != context.instance_name) return not_a_cursor();
  OpenCursor open{plain->substr(0, kFingerprintSize), {}};
  if ((*plain)[kFingerprintSize] == 'A') open.position.after = plain->substr(kHeaderSize + length);
  return open;
}

Error cursor_of_another_query() {
  return invalid_cursor(
      "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this cursor is from a "
      "different query.");
}

std::string seal_journal(const CursorContext& context, std::string_view end_cursor) {
  return context.secret->seal_deterministic(kJournalPurpose, kVersion, end_cursor);
}

std::optional<std::string> open_journal(const CursorContext& context, std::string_view journal) {
  return context.secret->open_deterministic(kJournalPurpose, kVersion, journal);
}

}  // namespace hull
