// Values as text for people: error messages.
#include <array>
#include <cmath>
#include <cstdio>

#include "base/encoding.h"
#include "value/number_text.h"
#include "value/value.h"

namespace hull {
namespace {

void append_code_point(unsigned code, std::string& out) {
  char text[16];
  std::snprintf(text, sizeof text, "\\u{%x}", code);
  out += text;
}

void append_quoted(std::string_view s, std::string& out) {
  out.push_back('"');
  for (size_t i = 0; i < s.size(); ++i) {
    auto c = static_cast<unsigned char>(s[i]);
    switch (c) {
      case '"':
      case '\\':
        out.push_back('\\');
        out.push_back(static_cast<char>(c));
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\0':
        out += "\\0";
        break;
      default:
        if (c < 0x20 || c == 0x7f) {
          append_code_point(c, out);
        } else if (c == 0xc2 && i + 1 < s.size() && static_cast<unsigned char>(s[i + 1]) < 0xa0) {
          append_code_point(static_cast<unsigned char>(s[++i]),
                            out);  // the second block of control characters
        } else {
          out.push_back(static_cast<char>(c));
        }
    }
  }
  out.push_back('"');
}

void append_display(ValueView v, std::string& out) {
  switch (v.type()) {
    case ValueType::kNull:
      out += "null";
      return;
    case ValueType::kFalse:
      out += "false";
      return;
    case ValueType::kTrue:
      out += "true";
      return;
    case ValueType::kUndefined:
      out += "undefined";
      return;
    case ValueType::kCommitTs:
      out += "commitTs";
      return;
    case ValueType::kInt64:
      out += std::to_string(v.as_int64());
      return;
    case ValueType::kFloat64:
      return append_display_number(v.as_float64(), out);
    case ValueType::kString:
      return append_quoted(v.as_string(), out);
    case ValueType::kBytes:
      out += "b\"" + base64_encode(v.as_string()) + '"';
      return;
    case ValueType::kArray:
      out.push_back('[');
      for (size_t i = 0; i < v.count(); ++i) {
        if (i > 0) out += ", ";
        append_display(v.element(i), out);
      }
      out.push_back(']');
      return;
    case ValueType::kObject:
      out.push_back('{');
      for (size_t i = 0; i < v.count(); ++i) {
        auto [key, value] = v.field(i);
        if (i > 0) out += ", ";
        out += key;
        out += ": ";
        append_display(value, out);
      }
      out.push_back('}');
      return;
  }
}

}  // namespace

std::string display(ValueView v) {
  std::string out;
  append_display(v, out);
  return out;
}

std::string_view type_name(ValueView v) {
  switch (v.type()) {
    case ValueType::kNull:
      return "Null";
    case ValueType::kInt64:
    case ValueType::kCommitTs:
      return "Int64";
    case ValueType::kFloat64:
      return "Float64";
    case ValueType::kFalse:
    case ValueType::kTrue:
      return "Boolean";
    case ValueType::kString:
      return "String";
    case ValueType::kBytes:
      return "Bytes";
    case ValueType::kArray:
      return "Array";
    case ValueType::kObject:
      return "Object";
    case ValueType::kUndefined:
      return "undefined";
  }
  return "undefined";
}

std::string display_bytes(size_t n) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  double amount = static_cast<double>(n);
  for (; amount >= 1024 && unit + 1 < kUnits.size(); ++unit) amount /= 1024;
  std::string out;
  append_js_number(std::round(amount * 100) / 100, out);
  out.push_back(' ');
  out += kUnits[unit];
  return out;
}

}  // namespace hull
