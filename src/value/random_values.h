// Random values for property tests.
#pragma once

#include <cmath>
#include <iterator>
#include <random>
#include <string>

#include "value/value.h"

namespace hull {

class RandomValues {
 public:
  explicit RandomValues(uint64_t seed) : random_(seed) {}

  Value next() {
    ValueBuilder out;
    build(out, 0);
    return out.finish();
  }

 private:
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  std::string text() {
    // The last four surround the surrogates, where UTF-8 and UTF-16 sort differently.
    static const std::string kPieces[] = {"",
                                          "a",
                                          "b",
                                          "ab",
                                          "\xc3\xa9",
                                          "\xf0\x9f\x98\x80",
                                          "\"",
                                          "\\",
                                          "\n",
                                          std::string("\0", 1),
                                          "\x7f",
                                          "z",
                                          "\xed\x9f\xbf",
                                          "\xee\x80\x80",
                                          "\xef\xbf\xbf",
                                          "\xf4\x8f\xbf\xbf"};
    std::string out;
    for (size_t i = below(4); i > 0; --i) out += kPieces[below(std::size(kPieces))];
    return out;
  }

  std::string name() {
    static const std::string kNames[] = {"", "a", "b", "ab", "a b", "_x", "A", "~"};
    return kNames[below(std::size(kNames))];
  }

  double number() {
    static const double kNumbers[] = {0.0,
                                      -0.0,
                                      1,
                                      -1,
                                      1.5,
                                      -1.5,
                                      1e21,
                                      1e-7,
                                      5e-324,
                                      1.7976931348623157e308,
                                      9007199254740993.0,
                                      INFINITY,
                                      -INFINITY,
                                      NAN,
                                      -NAN,
                                      0.1};
    if (below(2) == 0) return kNumbers[below(std::size(kNumbers))];
    double d;
    uint64_t bits = random_();
    static_assert(sizeof d == sizeof bits);
    __builtin_memcpy(&d, &bits, sizeof d);
    return d;
  }

  int64_t integer() {
    int64_t bits = static_cast<int64_t>(random_());
    return bits >> below(64);
  }

  void build(ValueBuilder& out, size_t depth) {
    switch (below(depth < 4 ? 8 : 6)) {
      case 0:
        out.null();
        return;
      case 1:
        out.int64(integer());
        return;
      case 2:
        out.float64(number());
        return;
      case 3:
        out.boolean(below(2) == 0);
        return;
      case 4:
        out.string(text());
        return;
      case 5:
        out.bytes(text());
        return;
      case 6:
        out.begin_array();
        for (size_t i = below(4); i > 0; --i) build(out, depth + 1);
        out.end();
        return;
      default:
        out.begin_object();
        for (size_t i = below(4); i > 0; --i) {
          out.key(name());
          build(out, depth + 1);
        }
        out.end();
        return;
    }
  }

  std::mt19937_64 random_;
};

}  // namespace hull
