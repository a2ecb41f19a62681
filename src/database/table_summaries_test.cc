#include "database/table_summaries.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "database/test_support.h"

namespace hull {
namespace {

using testing::failure;
using testing::FakeDatabase;
using testing::json;
using testing::options;

TEST(TableSummaries, OldVersionsKeepWhatTheyHad) {
  std::mt19937 random(1);
  std::map<uint32_t, TableSummary> model;
  std::vector<std::pair<TableSummaries, std::map<uint32_t, TableSummary>>> versions;
  TableSummaries summaries;
  for (int step = 0; step < 200; ++step) {
    std::map<uint32_t, TableSummary> change;
    for (size_t i = 1 + random() % 4; i > 0; --i)
      change[random() % 3 == 0 ? random() % 64 : 1000 + random() % 500] = {
          static_cast<int64_t>(random() % 5), static_cast<int64_t>(random() % 1000)};
    std::vector<SummaryDelta> deltas;
    for (const auto& [tablet, delta] : change) {
      deltas.push_back({TabletId{tablet}, delta});
      model[tablet].documents += delta.documents;
      model[tablet].bytes += delta.bytes;
    }
    summaries = summaries.with(deltas);
    versions.emplace_back(summaries, model);
  }
  for (const auto& [version, expected] : versions) {
    for (uint32_t tablet = 0; tablet < 1600; ++tablet) {
      auto it = expected.find(tablet);
      ASSERT_EQ(version.of(TabletId{tablet}), it == expected.end() ? TableSummary{} : it->second);
    }
  }
}

// Every snapshot's summary is what reading the whole table gives, for user and system tables.
TEST(TableSummaries, DeltasOfCommitsAddUpToTheTables) {
  FakeDatabase db;
  std::mt19937 random(2);
  std::vector<std::string> ids;
  for (int round = 0; round < 40; ++round) {
    Transaction tx(db.snapshot(), options());
    for (int i = 0; i < 5; ++i) {
      if (ids.empty() || random() % 3) {
        std::string table(1, static_cast<char>('a' + random() % 3));
        auto id = tx.insert(table, json("{\"s\":\"" + std::string(random() % 50, 'x') + "\"}"));
        ASSERT_EQ(failure(id), "");
        ids.push_back(id->text());
      } else if (random() % 2) {
        ASSERT_EQ(failure(tx.patch(ids[random() % ids.size()],
                                   json("{\"s\":\"" + std::string(random() % 50, 'y') + "\"}"), {})),
                  "");
      } else {
        std::swap(ids[random() % ids.size()], ids.back());
        ASSERT_EQ(failure(tx.remove(ids.back(), {})), "");
        ids.pop_back();
      }
    }
    ASSERT_TRUE(db.commit(tx.commit_request("test")));
    auto snapshot = db.snapshot();
    for (const auto& [name, table] : snapshot->catalog()->tables()) {
      ASSERT_EQ(*snapshot->summary(table->tablet), *snapshot->counted_summary(table->tablet)) << name;
    }
  }
}

TEST(TableSummaries, CountsSeeOwnWritesAndTheirRollback) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(create.insert("t", json("{}"))->text());
  EXPECT_EQ(*create.count("t"), 10u) << "a table of this transaction";
  ASSERT_TRUE(db.commit(create.commit_request("test")));

  Transaction tx(db.snapshot(), options());
  ASSERT_TRUE(tx.remove(ids[0], {}).ok());
  ASSERT_TRUE(tx.patch(ids[1], json(R"({"a":1})"), {}).ok());
  std::string added = tx.insert("t", json("{}"))->text();
  std::string gone = tx.insert("t", json("{}"))->text();
  ASSERT_TRUE(tx.remove(gone, {}).ok());
  EXPECT_EQ(*tx.count("t"), 10u);
  tx.begin_nested();
  ASSERT_TRUE(tx.remove(added, {}).ok());
  ASSERT_TRUE(tx.remove(ids[1], {}).ok());
  ASSERT_TRUE(tx.insert("u", json("{}")).ok());
  EXPECT_EQ(*tx.count("t"), 8u);
  EXPECT_EQ(*tx.count("u"), 1u);
  tx.rollback_nested();
  EXPECT_EQ(*tx.count("t"), 10u);
  EXPECT_EQ(*tx.count("u"), 0u);

  // Every write to the table matters to who counted it, and to nobody else.
  Transaction counter(db.snapshot(), options());
  ASSERT_TRUE(counter.insert("other", json("{}")).ok());
  EXPECT_EQ(*counter.count("t"), 10u);
  EXPECT_EQ(counter.usage().documents_read, 0u);
  ASSERT_TRUE(db.commit(tx.commit_request("tx")));
  EXPECT_FALSE(db.commit(counter.commit_request("counter")));
}

}  // namespace
}  // namespace hull
