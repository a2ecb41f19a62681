#include "database/filter.h"

#include <gtest/gtest.h>

#include "value/json.h"

namespace hull {
namespace {

std::string run(std::string_view filter, std::string_view document) {
  auto parsed = FilterExpression::parse(filter);
  if (!parsed.ok()) return "parse: " + parsed.error().message;
  auto value = parse_convex_json(document);
  auto result = (*parsed)->passes(*value);
  if (!result.ok()) return result.error().code + ": " + result.error().message;
  return *result ? "true" : "false";
}

TEST(Filter, ComparesByTheTotalOrder) {
  EXPECT_EQ(run(R"({"$eq":[{"$field":"a.b"},{"$literal":1}]})", R"({"a":{"b":1}})"), "true");
  EXPECT_EQ(run(R"({"$eq":[{"$field":"x"},{"$literal":{"$undefined":null}}]})", R"({"a":1})"), "true");
  EXPECT_EQ(run(R"({"$lt":[{"$field":"x"},{"$literal":null}]})", R"({"a":1})"), "true");
  EXPECT_EQ(run(R"({"$gt":[{"$field":"a"},{"$literal":5}]})", R"({"a":"x"})"), "true");
  EXPECT_EQ(run(R"({"$neq":[{"$field":"a"},{"$literal":1}]})", R"({"a":{"$integer":"AQAAAAAAAAA="}})"),
            "true");
  EXPECT_EQ(run(R"({"$lte":[{"$literal":1},{"$literal":1}]})", "{}"), "true");
  EXPECT_EQ(run(R"({"$gte":[{"$literal":0},{"$literal":1}]})", "{}"), "false");
}

TEST(Filter, LogicShortCircuitsAndEmptyListsAreNeutral) {
  EXPECT_EQ(run(R"({"$and":[]})", "{}"), "true");
  EXPECT_EQ(run(R"({"$or":[]})", "{}"), "false");
  EXPECT_EQ(run(R"({"$or":[{"$literal":true},{"$literal":5}]})", "{}"), "true");
  EXPECT_EQ(run(R"({"$and":[{"$literal":false},{"$literal":5}]})", "{}"), "false");
  EXPECT_EQ(run(R"({"$not":{"$literal":false}})", "{}"), "true");
  EXPECT_EQ(run(R"({"$and":[{"$literal":true},{"$literal":5}]})", "{}"),
            "EvalError: Cannot use value 5.0 (type Float64) as a Boolean");
}

TEST(Filter, ArithmeticNeedsOneType) {
  EXPECT_EQ(run(R"({"$eq":[{"$add":[{"$literal":1},{"$literal":2}]},{"$literal":3}]})", "{}"), "true");
  EXPECT_EQ(run(R"({"$eq":[{"$mod":[{"$literal":7},{"$literal":4}]},{"$literal":3}]})", "{}"), "true");
  EXPECT_EQ(run(R"({"$add":[{"$literal":1},{"$literal":"a"}]})", "{}"),
            "EvalError: Cannot add 1.0 (type Float64) and \"a\" (type String)");
  EXPECT_EQ(
      run(R"({"$div":[{"$literal":{"$integer":"AQAAAAAAAAA="}},{"$literal":{"$integer":"AAAAAAAAAAA="}}]})",
          "{}"),
      "EvalError: Cannot divide 1 by zero");
  EXPECT_EQ(run(R"({"$neg":{"$literal":{"$integer":"AAAAAAAAAIA="}}})", "{}"),
            "EvalError: Cannot negate -9223372036854775808: the result is out of range for Int64");
  EXPECT_EQ(
      run(R"({"$mul":[{"$literal":{"$integer":"AAAAAAAAAIA="}},{"$literal":{"$integer":"AAAAAAAAAIA="}}]})",
          "{}"),
      "EvalError: Cannot multiply -9223372036854775808 and -9223372036854775808: the result is out of range "
      "for "
      "Int64");
}

TEST(Filter, RejectsMalformedExpressions) {
  EXPECT_TRUE(run(R"({"$xor":[1,2]})", "{}").starts_with("parse: "));
  EXPECT_TRUE(run(R"({"$eq":[{"$literal":1}]})", "{}").starts_with("parse: "));
  EXPECT_TRUE(run(R"({"$eq":[],"$ne":[]})", "{}").starts_with("parse: "));
  std::string deep;
  for (int i = 0; i < 400; ++i) deep += R"({"$not":)";
  deep += R"({"$literal":true})";
  for (int i = 0; i < 400; ++i) deep += "}";
  EXPECT_TRUE(run(deep, "{}").starts_with("parse: "));
}

}  // namespace
}  // namespace hull
