// The Range header of a request (RFC 9110 §14) for content of a known size. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hull {

struct ByteRange {
  enum class Kind {
    kWhole,          // no range was asked for, or nothing that can be understood
    kPart,           // 206
    kUnsatisfiable,  // 416
  } kind = Kind::kWhole;
  uint64_t first = 0, size = 0;  // kPart; size > 0

  bool operator==(const ByteRange&) const = default;
};

// Several ranges in one request are not served: they are unsatisfiable. Of empty content there are no parts.
ByteRange choose_range(std::optional<std::string_view> header, uint64_t size);

// Whether an If-None-Match header names `etag` (with its quotes); weak comparison.
bool etag_matches(std::string_view if_none_match, std::string_view etag);

}  // namespace hull
