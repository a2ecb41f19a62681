// Transactions and maintenance over the real engine and an SQLite file.
#include "database/maintenance.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <random>
#include <set>
#include <thread>

#include "base/random.h"
#include "database/catalog_rows.h"
#include "database/maintenance_jobs.h"
#include "database/test_support.h"
#include "storage/sqlite/sqlite_store.h"

namespace hull {
namespace {

using testing::collect;
using testing::failure;
using testing::fields;
using testing::full_scan;
using testing::json;
using testing::options;

class MaintenanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("hull-maintenance-" + random_hex(8));
    std::filesystem::create_directories(directory_);
    knobs_.write_log_max_retention_s = 0;
    open();
  }
  void TearDown() override {
    maintenance_.reset();
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    auto store = open_sqlite_store({.path = (directory_ / "test.sqlite3").string()});
    ASSERT_EQ(failure(store), "");
    auto engine = Engine::open(std::move(*store), knobs_);
    ASSERT_EQ(failure(engine), "");
    engine_ = std::move(*engine);
  }
  void start() { maintenance_ = Maintenance::start(*engine_, knobs_); }

  Result<bool> try_commit(const std::function<void(Transaction&)>& body) {
    auto opts = options(true, TableAccess::kSystem);
    opts.now_ms = unix_millis();
    Transaction tx(engine_->snapshot(), opts);
    body(tx);
    EXPECT_TRUE(tx.finish().ok());
    if (!tx.has_writes()) return true;
    return submit_and_wait(*engine_, tx.commit_request("test"));
  }
  void commit(const std::function<void(Transaction&)>& body) {
    while (true) {
      auto done = try_commit(body);
      ASSERT_EQ(failure(done), "");
      if (*done) return;
    }
  }
  bool eventually(const std::function<bool(const Catalog&)>& condition) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      if (condition(*engine_->snapshot()->catalog())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  void insert_rows(int count) {
    commit([&](Transaction& tx) {
      for (int i = 0; i < count; ++i)
        ASSERT_EQ(failure(tx.insert("t", json("{\"n\":" + std::to_string(i % 17) + "}"))), "");
    });
  }
  static DatabaseIndexDef by_n() { return {"by_n", {"n", "_creationTime"}, false}; }
  // The index's scan must be the sort of the table.
  void expect_index_matches_table() {
    Transaction tx(engine_->snapshot(), options());
    auto index = tx.catalog().table("t")->find_index("by_n");
    std::vector<std::string> expected, found;
    for (const auto& document : collect(tx, full_scan("t")))
      expected.push_back(index->key_for(document->value));
    std::sort(expected.begin(), expected.end());
    auto query =
        testing::spec(R"({"source":{"type":"IndexRange","indexName":"t.by_n","range":[]},"operators":[]})");
    for (const auto& document : collect(tx, query)) found.push_back(index->key_for(document->value));
    EXPECT_EQ(found, expected);
  }

  std::filesystem::path directory_;
  Knobs knobs_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Maintenance> maintenance_;
};

bool backfilled(const Catalog& catalog) {
  const TableInfo* table = catalog.table("t");
  auto index = table ? table->find_index("by_n") : nullptr;
  return index && index->state == IndexState::kBackfilled;
}

TEST_F(MaintenanceTest, ReadsFewLargeDocumentsTogether) {
  const std::string large(512 << 10, 'x');
  for (int i = 0; i < 40; ++i)
    commit([&](Transaction& tx) {
      ASSERT_EQ(failure(tx.insert("t", json("{\"text\":\"" + large + "\"}"))), "");
    });
  SnapshotPtr snapshot = engine_->snapshot();
  const TableInfo& table = *snapshot->catalog()->table("t");
  std::set<std::string> seen;
  std::string start;
  for (bool last = false; !last;) {
    auto chunk = read_chunk(*snapshot, table, start, 512);
    ASSERT_EQ(failure(chunk), "");
    EXPECT_LE(chunk->rows.size(), 16u);
    for (const auto& row : chunk->rows) seen.insert(row.key);
    last = chunk->last;
    if (!chunk->rows.empty()) start = chunk->rows.back().key + '\0';
  }
  EXPECT_EQ(seen.size(), 40u);
}

TEST_F(MaintenanceTest, ManySmallDocumentsAreOneChunk) {
  insert_rows(300);
  SnapshotPtr snapshot = engine_->snapshot();
  auto chunk = read_chunk(*snapshot, *snapshot->catalog()->table("t"), "", 256);
  ASSERT_EQ(failure(chunk), "");
  EXPECT_EQ(chunk->rows.size(), 256u);
  EXPECT_FALSE(chunk->last);
  auto rest = read_chunk(*snapshot, *snapshot->catalog()->table("t"), chunk->rows.back().key + '\0', 256);
  EXPECT_EQ(rest->rows.size(), 44u);
  EXPECT_TRUE(rest->last);
}

TEST_F(MaintenanceTest, CommitsConflictsAndRestart) {
  std::string id;
  commit([&](Transaction& tx) { id = tx.insert("t", json(R"({"n":1,"at":{"$commitTs":null}})"))->text(); });
  {
    Transaction one(engine_->snapshot(), options()), two(engine_->snapshot(), options());
    ASSERT_EQ(failure(one.patch(id, json(R"({"n":2})"), {})), "");
    ASSERT_EQ(failure(two.patch(id, json(R"({"n":3})"), {})), "");
    EXPECT_TRUE(*submit_and_wait(*engine_, one.commit_request("one")));
    EXPECT_FALSE(*submit_and_wait(*engine_, two.commit_request("two")));
  }
  engine_.reset();
  open();
  Transaction tx(engine_->snapshot(), options());
  auto document = tx.get(id, false, {});
  ASSERT_EQ(failure(document), "");
  ASSERT_NE(*document, nullptr);
  EXPECT_EQ(testing::field(*document, "n"), "2.0");
  EXPECT_TRUE((*document)->value.view().find("at")->is_int64());
}

TEST_F(MaintenanceTest, AnIndexOfANewTableIsEnabledAndOfAnEmptyOneBackfilled) {
  commit([](Transaction& tx) { ASSERT_TRUE(tx.add_index("t", by_n()).ok()); });
  EXPECT_EQ(engine_->snapshot()->catalog()->table("t")->find_index("by_n")->state, IndexState::kEnabled);
  commit([](Transaction& tx) {
    ASSERT_TRUE(tx.add_index("t", {"by_m", {"m", "_creationTime"}, false}).ok());
  });
  EXPECT_EQ(engine_->snapshot()->catalog()->table("t")->find_index("by_m")->state, IndexState::kBackfilled);
}

TEST_F(MaintenanceTest, BackfillsUnderConcurrentWrites) {
  insert_rows(1500);
  start();
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    std::mt19937 random(3);
    while (!stop) {
      auto done = try_commit([&](Transaction& tx) {
        auto stream = tx.query(full_scan("t", random() % 2 ? "asc" : "desc"), false);
        for (int i = 0; i < 20; ++i) {
          auto document = (*stream)->next();
          if (!document.ok() || !*document) break;
          std::string id = (*document)->id.text();
          if (i % 5 == 0)
            (void)tx.remove(id, {});
          else
            (void)tx.patch(id, json("{\"n\":" + std::to_string(random() % 100) + "}"), {});
        }
        for (int i = 0; i < 4; ++i)
          (void)tx.insert("t", json("{\"n\":" + std::to_string(random() % 100) + "}"));
      });
      EXPECT_EQ(failure(done), "");
    }
  });
  commit([](Transaction& tx) { ASSERT_TRUE(tx.add_index("t", by_n()).ok()); });
  EXPECT_TRUE(eventually(backfilled));
  stop = true;
  writer.join();
  commit([](Transaction& tx) {
    auto row = tx.catalog().table("t")->find_index("by_n")->row;
    ASSERT_EQ(failure(tx.set_index_state(row, IndexState::kEnabled, false)), "");
  });
  expect_index_matches_table();
  maintenance_.reset();
  engine_.reset();
  open();
  expect_index_matches_table();
}

TEST_F(MaintenanceTest, BackfillGoesOnAfterARestart) {
  insert_rows(700);
  commit([](Transaction& tx) { ASSERT_TRUE(tx.add_index("t", by_n()).ok()); });
  MaintenanceContext context{*engine_, knobs_, [] { return false; }};
  IndexBackfill interrupted;
  ASSERT_TRUE(*interrupted.step(context));
  {
    Transaction tx(engine_->snapshot(), options(false, TableAccess::kSystem));
    auto progress = collect(tx, full_scan("_index_backfills"));
    ASSERT_EQ(progress.size(), 1u);
    EXPECT_EQ(testing::field(progress[0], "numDocsIndexed"), "256");
    EXPECT_EQ(testing::field(progress[0], "totalDocs"), "700");
  }
  engine_.reset();
  open();
  start();
  ASSERT_TRUE(eventually(backfilled));
  commit([](Transaction& tx) {
    ASSERT_TRUE(
        tx.set_index_state(tx.catalog().table("t")->find_index("by_n")->row, IndexState::kEnabled, false)
            .ok());
  });
  expect_index_matches_table();
}

std::string schema_json(std::string_view type) {
  return R"({"tables":[{"tableName":"t","indexes":[],"documentType":{"type":"object","value":{"n":{"fieldType":{"type":")" +
         std::string(type) + R"("},"optional":false}}}}],"schemaValidation":true})";
}

TEST_F(MaintenanceTest, ValidatesPendingSchemas) {
  insert_rows(600);
  start();
  DocumentId good, bad;
  commit([&](Transaction& tx) {
    good = *tx.system_insert("_schemas", schema_row_fields(SchemaState::kPending, schema_json("number")));
  });
  EXPECT_TRUE(eventually([&](const Catalog& c) { return c.schema(good)->state == SchemaState::kValidated; }));
  commit([&](Transaction& tx) {
    ASSERT_TRUE(tx.system_replace(good, schema_row_fields(SchemaState::kActive, schema_json("number"))).ok());
    bad = *tx.system_insert("_schemas", schema_row_fields(SchemaState::kPending, schema_json("string")));
  });
  EXPECT_TRUE(eventually([&](const Catalog& c) { return c.schema(bad)->state == SchemaState::kFailed; }));
  auto snapshot = engine_->snapshot();
  const SchemaInfo* failed = snapshot->catalog()->schema(bad);
  EXPECT_EQ(failed->error_table, "t");
  EXPECT_TRUE(failed->error.starts_with("Document with ID \""));
  EXPECT_NE(failed->error.find(
                "\" in table \"t\" does not match the schema: Value does not match validator.\nPath: .n\n"),
            std::string::npos);
}

TEST_F(MaintenanceTest, SchemaValidationShowsItsProgressWhileItLasts) {
  insert_rows(600);
  commit([&](Transaction& tx) {
    ASSERT_TRUE(
        tx.system_insert("_schemas", schema_row_fields(SchemaState::kPending, schema_json("number"))).ok());
  });
  MaintenanceContext context{*engine_, knobs_, [] { return false; }};
  auto progress = [&] {
    Transaction tx(engine_->snapshot(), options(false, TableAccess::kSystem));
    return collect(tx, full_scan("_schema_validation_progress"));
  };
  SchemaValidation validation;
  ASSERT_TRUE(*validation.step(context));
  ASSERT_EQ(progress().size(), 1u);
  EXPECT_EQ(testing::field(progress()[0], "numDocsValidated"), "0");
  EXPECT_EQ(testing::field(progress()[0], "totalDocs"), "600");
  // A server that starts again knows nothing of the row and still ends with none.
  SchemaValidation after_restart;
  while (*after_restart.step(context)) {
  }
  EXPECT_TRUE(progress().empty());
}

TEST_F(MaintenanceTest, ASupersetOfTheEnforcedSchemaReadsNothing) {
  insert_rows(300);
  DocumentId wider;
  commit([&](Transaction& tx) {
    ASSERT_TRUE(
        tx.system_insert("_schemas", schema_row_fields(SchemaState::kActive, schema_json("number"))).ok());
    wider = *tx.system_insert("_schemas", schema_row_fields(SchemaState::kPending, schema_json("any")));
  });
  MaintenanceContext context{*engine_, knobs_, [] { return false; }};
  SchemaValidation validation;
  ASSERT_TRUE(*validation.step(context));
  EXPECT_EQ(engine_->snapshot()->catalog()->schema(wider)->state, SchemaState::kValidated) << "in one step";
}

TEST_F(MaintenanceTest, PurgesDroppedTablesAndKeepsTheLargestIdentities) {
  insert_rows(10);
  commit([](Transaction& tx) {
    ASSERT_EQ(failure(tx.drop_table("t")), "");
    ASSERT_EQ(failure(tx.insert("u", json("{}"))), "");
  });
  TabletId next = engine_->snapshot()->catalog()->next_tablet();
  start();
  EXPECT_TRUE(eventually([&](const Catalog& c) { return c.system_rows("_tables").size() == 1; }));
  commit([](Transaction& tx) { ASSERT_EQ(failure(tx.drop_table("u")), ""); });
  maintenance_->wake();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(engine_->snapshot()->catalog()->system_rows("_tables").size(), 1u);
  EXPECT_EQ(engine_->snapshot()->catalog()->next_tablet(), next);
}

TEST_F(MaintenanceTest, RemovesExpiredSessionRecords) {
  knobs_.session_cleanup_hours = 0;
  commit([](Transaction& tx) {
    for (int i = 0; i < 300; ++i)
      ASSERT_TRUE(tx.system_insert("_session_requests", json(R"({"sessionId":"s","requestId":1})")).ok());
  });
  start();
  EXPECT_TRUE(eventually([&](const Catalog&) {
    Transaction tx(engine_->snapshot(), options(false, TableAccess::kSystem));
    return collect(tx, full_scan("_session_requests")).empty();
  }));
}

}  // namespace
}  // namespace hull
