#include <gtest/gtest.h>

#include "database/query.h"
#include "database/test_support.h"
#include "value/key.h"

namespace hull {
namespace {

using testing::failure;
using testing::json;
using Op = RangeBound::Op;

IndexInfo index_on(std::vector<std::string> fields) {
  IndexInfo index;
  index.name = "by_ab";
  index.fields = std::move(fields);
  return index;
}
RangeBound bound(Op op, std::string field, std::string_view value) {
  return {op, std::move(field), json(value)};
}

TEST(QueryRange, CompilesToIntervals) {
  IndexInfo index = index_on({"a", "b", "_creationTime"});
  std::string one = key_of(Value::float64(1)), two = key_of(Value::float64(2));
  auto all = compile_range(index, "t", {});
  EXPECT_EQ(*all, (Interval{"", std::nullopt}));
  auto eq = compile_range(index, "t", {bound(Op::kEq, "a", "1")});
  EXPECT_EQ(*eq, (Interval{one, end_of_prefix(one)}));
  auto any_order = compile_range(index, "t", {bound(Op::kEq, "b", "2"), bound(Op::kEq, "a", "1")});
  EXPECT_EQ(*any_order, (Interval{one + two, end_of_prefix(one + two)}));
  auto range = compile_range(index, "t",
                             {bound(Op::kEq, "a", "1"), bound(Op::kGt, "b", "1"), bound(Op::kLte, "b", "2")});
  EXPECT_EQ(*range, (Interval{*end_of_prefix(one + one), end_of_prefix(one + two)}));
  auto empty = compile_range(index, "t", {bound(Op::kGt, "a", "2"), bound(Op::kLt, "a", "1")});
  EXPECT_TRUE(empty->empty());
  auto point = compile_range(index, "t",
                             {bound(Op::kEq, "a", "1"), bound(Op::kEq, "b", "2"),
                              bound(Op::kEq, "_creationTime", "1"), bound(Op::kEq, "_id", "\"x\"")});
  EXPECT_EQ(*point->end, point->start + '\0');
}

TEST(QueryRange, ErrorTexts) {
  IndexInfo index = index_on({"a", "b", "_creationTime"});
  EXPECT_EQ(failure(compile_range(index, "t", {bound(Op::kEq, "c", "1")})),
            "FieldNotInIndex: The index range included a comparison with \"c\", but t.by_ab with fields "
            "[\"a\", \"b\", "
            "\"_creationTime\"] doesn't index this field. For more information see "
            "https://docs.convex.dev/using/indexes.");
  EXPECT_EQ(failure(compile_range(index, "t", {bound(Op::kEq, "b", "1")})),
            "InvalidIndexRange: Tried to query index t.by_ab but the query didn't use the index fields in "
            "order.\nIndex "
            "fields: [\"a\", \"b\", \"_creationTime\"]\nQuery fields: [\"b\"]\nFirst incorrect field: "
            "\"b\"\nFor more "
            "information see https://docs.convex.dev/using/indexes.");
  EXPECT_EQ(failure(compile_range(index, "t", {bound(Op::kGt, "a", "1"), bound(Op::kGte, "a", "3")})),
            "AlreadyDefinedBound: Already defined lower bound in index range. Can't add \"a\" >= 3.0.");
  EXPECT_EQ(failure(compile_range(index, "t", {bound(Op::kEq, "a", "1"), bound(Op::kEq, "a", "1")})),
            "AlreadyDefinedBound: Already defined equality bound in index range. Can't add \"a\" == 1.0.");
  EXPECT_EQ(failure(compile_range(index, "t", {bound(Op::kLt, "a", "1"), bound(Op::kEq, "a", "1")})),
            "AlreadyDefinedBound: Already defined inequality bound in index range. Can't add \"a\" == 1.0.");
  EXPECT_EQ(failure(compile_range(index, "t", {bound(Op::kGt, "a", "1"), bound(Op::kLt, "b", "1")})),
            "BoundsOnMultipleFields: Upper and lower bounds in `range` can only be applied to a single index "
            "field. This "
            "query against index t.by_ab attempted to set a range bound on both \"a\" and \"b\". Consider "
            "using `filter` "
            "instead. See https://docs.convex.dev/using/indexes for more info.");
}

TEST(QueryParse, ErrorTexts) {
  auto parse = [](std::string_view text) { return failure(QuerySpec::parse(text, "queryStream")); };
  EXPECT_EQ(parse(R"({"source":{"type":"FullTableScan","tableName":"t","order":"up"}})"),
            "InvalidArgument: Invalid argument `query` for `queryStream`: expected \"asc\" or \"desc\"");
  EXPECT_EQ(parse(R"({"source":{"type":"IndexRange","indexName":"t","range":[]}})"),
            "IndexNotEnoughNameComponents: Insufficient components in index name t");
  EXPECT_EQ(parse(R"({"source":{"type":"IndexRange","indexName":"a.b.c","range":[]}})"),
            "IndexTooManyNameComponents: Too many components in index name a.b.c");
  EXPECT_TRUE(parse(R"({"source":{"type":"FullTableScan","tableName":"a b"}})")
                  .starts_with("InvalidArgument: Invalid argument `query` for `queryStream`: Identifier"));
  std::string operators;
  for (int i = 0; i < 257; ++i) operators += std::string(i ? "," : "") + R"({"limit":1})";
  EXPECT_EQ(parse(R"({"source":{"type":"FullTableScan","tableName":"t"},"operators":[)" + operators + "]}"),
            "InvalidArgument: Invalid argument `query` for `queryStream`: Query has too many operators: 257");
  EXPECT_NE(parse(R"({"source":{"type":"FullTableScan","tableName":"t"},"operators":[{"limit":-1}]})"), "");
  EXPECT_NE(parse("[]"), "");
}

}  // namespace
}  // namespace hull
