#include "simulation/model.h"

#include <gtest/gtest.h>

#include "value/json.h"

namespace hull::simulation {
namespace {

constexpr TabletId kTable{7}, kOther{8};

class ModelTest : public ::testing::Test {
 protected:
  static ModelKey key(uint8_t n, TabletId tablet = kTable) {
    ModelKey out{tablet, {}};
    out.id.bytes[0] = n;
    return out;
  }
  static Value document(uint8_t n, const std::string& fields) {
    const std::string id(1, static_cast<char>('a' + n));
    return *parse_convex_json("{\"_id\":\"" + id + "\"" + (fields.empty() ? "" : ",") + fields + "}");
  }
  static std::string ids(const std::vector<ModelRow>& rows) {
    std::string out;
    for (const ModelRow& row : rows) out += row.position.id;
    return out;
  }
  // 1: a, b(deleted at 3), c; 2: d and another table's a.
  void SetUp() override {
    model_.commit({2}, {{key(3), document(3, R"("n":1,"s":{"t":"x"})")}, {key(0, kOther), document(0, "")}});
    model_.commit({1}, {{key(0), document(0, R"("n":2)")},
                        {key(1), document(1, R"("n":1)")},
                        {key(2), document(2, R"("n":"text")")}});
    model_.commit({3}, {{key(1), std::nullopt}, {key(2), document(2, "")}});
  }

  Model model_;
  ModelQuery by_n_{.tablet = kTable, .fields = {"n"}};
};

TEST_F(ModelTest, AnswersAtEveryTimestamp) {
  EXPECT_EQ(ids(model_.rows(by_n_, {{0}})), "");
  EXPECT_EQ(ids(model_.rows(by_n_, {{1}})), "bac");
  EXPECT_EQ(ids(model_.rows(by_n_, {{2}})), "bdac");
  EXPECT_EQ(ids(model_.rows(by_n_, {{3}})), "cda");
  EXPECT_EQ(ids(model_.rows({.tablet = kTable}, {{2}})), "abcd");
  EXPECT_EQ(ids(model_.rows({.tablet = kTable, .fields = {"s.t"}}, {{2}})), "abcd");
  EXPECT_EQ(model_.count(kTable, {{3}}), 3u);
  EXPECT_EQ(model_.count(kOther, {{3}}), 1u);
  EXPECT_TRUE(model_.get(key(1), {{2}}));
  EXPECT_FALSE(model_.get(key(1), {{3}}));
  EXPECT_EQ(model_.written_at(key(1), {2}), Timestamp{1});
  EXPECT_EQ(model_.written_at(key(1), {9}), Timestamp{3});
}

TEST_F(ModelTest, BoundsOrderAndFilter) {
  ModelQuery query = by_n_;
  query.order = Order::kDesc;
  EXPECT_EQ(ids(model_.rows(query, {{3}})), "adc");
  query.bounds = {{ModelBound::Op::kEq, "n", Value::float64(1)}};
  EXPECT_EQ(ids(model_.rows(query, {{2}})), "db");
  query.bounds = {{ModelBound::Op::kGt, "n", Value::float64(1)}};
  EXPECT_EQ(ids(model_.rows(query, {{2}})), "ca");
  query.bounds = {{ModelBound::Op::kGte, "n", Value::float64(1)},
                  {ModelBound::Op::kLt, "n", Value::float64(2)}};
  EXPECT_EQ(ids(model_.rows(query, {{2}})), "db");
  query.bounds = {{ModelBound::Op::kLte, "n", Value::float64(1)}};
  EXPECT_EQ(ids(model_.rows(query, {{3}})), "dc") << "a missing field is less than any value";
  query.filter = [](ValueView document) { return document.find("s").has_value(); };
  EXPECT_EQ(ids(model_.rows(query, {{3}})), "d");
}

TEST_F(ModelTest, OwnWritesLieOverTheSnapshot) {
  ModelWrites own{
      {key(0), std::nullopt}, {key(3), document(3, R"("n":9)")}, {key(4), document(4, R"("n":0)")}};
  EXPECT_EQ(ids(model_.rows(by_n_, {{1}, &own})), "ebdc");
  EXPECT_FALSE(model_.get(key(0), {{1}, &own}));
  EXPECT_EQ(model_.count(kTable, {{2}, &own}), 4u);
}

TEST_F(ModelTest, Pages) {
  auto first = model_.page(by_n_, {}, {.size = 2}, {{2}});
  EXPECT_EQ(ids(first.rows), "bd");
  ASSERT_TRUE(first.end);
  EXPECT_EQ(first.end->id, "d");
  EXPECT_EQ(ids(model_.page(by_n_, first.end, {.size = 5}, {{2}}).rows), "ac");
  EXPECT_FALSE(model_.page(by_n_, first.end, {.size = 5}, {{2}}).end);
  EXPECT_TRUE(model_.page(by_n_, first.end, {.size = 2}, {{2}}).end) << "nobody has looked for more";
  ModelQuery none = by_n_;
  none.filter = [](ValueView) { return false; };
  auto empty = model_.page(none, {}, {.size = 2, .max_consumed = 3}, {{2}});
  EXPECT_EQ(ids(empty.rows), "");
  EXPECT_EQ(empty.end->id, "a");
  // The same page at another time keeps its end.
  EXPECT_EQ(ids(model_.page(by_n_, {}, {.until = first.end}, {{3}}).rows), "cd");
  EXPECT_EQ(ids(model_.page(by_n_, first.end, {.until_end = true}, {{3}}).rows), "a");
}

}  // namespace
}  // namespace hull::simulation
