#include "database/limits.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "database/test_support.h"

namespace hull {
namespace {

using testing::failure;
using testing::FakeDatabase;
using testing::json;
using testing::options;

std::vector<std::string> texts(const std::vector<LimitWarning>& warnings) {
  std::vector<std::string> out;
  for (const auto& warning : warnings) out.push_back(warning.code + ": " + warning.text);
  return out;
}

std::vector<std::string> warnings_for(const TransactionUsage& usage, size_t intervals) {
  std::vector<LimitWarning> warnings;
  add_limit_warnings(usage, intervals, TransactionLimits::of(Knobs{}), warnings);
  return texts(warnings);
}

TEST(Limits, WarningsStartAboveFourFifthsAndIntervalsAt3072) {
  const std::string help =
      " Consider using smaller limits in your queries, paginating your queries, or using indexed queries "
      "with a "
      "selective index range expressions.";
  using Texts = std::vector<std::string>;
  EXPECT_EQ(warnings_for({.documents_read = 25600}, 3071), Texts{});
  EXPECT_EQ(
      warnings_for({.documents_read = 25601}, 0),
      Texts{"TooManyDocumentsRead: Many documents read in a single function execution (actual: 25601, limit: "
            "32000)." +
            help});
  EXPECT_EQ(warnings_for({.documents_read = 32001}, 4097), Texts{}) << "too many is an error, not a warning";
  EXPECT_EQ(
      warnings_for({}, 3072),
      Texts{"TooManyReads: Many reads in a single function execution (actual: 3072, limit: 4096)." + help});
  EXPECT_EQ(
      warnings_for({.bytes_read = 16'000'000}, 0),
      Texts{
          "TooManyBytesRead: Many bytes read in a single function execution (actual: 16000000 bytes, limit: "
          "16777216 bytes)." +
          help});
  EXPECT_EQ(
      warnings_for({.documents_written = 16000}, 0),
      Texts{"TooManyWrites: Many writes in a single function execution (actual: 16000, limit: 16000)."});
  EXPECT_EQ(
      warnings_for({.bytes_written = 16'777'216}, 0),
      Texts{"TooManyBytesWritten: Many bytes written in a single function execution (actual: 16777216 bytes, "
            "limit: 16777216 bytes)."});
}

TEST(Limits, LargeAndNestedDocumentsWarnAsTheyAreWritten) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  auto large = tx.insert("t", json("{\"s\":\"" + std::string(900'000, 'x') + "\"}"));
  std::string nested = "1";
  for (int i = 0; i < 12; ++i) nested = "[" + nested + "]";
  auto deep = tx.insert("t", json("{\"a\":" + nested + "}"));
  auto fixed = tx.insert("t", json("{\"a\":" + nested + "}"));
  ASSERT_TRUE(tx.replace(fixed->text(), json("{}"), {}).ok());
  tx.begin_nested();
  ASSERT_TRUE(tx.insert("t", json("{\"a\":" + nested + "}")).ok());
  tx.rollback_nested();
  size_t size = convex_size((*tx.get(large->text(), false, {}))->value);
  auto found = texts(tx.warnings());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (std::vector<std::string>{"TooNested: Deeply nested document written with ID \"" +
                                                 deep->text() + "\" (actual: 13 levels, limit: 16 levels).",
                                             "ValueTooLargeError: Large document written with ID \"" +
                                                 large->text() + "\" (actual: " + std::to_string(size) +
                                                 " bytes, limit: 1048576 bytes)."}));
}

TEST(Limits, ANestedCallsBudgetCountsFromWhatIsUsedAndEndsWithIt) {
  FakeDatabase db;
  std::vector<std::string> ids;
  Transaction create(db.snapshot(), options());
  for (int i = 0; i < 8; ++i) ids.push_back(create.insert("t", json("{}"))->text());
  ASSERT_TRUE(db.commit(create.commit_request("test")));

  Transaction tx(db.snapshot(), options());
  auto get = [&](size_t i) { return failure(tx.get(ids[i], false, {})); };
  EXPECT_EQ(get(0), "");
  tx.begin_nested({.documents_read = 2});
  EXPECT_EQ(get(0), "");
  tx.begin_nested({.documents_read = 100});
  EXPECT_EQ(tx.limits().documents_read, 3u) << "a budget does not raise the caller's";
  EXPECT_EQ(get(0), "");
  EXPECT_EQ(get(0).substr(0, 89),
            "TooManyDocumentsRead: Too many documents read in a single function execution (limit: 3). ");
  tx.rollback_nested();
  EXPECT_EQ(tx.usage().documents_read, 4u) << "reads are not taken back";
  tx.commit_nested();
  EXPECT_EQ(tx.limits().documents_read, 32000u);
  EXPECT_EQ(get(0), "");

  tx.begin_nested({.intervals = 1, .documents_written = 1, .bytes_written = 150});
  EXPECT_EQ(get(1), "");
  EXPECT_EQ(get(2).substr(0, 13), "TooManyReads:");
  EXPECT_EQ(failure(tx.insert("u", json("{\"s\":\"" + std::string(100, 'x') + "\"}"))).substr(0, 20),
            "TooManyBytesWritten:");
  EXPECT_EQ(failure(tx.insert("u", json("{}"))),
            "TooManyWrites: Too many writes in a single function execution (limit: 1)");
  EXPECT_EQ(tx.usage().documents_written, 2u) << "failing operations count";
  tx.rollback_nested();
  EXPECT_EQ(tx.usage().documents_written, 0u) << "with the writes goes what they counted";
  EXPECT_EQ(tx.usage().bytes_written, 0u);
  EXPECT_EQ(failure(tx.insert("u", json("{}"))), "");
}

TEST(Limits, ASnapshotQueryReadsOnItsCallersAccount) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  std::string id = create.insert("t", json("{}"))->text();
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  Transaction caller(db.snapshot(), options());
  ASSERT_TRUE(caller.get(id, false, {}).ok());
  Transaction callee(caller.snapshot(), options(false));
  callee.charge_to(caller, {.documents_read = 1});
  EXPECT_EQ(failure(callee.get(id, false, {})), "");
  EXPECT_NE(failure(callee.get(id, false, {})), "");
  caller.take_charges(callee);
  EXPECT_EQ(caller.usage().documents_read, 3u);
  EXPECT_EQ(caller.limits().documents_read, 32000u);
}

}  // namespace
}  // namespace hull
