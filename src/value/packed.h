// Byte-level helpers of the packed representation, private to this room (layout: value.h).
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace hull::packed {

inline constexpr size_t kContainerHeader = 9;  // tag, total size, count
inline constexpr size_t kMaxKey = UINT16_MAX;
// Containers in one another that any parser or verifier accepts; what recursion over a value may cost.
inline constexpr size_t kMaxDepth = 1000;

// Payloads are unaligned little-endian; the supported machines are little-endian too.
template <typename T>
T load(const char* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

template <typename T>
void store(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

inline void append_u32(std::string& out, size_t value) {
  uint32_t narrow = static_cast<uint32_t>(value);
  out.append(reinterpret_cast<const char*>(&narrow), sizeof narrow);
}

inline std::string_view key_at(const char* at) { return {at + 2, load<uint16_t>(at)}; }

}  // namespace hull::packed
