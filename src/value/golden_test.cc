// Sizes and order as the published package `convex` 1.48.0 computes them (getConvexSize, compareValues of
// convex/values), written down in ascending order.
#include <gtest/gtest.h>

#include "value/json.h"
#include "value/key.h"

namespace hull {
namespace {

struct Golden {
  std::string_view json;
  size_t size;
};

constexpr Golden kAscending[] = {
    {R"(null)", 1},
    {R"({"$integer":"AAAAAAAAAIA="})", 9},
    {R"({"$integer":"//////////8="})", 9},
    {R"({"$integer":"AQAAAAAAAAA="})", 9},
    {R"({"$integer":"/////////38="})", 9},
    {R"({"$float":"AAAAAAAA8P8="})", 9},
    {R"(-1.5)", 9},
    {R"({"$float":"AAAAAAAAAIA="})", 9},
    {R"(0)", 9},
    {R"(1.5)", 9},
    {R"({"$float":"AAAAAAAA8H8="})", 9},
    {R"({"$float":"AAAAAAAA+H8="})", 9},
    {R"(false)", 1},
    {R"(true)", 1},
    {R"("")", 2},
    {R"("a")", 3},
    {R"("a\u0000b")", 5},
    {R"("ab")", 4},
    {R"("\u00e9")", 4},
    {R"("\ud7ff")", 5},
    {R"("\ue000")", 5},
    {R"("\uffff")", 5},
    {R"("\ud800\udc00")", 6},
    {R"("\udbff\udfff")", 6},
    {R"({"$bytes":""})", 2},
    {R"({"$bytes":"Zg=="})", 3},
    {R"({"$bytes":"/w=="})", 3},
    {R"([])", 2},
    {R"([null,"x",{"$integer":"AQAAAAAAAAA="}])", 15},
    {R"([1])", 11},
    {R"([1,2])", 20},
    {R"([2])", 11},
    {R"({})", 2},
    {R"({"":1})", 12},
    {R"({"a":1})", 13},
    {R"({"a":1,"b":1})", 24},
    {R"({"a":2})", 13},
    {R"({"a b":[{"c":{"$bytes":"AAEC"}}],"d":{"e":"\u00e9\ud83d\ude00"}})", 31},
    {R"({"b":0})", 13},
};

TEST(Golden, SizesAndOrderAreThoseOfThePackage) {
  std::optional<Value> last;
  for (const Golden& golden : kAscending) {
    Result<Value> value = parse_convex_json(golden.json);
    ASSERT_TRUE(value.ok()) << golden.json;
    EXPECT_EQ(convex_size(*value), golden.size) << golden.json;
    if (last) {
      EXPECT_LT(compare(*last, *value), 0) << golden.json;
      EXPECT_LT(key_of(*last), key_of(*value)) << golden.json;
    }
    last = *value;
  }
}

}  // namespace
}  // namespace hull
