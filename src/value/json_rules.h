// What both readers of Convex JSON (text and plain values) enforce, private to this room.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "value/json.h"
#include "value/value.h"

namespace hull {

inline constexpr size_t kMaxValueSize = size_t{1} << 25;
inline constexpr size_t kMaxNesting = 64;
inline constexpr size_t kMaxArrayLength = 8192;
inline constexpr size_t kMaxFields = 1024;

Error not_json(std::string_view cause);
Error value_too_large(size_t size);
Error too_nested(size_t levels);
Result<void> check_array_length(size_t count);
Result<void> check_field_count(size_t count);

// The encodings {"$tag": payload}.
enum class Special { kNone, kBytes, kInteger, kFloat, kUndefined, kCommitTs };
// What `key` means as the only key of an object inside `depth` other containers; kNone: an ordinary name,
// legal or not. `in_object`: the innermost of those containers is an object.
Special special_of(std::string_view key, const JsonParseOptions& options, size_t depth, bool in_object);
inline bool takes_text(Special special) {
  return special == Special::kBytes || special == Special::kInteger || special == Special::kFloat;
}
Error payload_not_text(std::string_view key);
Error payload_not_null(std::string_view key);
// Decodes the payload of a special that takes text; gives its convex size.
Result<size_t> build_from_text(Special special, std::string_view text, ValueBuilder& out);
// Builds kUndefined or kCommitTs; gives its convex size.
size_t build_token(Special special, ValueBuilder& out);

}  // namespace hull
