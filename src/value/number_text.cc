#include "value/number_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace hull {
namespace {

// |d| as 0.digits * 10^point.
struct Decimal {
  char digits[24];
  int count = 0;
  int point = 0;
};

Decimal decimal_of(double d) {
  char text[40];
  auto [end, error] = std::to_chars(text, text + sizeof text, std::fabs(d), std::chars_format::scientific);
  (void)error;  // the buffer holds any double
  Decimal out;
  const char* at = text;
  for (; *at != 'e'; ++at) {
    if (*at != '.') out.digits[out.count++] = *at;
  }
  ++at;
  if (*at == '+') ++at;
  int exponent = 0;
  std::from_chars(at, end, exponent);
  out.point = exponent + 1;
  return out;
}

// d.ddd, without exponent.
void append_fixed(const Decimal& n, std::string& out) {
  std::string_view digits(n.digits, static_cast<size_t>(n.count));
  if (n.point <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-n.point), '0');
    out += digits;
  } else if (n.point >= n.count) {
    out += digits;
    out.append(static_cast<size_t>(n.point - n.count), '0');
  } else {
    out += digits.substr(0, static_cast<size_t>(n.point));
    out.push_back('.');
    out += digits.substr(static_cast<size_t>(n.point));
  }
}

void append_scientific(const Decimal& n, bool plus_sign, std::string& out) {
  out.push_back(n.digits[0]);
  if (n.count > 1) {
    out.push_back('.');
    out.append(n.digits + 1, static_cast<size_t>(n.count - 1));
  }
  out.push_back('e');
  if (plus_sign && n.point > 0) out.push_back('+');
  out += std::to_string(n.point - 1);
}

// Small integers dominate real data.
bool append_small_integer(double d, std::string& out) {
  if (!(std::fabs(d) < 9007199254740992.0) || d != std::trunc(d)) return false;
  if (d == 0 && std::signbit(d)) out.push_back('-');
  char text[24];
  auto [end, error] = std::to_chars(text, text + sizeof text, static_cast<int64_t>(d));
  (void)error;
  out.append(text, end);
  return true;
}

}  // namespace

void append_js_number(double d, std::string& out) {
  if (append_small_integer(d, out)) return;
  if (d < 0) out.push_back('-');
  Decimal n = decimal_of(d);
  if (n.point > 21 || n.point < -5) return append_scientific(n, true, out);
  append_fixed(n, out);
}

void append_fraction_number(double d, std::string& out) {
  size_t start = out.size();
  append_js_number(d, out);
  if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
}

void append_display_number(double d, std::string& out) {
  if (std::isnan(d)) {
    out += "NaN";
    return;
  }
  if (std::signbit(d)) out.push_back('-');
  double magnitude = std::fabs(d);
  if (std::isinf(d)) {
    out += "inf";
  } else if (magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    append_scientific(decimal_of(d), false, out);
  } else {
    append_fraction_number(magnitude, out);
  }
}

}  // namespace hull
