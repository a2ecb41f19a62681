#include "storage/sqlite/sqlite_migration.h"

#include <set>

#include "storage/sqlite/sqlite_store_fixture.h"

namespace hull {
namespace {

class SqliteMigrationTest : public SqliteStoreFixture {
 protected:
  // A file as format 1 made it.
  std::unique_ptr<SqliteConnection> make_format_1() {
    auto connection = *SqliteConnection::open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    for (const char* sql :
         {"PRAGMA page_size = 4096", "PRAGMA application_id = 0x48756c6c",
          "CREATE TABLE log (ts INTEGER NOT NULL, tablet INTEGER NOT NULL, id BLOB NOT NULL, prev INTEGER,"
          " doc BLOB, PRIMARY KEY (ts, tablet, id)) WITHOUT ROWID",
          "CREATE TABLE documents (tablet INTEGER NOT NULL, id BLOB NOT NULL, ts INTEGER NOT NULL,"
          " doc BLOB NOT NULL, PRIMARY KEY (tablet, id)) WITHOUT ROWID",
          "CREATE TABLE index_rows (index_id INTEGER NOT NULL, key BLOB NOT NULL, tablet INTEGER NOT NULL,"
          " id BLOB NOT NULL, PRIMARY KEY (index_id, key)) WITHOUT ROWID",
          "CREATE TABLE globals (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
          "INSERT INTO globals VALUES ('format_version', '1')", "PRAGMA journal_mode = WAL"})
      expect_ok(connection->execute(sql));
    return connection;
  }
  static void insert(SqliteConnection& connection, const char* sql, std::initializer_list<int64_t> numbers,
                     std::initializer_list<std::string_view> blobs) {
    auto s = *connection.prepare(sql);
    int parameter = 0;
    for (int64_t number : numbers) s.bind_int(++parameter, number);
    for (std::string_view blob : blobs) s.bind_blob(++parameter, blob);
    expect_ok(s.run());
  }
};

TEST_F(SqliteMigrationTest, KeepsTheLatestState) {
  {
    auto old = make_format_1();
    for (uint32_t i = 1; i <= 300; ++i) {
      const Value value = Value::int64(i);
      const std::string key = "key" + std::to_string(i % 7) + std::string(make_id(i).view());
      insert(*old, "INSERT INTO log (ts, tablet, id, doc) VALUES (?1, ?2, ?3, ?4)", {i * 10, 100},
             {make_id(i).view(), value.packed()});
      insert(*old, "INSERT INTO documents (ts, tablet, id, doc) VALUES (?1, ?2, ?3, ?4)", {i * 10, 100},
             {make_id(i).view(), value.packed()});
      insert(*old, "INSERT INTO index_rows (index_id, tablet, key, id) VALUES (?1, ?2, ?3, ?4)", {900, 100},
             {key, make_id(i).view()});
    }
  }
  auto store = open();
  EXPECT_EQ(store->applied().ns, 3000);
  EXPECT_EQ(store->max_timestamp()->ns, 3000);
  auto documents = *store->scan_tablet(kTablet, std::nullopt, Order::kAsc, 1000);
  ASSERT_EQ(documents.size(), 300u);
  for (uint32_t i = 1; i <= 300; ++i) {
    EXPECT_EQ(documents[i - 1].id, make_id(i));
    EXPECT_EQ(documents[i - 1].ts.ns, i * 10);
    EXPECT_EQ(documents[i - 1].value->as_int64(), i);
  }
  auto rows = *store->scan_index(kIndex, {"key3", "key4"}, Order::kDesc, 1000);
  EXPECT_EQ(rows.size(), 43u);
  for (const auto& row : rows) EXPECT_EQ(row.document.value->as_int64() % 7, 3);
  EXPECT_EQ(store->read_log(Timestamp{10}, 10).error().kind, ErrorKind::kOutOfRetention);

  // Format 1 kept no sums.
  auto summaries = store->summaries();
  ASSERT_TRUE(summaries.ok());
  ASSERT_FALSE(summaries->empty());
  for (const SummaryDelta& sum : *summaries) {
    TableSummary counted;
    for (const StoredDocument& document : *store->scan_tablet(sum.tablet, std::nullopt, Order::kAsc, 10000)) {
      ++counted.documents;
      counted.bytes += static_cast<int64_t>(convex_size(document.value));
    }
    EXPECT_EQ(sum.change, counted);
  }

  // Life goes on: an update finds the document, and everything survives a restart.
  commit_and_apply(*store, {put(4000, 5, "new", "zzz", 50)});
  store.reset();
  store = open();
  EXPECT_EQ((*store->get(kTablet, make_id(5)))->value->as_string(), "new");
  EXPECT_EQ(store->read_log(Timestamp{3000}, 10)->size(), 1u);
  store.reset();
  auto file = *SqliteConnection::open(path_, SQLITE_OPEN_READONLY);
  auto tables =
      *file->prepare("SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema ORDER BY name)");
  ASSERT_TRUE(*tables.step());
  EXPECT_EQ(tables.bytes_at(0), "document_ids,documents,globals,index_rows,summaries");
}

TEST_F(SqliteMigrationTest, HighWaterMarkBeyondTheLogCounts) {
  {
    auto old = make_format_1();
    expect_ok(old->execute("INSERT INTO globals VALUES ('timestamp_high_water', '1700000000123456789')"));
    expect_ok(old->execute("INSERT INTO globals VALUES ('trim_cursor', '5')"));
  }
  auto store = open();
  EXPECT_EQ(store->max_timestamp()->ns, 1700000000123456789);
  EXPECT_FALSE(store->commit({put(1700000000123456789, 1, "x", "a")}).ok());
  expect_ok(store->recover());
  commit_and_apply(*store, {put(1700000000123456790, 1, "x", "a")});
}

TEST_F(SqliteMigrationTest, CrashBeforeItIsCompleteStartsAgain) {
  {
    auto old = make_format_1();
    insert(*old, "INSERT INTO documents (ts, tablet, id, doc) VALUES (?1, ?2, ?3, ?4)", {10, 100},
           {make_id(1).view(), Value::int64(1).packed()});
    // Names that the conversion needs: it fails in the middle.
    expect_ok(old->execute("CREATE TABLE document_ids (x)"));
  }
  open_error();
  {
    auto old = *SqliteConnection::open(path_, SQLITE_OPEN_READWRITE);
    expect_ok(old->execute("SELECT doc FROM documents WHERE tablet = 100 AND id = x'00'"));
    expect_ok(old->execute("DROP TABLE document_ids"));
  }
  EXPECT_EQ((*open()->get(kTablet, make_id(1)))->ts.ns, 10);
}

}  // namespace
}  // namespace hull
