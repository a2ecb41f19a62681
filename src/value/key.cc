#include "value/key.h"

#include <bit>
#include <cstdint>

namespace hull {
namespace {

void append_big_endian(uint64_t bits, int width, std::string& out) {
  for (int i = width - 1; i >= 0; --i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

void append_float64_key(double d, std::string& out) {
  uint64_t bits = std::bit_cast<uint64_t>(d);
  bits = bits >> 63 ? ~bits : bits | uint64_t{1} << 63;
  out.push_back('\x0d');
  append_big_endian(bits, 8, out);
}

void append_terminated(std::string_view bytes, std::string& out) {
  for (size_t at = 0; at <= bytes.size();) {
    size_t zero = bytes.find('\0', at);
    if (zero == std::string_view::npos) {
      out += bytes.substr(at);
      break;
    }
    out += bytes.substr(at, zero - at);
    out += std::string_view("\0\xff", 2);
    at = zero + 1;
  }
  out.push_back('\0');
}

}  // namespace

void append_int64_key(int64_t i, std::string& out) {
  if (i == 0) {
    out.push_back('\x08');
    return;
  }
  int log_width = i >= INT8_MIN && i <= INT8_MAX     ? 0
                  : i >= INT16_MIN && i <= INT16_MAX ? 1
                  : i >= INT32_MIN && i <= INT32_MAX ? 2
                                                     : 3;
  out.push_back(static_cast<char>(i < 0 ? 7 - log_width : 9 + log_width));
  append_big_endian(static_cast<uint64_t>(i), 1 << log_width, out);
}

void append_string_key(std::string_view s, std::string& out) {
  out.push_back('\x10');
  append_terminated(s, out);
}

void append_key(ValueView v, std::string& out) {
  switch (v.type()) {
    case ValueType::kUndefined:
      return append_undefined_key(out);
    case ValueType::kNull:
      out.push_back('\x03');
      return;
    case ValueType::kInt64:
      return append_int64_key(v.as_int64(), out);
    case ValueType::kCommitTs:
      return append_int64_key(INT64_MAX, out);
    case ValueType::kFloat64:
      return append_float64_key(v.as_float64(), out);
    case ValueType::kFalse:
      out.push_back('\x0e');
      return;
    case ValueType::kTrue:
      out.push_back('\x0f');
      return;
    case ValueType::kString:
      return append_string_key(v.as_string(), out);
    case ValueType::kBytes:
      out.push_back('\x11');
      return append_terminated(v.as_string(), out);
    case ValueType::kArray:
      out.push_back('\x12');
      for (size_t i = 0; i < v.count(); ++i) append_key(v.element(i), out);
      out.push_back('\0');
      return;
    case ValueType::kObject:
      out.push_back('\x15');
      for (size_t i = 0; i < v.count(); ++i) {
        auto [name, value] = v.field(i);
        // A bare terminator would read as the end of the object.
        if (name.empty()) {
          out += std::string_view("\0\xff", 2);
        } else {
          append_terminated(name, out);
        }
        append_key(value, out);
      }
      out.push_back('\0');
      return;
  }
}

std::string key_of(ValueView v) {
  std::string out;
  append_key(v, out);
  return out;
}

std::optional<std::string> end_of_prefix(std::string prefix) {
  if (prefix.empty()) return std::nullopt;
  prefix.push_back('\xff');
  return prefix;
}

}  // namespace hull
