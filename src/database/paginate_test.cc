#include <gtest/gtest.h>

#include "database/test_support.h"

namespace hull {
namespace {

using testing::failure;
using testing::FakeDatabase;
using testing::fields;
using testing::full_scan;
using testing::json;
using testing::options;

class PaginateTest : public ::testing::Test {
 protected:
  void SetUp() override { insert(0, 20); }
  void insert(int from, int to) {
    Transaction tx(db.snapshot(), options());
    for (int i = from; i < to; ++i)
      ASSERT_TRUE(tx.insert("t", json("{\"n\":" + std::to_string(i) + "}")).ok());
    ASSERT_TRUE(db.commit(tx.commit_request("test")));
  }
  static PageSpec page(size_t size, std::optional<std::string> cursor = {},
                       std::optional<std::string> end = {}) {
    PageSpec spec;
    spec.query = full_scan("t");
    spec.page_size = size;
    spec.cursor = std::move(cursor);
    spec.end_cursor = std::move(end);
    return spec;
  }
  Result<Page> run(const PageSpec& spec, std::optional<std::string_view> journal = {}) {
    Transaction tx(db.snapshot(), options(false));
    return tx.paginate(spec, journal);
  }
  FakeDatabase db;
};

TEST_F(PaginateTest, PagesJoinToTheWholeTableInBothOrders) {
  for (const char* order : {"asc", "desc"}) {
    Transaction tx(db.snapshot(), options(false));
    auto all = testing::collect(tx, full_scan("t", order));
    std::vector<DocumentPtr> joined;
    std::optional<std::string> cursor;
    int pages = 0;
    while (true) {
      PageSpec spec = page(7, cursor);
      spec.query = full_scan("t", order);
      auto result = run(spec);
      ASSERT_EQ(failure(result), "");
      joined.insert(joined.end(), result->documents.begin(), result->documents.end());
      cursor = result->continue_cursor;
      ++pages;
      if (result->is_done) break;
      EXPECT_EQ(result->documents.size(), 7u);
      EXPECT_TRUE(result->split_cursor.has_value());
    }
    EXPECT_EQ(pages, 3);
    EXPECT_EQ(fields(joined, "n"), fields(all, "n"));
    auto after_end = run(page(7, cursor));
    if (std::string_view(order) == "asc") {
      ASSERT_EQ(failure(after_end), "");
      EXPECT_TRUE(after_end->is_done);
      EXPECT_TRUE(after_end->documents.empty());
    }
  }
}

TEST_F(PaginateTest, AnEndCursorFixesThePage) {
  auto first = run(page(5));
  auto second = run(page(5, first->continue_cursor));
  ASSERT_EQ(fields(second->documents, "n"), "5.0 6.0 7.0 8.0 9.0");
  // Deleting inside shrinks it, the page size is ignored, and the end stays.
  Transaction tx(db.snapshot(), options());
  ASSERT_TRUE(tx.remove(second->documents[2]->id.text(), {}).ok());
  ASSERT_TRUE(db.commit(tx.commit_request("test")));
  PageSpec again = page(1, first->continue_cursor, second->continue_cursor);
  again.maximum_rows_read = 1;
  auto result = run(again);
  ASSERT_EQ(failure(result), "");
  EXPECT_EQ(fields(result->documents, "n"), "5.0 6.0 8.0 9.0");
  EXPECT_EQ(result->continue_cursor, second->continue_cursor);
  EXPECT_FALSE(result->is_done);
}

TEST_F(PaginateTest, TheJournalKeepsTheEndAndALastPageGrows) {
  auto last = run(page(100));
  ASSERT_TRUE(last->is_done);
  insert(20, 22);
  Transaction tx(db.snapshot(), options(false));
  auto again = tx.paginate(page(100), last->continue_cursor);
  ASSERT_EQ(failure(again), "");
  EXPECT_EQ(again->documents.size(), 22u);
  EXPECT_TRUE(again->is_done);
  EXPECT_EQ(tx.journal(), last->continue_cursor);
  std::string sealed = seal_journal({&testing::test_secret(), "test"}, *tx.journal());
  EXPECT_EQ(open_journal({&testing::test_secret(), "test"}, sealed), tx.journal());
  EXPECT_FALSE(open_journal({&testing::test_secret(), "test"}, "junk").has_value());
}

TEST_F(PaginateTest, LimitsEndThePage) {
  PageSpec spec = page(100);
  spec.maximum_rows_read = 4;
  auto result = run(spec);
  ASSERT_EQ(failure(result), "");
  EXPECT_EQ(result->documents.size(), 4u);
  EXPECT_EQ(result->status, Page::Status::kSplitRequired);
  EXPECT_FALSE(result->is_done);
  spec.maximum_rows_read.reset();
  spec.maximum_bytes_read = 1;
  result = run(spec);
  EXPECT_EQ(result->documents.size(), 1u);
  Knobs knobs;
  knobs.max_documents_read = 6;
  Transaction tx(db.snapshot(), options(false, TableAccess::kUser, &knobs));
  auto limited = tx.paginate(page(100), {});
  ASSERT_EQ(failure(limited), "");
  EXPECT_EQ(limited->documents.size(), 6u);
  EXPECT_EQ(limited->status, Page::Status::kSplitRequired);
}

TEST_F(PaginateTest, FilteredRowsCountAsRead) {
  PageSpec spec = page(2);
  spec.query = testing::spec(
      R"({"source":{"type":"FullTableScan","tableName":"t"},"operators":[{"filter":{"$gte":[{"$field":"n"},{"$literal":10}]}}]})");
  spec.maximum_rows_read = 5;
  auto result = run(spec);
  ASSERT_EQ(failure(result), "");
  EXPECT_TRUE(result->documents.empty());
  EXPECT_FALSE(result->is_done);
  spec.cursor = result->continue_cursor;
  spec.maximum_rows_read = 100;
  result = run(spec);
  EXPECT_EQ(fields(result->documents, "n"), "10.0 11.0");
}

TEST_F(PaginateTest, OnlyWritesInsideThePageTouchIt) {
  Transaction tx(db.snapshot(), options(false));
  auto result = tx.paginate(page(5), {});
  ASSERT_TRUE(result.ok());
  auto index = db.catalog()->table("t")->find_index("by_creation_time");
  Transaction all(db.snapshot(), options(false));
  auto documents = testing::collect(all, full_scan("t"));
  EXPECT_TRUE(tx.reads().contains(index->id, index->key_for(documents[4]->value)));
  EXPECT_FALSE(tx.reads().contains(index->id, index->key_for(documents[5]->value)));
}

TEST_F(PaginateTest, Errors) {
  EXPECT_EQ(failure(run(page(0))),
            "NoDocumentsForPagination: Must request at least 1 document while paginating");
  EXPECT_EQ(failure(run(page(32001))), "PageSizeTooLarge: Requested too many items: 32001");
  PageSpec zero = page(1);
  zero.maximum_rows_read = 0;
  EXPECT_EQ(failure(run(zero)),
            "InvalidPaginationLimit: maximumRowsRead and maximumBytesRead must be greater than 0");
  auto junk = run(page(1, "junk"));
  EXPECT_EQ(failure(junk), "InvalidCursor: Failed to parse cursor");
  auto first = run(page(1));
  PageSpec other = page(1, first->continue_cursor);
  other.query = full_scan("t", "desc");
  auto refused = run(other);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().data_json, R"({"isConvexSystemError":true,"paginationError":"InvalidCursor"})");
  EXPECT_EQ(junk.error().data_json, refused.error().data_json);
  Transaction tx(db.snapshot(), options(false));
  ASSERT_TRUE(tx.paginate(page(1), {}).ok());
  EXPECT_TRUE(failure(tx.paginate(page(1), {})).starts_with("MultiplePaginatedDatabaseQueries: "));
}

TEST_F(PaginateTest, AMissingTableIsOneEmptyDonePage) {
  PageSpec spec = page(3);
  spec.query = full_scan("nothing");
  auto result = run(spec);
  ASSERT_EQ(failure(result), "");
  EXPECT_EQ(result->to_json(), "{\"page\":[],\"isDone\":true,\"continueCursor\":\"" +
                                   result->continue_cursor + "\",\"splitCursor\":null,\"pageStatus\":null}");
}

}  // namespace
}  // namespace hull
