// Queries and pages against a naive model: documents in a list, compared value by value.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "database/test_support.h"

namespace hull {
namespace {

using testing::failure;
using testing::FakeDatabase;
using testing::json;
using testing::options;

const std::vector<std::string> kIndexFields = {"a", "b.c", "_creationTime", "_id"};
constexpr const char* kValues[] = {"null",
                                   "0",
                                   R"({"$float":"AAAAAAAAAIA="})",
                                   "1",
                                   R"({"$integer":"AQAAAAAAAAA="})",
                                   "true",
                                   R"("x")",
                                   R"("x\u0000")",
                                   "[1]",
                                   R"({"k":1})",
                                   R"({"$undefined":null})"};

Value undefined_value() { return json(R"({"$undefined":null})"); }

Value field_of(const Value& document, const std::string& path) {
  std::vector<std::string> steps;
  for (size_t at = 0; at <= path.size();) {
    size_t dot = std::min(path.find('.', at), path.size());
    steps.push_back(path.substr(at, dot - at));
    at = dot + 1;
  }
  auto found = document.view().find_path(steps);
  return found ? Value::copy_of(*found) : undefined_value();
}

bool less_in_index(const Value& a, const Value& b) {
  for (const auto& field : kIndexFields) {
    if (int order = compare(field_of(a, field), field_of(b, field))) return order < 0;
  }
  return false;
}

class QueryModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Transaction tx(db_.snapshot(), options());
    ASSERT_TRUE(tx.add_index("t", {"by_a_b", {"a", "b.c", "_creationTime"}, false}).ok());
    ASSERT_TRUE(db_.commit(tx.commit_request("test")));
  }
  size_t pick(size_t n) { return random_() % n; }
  std::string value() { return kValues[pick(std::size(kValues))]; }

  std::string fields() {
    std::string a = value(), c = value();
    std::string out;
    if (a.find("undefined") == std::string::npos) out += "\"a\":" + a;
    if (c.find("undefined") == std::string::npos)
      out += (out.empty() ? "" : ",") + ("\"b\":{\"c\":" + c + "}");
    return "{" + out + "}";
  }

  void write(Transaction& tx) {
    auto target = model_.begin();
    if (!model_.empty()) std::advance(target, pick(model_.size()));
    if (model_.size() < 15 || pick(2) == 0) {
      auto id = tx.insert("t", json(fields()));
      ASSERT_EQ(failure(id), "");
      model_[id->text()] = (*tx.get(id->text(), false, {}))->value;
    } else if (pick(2) == 0) {
      target->second = (*tx.replace(target->first, json(fields()), {}))->value;
    } else {
      ASSERT_TRUE(tx.remove(target->first, {}).ok());
      model_.erase(target);
    }
  }

  struct Bound {
    std::string field, op, value;
    bool holds(const Value& document) const {
      int order = compare(field_of(document, field), json(value));
      return op == "Eq"    ? order == 0
             : op == "Gt"  ? order > 0
             : op == "Gte" ? order >= 0
             : op == "Lt"  ? order < 0
                           : order <= 0;
    }
  };

  std::vector<Bound> random_range() {
    std::vector<Bound> range;
    size_t equalities = pick(kIndexFields.size() + 1);
    // Values of some document, so that ranges that pin several fields find something.
    Value example = undefined_value();
    if (!model_.empty() && pick(2))
      example = std::next(model_.begin(), static_cast<long>(pick(model_.size())))->second;
    auto wanted = [&](const std::string& field) {
      return example->is_object() ? to_json(field_of(example, field)) : value();
    };
    for (size_t i = 0; i < equalities; ++i) range.push_back({kIndexFields[i], "Eq", wanted(kIndexFields[i])});
    if (equalities < kIndexFields.size()) {
      const std::string& field = kIndexFields[equalities];
      if (pick(2)) range.push_back({field, pick(2) ? "Gt" : "Gte", wanted(field)});
      if (pick(2)) range.push_back({field, pick(2) ? "Lt" : "Lte", value()});
    }
    std::shuffle(range.begin(), range.end(), random_);
    return range;
  }

  static std::string query_json(const std::vector<Bound>& range, bool desc, const std::string& operators) {
    std::string out = R"({"source":{"type":"IndexRange","indexName":"t.by_a_b","range":[)";
    for (size_t i = 0; i < range.size(); ++i)
      out += (i ? "," : "") + (R"({"type":")" + range[i].op + R"(","fieldPath":")" + range[i].field +
                               R"(","value":)" + range[i].value + "}");
    return out + R"(],"order":")" + (desc ? "desc" : "asc") + R"("},"operators":[)" + operators + "]}";
  }

  std::vector<std::string> expected(const std::vector<Bound>& range, bool desc) {
    std::vector<Value> rows;
    for (const auto& [id, document] : model_)
      if (std::all_of(range.begin(), range.end(), [&](const Bound& b) { return b.holds(document); }))
        rows.push_back(document);
    std::sort(rows.begin(), rows.end(), less_in_index);
    if (desc) std::reverse(rows.begin(), rows.end());
    std::vector<std::string> out;
    for (const Value& row : rows) out.push_back(to_json(row));
    return out;
  }

  void check_random_query(Transaction& tx) {
    auto range = random_range();
    bool desc = pick(2);
    std::vector<std::string> rows = expected(range, desc);
    std::string operators;
    for (size_t i = pick(3); i > 0; --i) {
      if (!operators.empty()) operators += ",";
      if (pick(2)) {
        size_t limit = pick(6);
        operators += "{\"limit\":" + std::to_string(limit) + "}";
        if (rows.size() > limit) rows.resize(limit);
      } else {
        Bound filter{"a", "Gt", value()};
        operators += R"({"filter":{"$gt":[{"$field":"a"},{"$literal":)" + filter.value + "}]}}";
        std::erase_if(rows, [&](const std::string& row) { return !filter.holds(json(row)); });
      }
    }
    std::string query = query_json(range, desc, operators);
    std::vector<std::string> found;
    for (const auto& document : testing::collect(tx, testing::spec(query)))
      found.push_back(to_json(document->value));
    ASSERT_EQ(found, rows) << query;
  }

  FakeDatabase db_;
  std::mt19937 random_{11};
  std::map<std::string, Value> model_;
};

TEST_F(QueryModelTest, RangesLimitsAndFiltersOverOwnWritesAndRollbacks) {
  for (int round = 0; round < 40; ++round) {
    Transaction tx(db_.snapshot(), options());
    std::vector<std::map<std::string, Value>> stack;
    for (int step = 0; step < 20; ++step) {
      switch (pick(8)) {
        case 0:
          tx.begin_nested();
          stack.push_back(model_);
          break;
        case 1:
          if (stack.empty()) break;
          if (pick(2)) {
            tx.commit_nested();
          } else {
            tx.rollback_nested();
            model_ = stack.back();
          }
          stack.pop_back();
          break;
        case 2:
        case 3:
          check_random_query(tx);
          break;
        default:
          write(tx);
      }
      if (HasFatalFailure()) return;
    }
    for (; !stack.empty(); stack.pop_back()) tx.commit_nested();
    for (int i = 0; i < 5 && !HasFatalFailure(); ++i) check_random_query(tx);
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_TRUE(db_.commit(tx.commit_request("test")));
  }
}

// A walk fixes page boundaries; running the pages again after any change, each up to its old end, shows the
// whole range exactly once.
TEST_F(QueryModelTest, PagesNeitherOverlapNorLeaveGapsWhileTheTableChanges) {
  for (int round = 0; round < 60; ++round) {
    {
      Transaction tx(db_.snapshot(), options());
      for (int i = 0; i < 6; ++i) write(tx);
      ASSERT_TRUE(db_.commit(tx.commit_request("test")));
    }
    std::vector<Bound> range;
    if (pick(2)) range.push_back({"a", pick(2) ? "Gte" : "Eq", value()});
    bool desc = pick(2);
    PageSpec spec;
    spec.query = testing::spec(query_json(range, desc, ""));
    auto run = [&](std::optional<std::string> cursor, std::optional<std::string> end) {
      Transaction tx(db_.snapshot(), options(false));
      spec.cursor = std::move(cursor);
      spec.end_cursor = std::move(end);
      spec.page_size = 1 + pick(4);
      spec.maximum_rows_read = pick(3) ? std::optional<size_t>() : 1 + pick(3);
      auto page = tx.paginate(spec, {});
      EXPECT_EQ(failure(page), "");
      return *page;
    };
    std::vector<std::string> found, ends;
    auto add = [&](const Page& page) {
      for (const auto& document : page.documents) found.push_back(to_json(document->value));
    };
    for (std::optional<std::string> cursor;;) {
      Page page = run(cursor, {});
      add(page);
      ends.push_back(page.continue_cursor);
      cursor = page.continue_cursor;
      if (page.is_done) break;
    }
    ASSERT_EQ(found, expected(range, desc));
    {
      Transaction tx(db_.snapshot(), options());
      for (int i = 0; i < 8; ++i) write(tx);
      ASSERT_TRUE(db_.commit(tx.commit_request("test")));
    }
    found.clear();
    std::optional<std::string> cursor;
    for (const std::string& end : ends) {
      Page page = run(cursor, end);
      EXPECT_EQ(page.continue_cursor, end);
      EXPECT_EQ(page.is_done, &end == &ends.back());
      add(page);
      cursor = end;
    }
    ASSERT_EQ(found, expected(range, desc));
  }
}

}  // namespace
}  // namespace hull
