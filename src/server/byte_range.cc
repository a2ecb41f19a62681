#include "server/byte_range.h"

#include <algorithm>

#include "server/http_types.h"

namespace hull {
namespace {

// Digits only; what is too large for 64 bits is larger than any content. nullopt if it is no number.
std::optional<uint64_t> number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    auto digit = static_cast<uint64_t>(c - '0');
    value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
  }
  return value;
}

ByteRange part(uint64_t first, uint64_t size) { return {ByteRange::Kind::kPart, first, size}; }

}  // namespace

ByteRange choose_range(std::optional<std::string_view> header, uint64_t size) {
  const ByteRange whole, unsatisfiable{ByteRange::Kind::kUnsatisfiable, 0, 0};
  if (!header || size == 0) return whole;
  size_t equals = header->find('=');
  if (equals == std::string_view::npos || !equals_ignoring_case(trim(header->substr(0, equals)), "bytes"))
    return whole;
  std::string_view range = trim(header->substr(equals + 1));
  if (range.find(',') != std::string_view::npos) return unsatisfiable;
  size_t dash = range.find('-');
  if (dash == std::string_view::npos) return whole;
  std::string_view first_text = trim(range.substr(0, dash)), last_text = trim(range.substr(dash + 1));
  auto first = number(first_text), last = number(last_text);
  if (first_text.empty()) {
    if (!last) return whole;
    uint64_t suffix = std::min(*last, size);
    return suffix == 0 ? unsatisfiable : part(size - suffix, suffix);
  }
  if (!first || (!last && !last_text.empty()) || (last && *last < *first)) return whole;
  if (*first >= size) return unsatisfiable;
  uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return part(*first, end - *first + 1);
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    size_t comma = if_none_match.find(',');
    std::string_view each = trim(if_none_match.substr(0, comma));
    if_none_match.remove_prefix(comma == std::string_view::npos ? if_none_match.size() : comma + 1);
    if (each.starts_with("W/")) each.remove_prefix(2);
    if (each == etag || each == "*") return true;
  }
  return false;
}

}  // namespace hull
