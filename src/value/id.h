// Document ids (values-and-schema.md §6): varint table number, 16 bytes, checksum; base32 text. Pure,
// thread-safe.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hull {

using TableNumber = uint32_t;

struct InternalId {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const InternalId&) const = default;
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  static InternalId from(std::string_view raw16);
  // 14 bytes of the operating system's randomness, then days since the epoch, big-endian.
  static InternalId random(int64_t now_ns);
};

struct DocumentId {
  TableNumber table = 0;
  InternalId internal;
  auto operator<=>(const DocumentId&) const = default;
  static constexpr size_t kMaxText = 37;
  struct Text {  // on the stack, for hot paths
    std::array<char, kMaxText> digits;
    uint8_t size = 0;
    std::string_view view() const { return {digits.data(), size}; }
  };
  Text short_text() const;
  std::string text() const { return std::string(short_text().view()); }
  // Error message is the cause only, e.g. "Unable to decode ID: Invalid ID length 5" (code InvalidArgument).
  static Result<DocumentId> parse(std::string_view text);
};

}  // namespace hull

template <>
struct std::hash<hull::InternalId> {
  size_t operator()(const hull::InternalId& id) const noexcept {
    size_t h;
    std::memcpy(&h, id.bytes.data(), sizeof h);
    return h;
  }
};
