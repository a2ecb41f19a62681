#include "storage/sqlite/sqlite_store.h"

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "storage/faulty_disk.h"
#include "storage/sqlite/sqlite_connection.h"
#include "storage/sqlite/sqlite_store_fixture.h"

namespace hull {
namespace {

namespace fs = std::filesystem;

class SqliteStoreTest : public SqliteStoreFixture {};

TEST_F(SqliteStoreTest, EmptyStore) {
  auto store = open();
  EXPECT_EQ(store->max_timestamp()->ns, 0);
  EXPECT_FALSE((*store->get(kTablet, make_id(1))).has_value());
  EXPECT_TRUE(store->scan_index(kIndex, {}, Order::kAsc, 10)->empty());
  EXPECT_TRUE(store->read_log(Timestamp{}, 10)->empty());
}

TEST_F(SqliteStoreTest, KeepsNewestStateAndWholeLog) {
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a"), put(20, 2, "two", "b")});
  StoredCommit moved = put(30, 1, "one again", "c", 10);
  moved.index_writes.push_back({kIndex, "a", kTablet, make_id(1), true});
  commit_and_apply(*store, {moved, erase(40, 2, "b", 20)});

  auto one = *store->get(kTablet, make_id(1));
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->ts.ns, 30);
  EXPECT_EQ(one->value->as_string(), "one again");
  EXPECT_FALSE((*store->get(kTablet, make_id(2))).has_value());
  auto rows = *store->scan_index(kIndex, {}, Order::kAsc, 10);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].key, "c");
  EXPECT_EQ(store->max_timestamp()->ns, 40);
  auto log = *store->read_log(Timestamp{}, 10);
  ASSERT_EQ(log.size(), 4u);
  EXPECT_EQ(log[2].prev->ns, 10);
  EXPECT_FALSE(log[3].value.has_value());
}

TEST_F(SqliteStoreTest, RangeScansMatchModel) {
  auto store = open();
  std::mt19937 random(7);
  std::map<std::string, uint8_t> model;
  StoredCommit all{Timestamp{10}, {}, {}};
  for (int i = 0; i < 200; ++i) {
    std::string key;
    for (size_t n = random() % 4; n > 0; --n) key.push_back("\0\x01z\xff"[random() % 4]);
    if (!model.emplace(key, i).second) continue;
    all.writes.push_back({kTablet, make_id(i), Value::int64(i), std::nullopt});
    all.index_writes.push_back({kIndex, key, kTablet, make_id(i), false});
    all.index_writes.push_back({IndexId{901}, key, kTablet, make_id(i), false});
  }
  commit_and_apply(*store, {all});
  for (int round = 0; round < 300; ++round) {
    auto bound = [&] {
      std::string key;
      for (size_t n = random() % 4; n > 0; --n) key.push_back("\0\x01z\xff"[random() % 4]);
      return key;
    };
    Interval interval{bound(), random() % 4 ? std::optional(bound()) : std::nullopt};
    Order order = random() % 2 ? Order::kAsc : Order::kDesc;
    size_t limit = 1 + random() % 20;
    std::vector<std::string> expected;
    for (const auto& [key, id] : model)
      if (interval.contains(key)) expected.push_back(key);
    if (order == Order::kDesc) std::reverse(expected.begin(), expected.end());
    if (expected.size() > limit) expected.resize(limit);
    auto rows = *store->scan_index(kIndex, interval, order, limit);
    std::vector<std::string> keys;
    for (const auto& row : rows) {
      keys.push_back(row.key);
      EXPECT_EQ(row.document.value->as_int64(), model.at(row.key));
    }
    EXPECT_EQ(keys, expected);
  }
}

TEST_F(SqliteStoreTest, ScansTabletsInIdOrder) {
  auto store = open();
  int64_t ts = 0;
  for (uint32_t i : {5, 1, 9, 3}) commit_and_apply(*store, {put(++ts, i, "x", std::to_string(i))});
  auto ids = [&](std::optional<InternalId> after, Order order, size_t limit) {
    std::vector<int> result;
    auto rows = *store->scan_tablet(kTablet, after, order, limit);
    for (const auto& row : rows) result.push_back(row.id.bytes[15]);
    return result;
  };
  EXPECT_EQ(ids(std::nullopt, Order::kAsc, 10), (std::vector<int>{1, 3, 5, 9}));
  EXPECT_EQ(ids(make_id(3), Order::kAsc, 1), (std::vector<int>{5}));
  EXPECT_EQ(ids(std::nullopt, Order::kDesc, 2), (std::vector<int>{9, 5}));
  EXPECT_EQ(ids(make_id(5), Order::kDesc, 10), (std::vector<int>{3, 1}));
}

TEST_F(SqliteStoreTest, SecondServerIsRefused) {
  auto store = open();
  Error error = open_error();
  EXPECT_EQ(error.code, "DatabaseInUse");
  EXPECT_NE(error.message.find(path_), std::string::npos);
  EXPECT_NE(error.message.find("another Hull"), std::string::npos);
  store.reset();
  EXPECT_NE(open(), nullptr);
}

TEST_F(SqliteStoreTest, ForeignDatabaseIsLeftAlone) {
  {
    auto other = *SqliteConnection::open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(other->execute("CREATE TABLE documents (id BLOB, ts INTEGER)").ok());
  }
  std::string before = read_bytes(path_);
  EXPECT_EQ(open_error().code, "ForeignDatabase");
  EXPECT_EQ(read_bytes(path_), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()),
            1);  // no lock, no journal
}

TEST_F(SqliteStoreTest, FileThatIsNoDatabaseIsLeftAlone) {
  std::ofstream(path_) << "these are my notes";
  EXPECT_EQ(open_error().code, "ForeignDatabase");
  EXPECT_EQ(read_bytes(path_), "these are my notes");
}

TEST_F(SqliteStoreTest, CreationCutShortIsRepeated) {
  std::ofstream(path_ + ".new") << "half a database";
  std::ofstream touch(path_);
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a")});
}

TEST_F(SqliteStoreTest, PurgesInSteps) {
  auto store = open();
  for (uint8_t i = 0; i < 10; ++i)
    commit_and_apply(*store, {put(i + 1, i, "x", std::string(1, static_cast<char>('a' + i)))});
  EXPECT_FALSE(*store->purge_index(kIndex, 6));
  EXPECT_EQ(store->scan_index(kIndex, {}, Order::kAsc, 100)->size(), 4u);
  EXPECT_TRUE(*store->purge_index(kIndex, 6));
  EXPECT_FALSE(*store->purge_tablet(kTablet, 6));
  EXPECT_TRUE(*store->purge_tablet(kTablet, 6));
  EXPECT_TRUE(store->scan_tablet(kTablet, std::nullopt, Order::kAsc, 100)->empty());
}

TEST_F(SqliteStoreTest, NewerFormatIsRefused) {
  open();
  {
    auto connection = *SqliteConnection::open(path_, SQLITE_OPEN_READWRITE);
    expect_ok(connection->execute("UPDATE globals SET value = '99' WHERE key = 'format_version'"));
  }
  std::string before = read_bytes(path_);
  EXPECT_EQ(open_error().code, "DatabaseTooNew");
  EXPECT_EQ(read_bytes(path_), before);
}

TEST_F(SqliteStoreTest, ReadLogNeverSplitsACommit) {
  auto store = open();
  StoredCommit big{Timestamp{20}, {}, {}};
  for (uint32_t i = 0; i < 5; ++i)
    big.writes.push_back({kTablet, make_id(i + 10), Value::int64(i), std::nullopt});
  commit(*store, {put(10, 1, "one", "a"), big, put(30, 2, "two", "b")});
  EXPECT_EQ(store->read_log(Timestamp{0}, 3)->size(), 1u);   // the second commit does not fit
  EXPECT_EQ(store->read_log(Timestamp{10}, 3)->size(), 5u);  // but alone it is returned whole
  EXPECT_EQ(store->read_log(Timestamp{10}, 6)->size(), 6u);
  EXPECT_EQ(store->read_log(Timestamp{20}, 6)->size(), 1u);
  EXPECT_TRUE(store->read_log(Timestamp{30}, 6)->empty());
}

TEST_F(SqliteStoreTest, ReadsFollowApply) {
  auto store = open();
  commit(*store, {put(10, 1, "one", "a")});
  commit(*store, {put(20, 2, "two", "b")});
  EXPECT_EQ(store->applied().ns, 0);
  EXPECT_GT(store->unapplied_bytes(), 0u);
  EXPECT_FALSE((*store->get(kTablet, make_id(1))).has_value());
  EXPECT_EQ(store->max_timestamp()->ns, 20);
  EXPECT_EQ(store->read_log(Timestamp{}, 10)->size(), 2u);
  EXPECT_FALSE(*store->apply());
  EXPECT_EQ(store->applied().ns, 20);
  EXPECT_EQ(store->unapplied_bytes(), 0u);
  EXPECT_EQ((*store->get(kTablet, make_id(1)))->value->as_string(), "one");
}

TEST_F(SqliteStoreTest, ApplyIsBounded) {
  auto store = open();
  const std::string text(1 << 20, 'x');
  for (int64_t ts = 1; ts <= 40; ++ts) commit(*store, {put(ts, static_cast<uint32_t>(ts), text, "k")});
  EXPECT_TRUE(*store->apply());
  EXPECT_LT(store->applied().ns, 40);
  EXPECT_GT(store->applied().ns, 0);
  apply_all(*store);
  EXPECT_EQ(store->applied().ns, 40);
  EXPECT_EQ(store->scan_tablet(kTablet, std::nullopt, Order::kAsc, 100)->size(), 40u);
}

TEST_F(SqliteStoreTest, CommitWithoutRowsUsesItsTimestamp) {
  {
    auto store = open();
    commit(*store, {StoredCommit{Timestamp{77}, {}, {}}});
    EXPECT_EQ(store->max_timestamp()->ns, 77);
  }
  EXPECT_EQ(open()->max_timestamp()->ns, 77);
}

TEST_F(SqliteStoreTest, BackFillRowsNeedNoDocumentWrite) {
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a"), put(20, 2, "two", "b")});
  StoredCommit fill{Timestamp{30}, {}, {}};
  fill.index_writes.push_back({IndexId{5}, "x1", kTablet, make_id(1), false});
  fill.index_writes.push_back({IndexId{5}, "x2", kTablet, make_id(2), false});
  fill.index_writes.push_back({IndexId{5}, "x9", kTablet, make_id(9), false});  // no such document
  commit_and_apply(*store, {fill});
  auto rows = *store->scan_index(IndexId{5}, {}, Order::kDesc, 10);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].document.id, make_id(2));
  EXPECT_EQ(rows[0].document.ts.ns, 20);
}

TEST_F(SqliteStoreTest, WritesToOneDocumentInOneStep) {
  auto store = open();
  // Inserted and deleted; deleted and inserted again; replaced twice with the key moving there and back.
  commit(*store, {put(1, 1, "a", "k1"), erase(2, 1, "k1", 1)});
  commit(*store, {put(3, 2, "b", "k2"), erase(4, 2, "k2", 3), put(5, 2, "c", "k2")});
  commit_and_apply(*store, {put(6, 3, "d", "k3")});
  StoredCommit there = put(7, 3, "e", "k4", 6), back = put(8, 3, "f", "k3", 7);
  there.index_writes.push_back({kIndex, "k3", kTablet, make_id(3), true});
  back.index_writes.push_back({kIndex, "k4", kTablet, make_id(3), true});
  commit_and_apply(*store, {there, back, erase(9, 2, "k2", 5), put(10, 2, "g", "k2")});
  auto rows = *store->scan_index(kIndex, {}, Order::kAsc, 10);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].key, "k2");
  EXPECT_EQ(rows[0].document.value->as_string(), "g");
  EXPECT_EQ(rows[0].document.ts.ns, 10);
  EXPECT_EQ(rows[1].key, "k3");
  EXPECT_EQ(rows[1].document.value->as_string(), "f");
  EXPECT_FALSE((*store->get(kTablet, make_id(1))).has_value());
}

TEST_F(SqliteStoreTest, FullDiskInTheLog) {
  FaultyDisk disk;
  options_.disk = &disk;
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a")});
  disk.full = true;
  auto failed = store->commit({put(20, 2, "two", "b")});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, "DiskFull");
  EXPECT_EQ(store->recover().error().code, "DiskFull");
  EXPECT_EQ((*store->get(kTablet, make_id(1)))->value->as_string(), "one");
  disk.full = false;
  expect_ok(store->recover());
  commit_and_apply(*store, {put(30, 3, "three", "c")});
  store.reset();
  store = open();
  EXPECT_EQ(store->max_timestamp()->ns, 30);
  EXPECT_FALSE((*store->get(kTablet, make_id(2))).has_value());
  EXPECT_EQ(store->scan_index(kIndex, {}, Order::kAsc, 10)->size(), 2u);
}

TEST_F(SqliteStoreTest, FailedGroupIsVoidEvenAfterARestart) {
  options_.durability = Durability::kSync;
  FaultyDisk disk;
  options_.disk = &disk;
  auto store = open();
  commit(*store, {put(10, 1, "one", "a")});
  disk.fail_sync = true;
  EXPECT_FALSE(store->commit({put(20, 2, "two", "b")}).ok());
  disk.fail_sync = false;
  expect_ok(store->recover());
  store.reset();
  store = open();
  EXPECT_EQ(store->applied().ns, 10);
  EXPECT_FALSE((*store->get(kTablet, make_id(2))).has_value());
  commit_and_apply(*store, {put(20, 3, "three", "c")});
  store.reset();
  store = open();
  EXPECT_EQ(store->read_log(Timestamp{}, 10)->size(), 2u);
  EXPECT_FALSE((*store->get(kTablet, make_id(2))).has_value());
}

TEST_F(SqliteStoreTest, TrimmedLogIsOutOfRetention) {
  options_.log_segment_bytes = 4096;
  auto store = open();
  for (int64_t ts = 1; ts <= 60; ++ts) {
    commit(*store, {put(ts, static_cast<uint32_t>(ts), std::string(500, 'x'), std::to_string(ts))});
    if (ts == 40) apply_all(*store);
  }
  const size_t before = store->usage()->log_bytes;
  EXPECT_EQ(*store->trim_log(Timestamp{1}, SIZE_MAX), 0u);
  const size_t freed = *store->trim_log(Timestamp::max(), SIZE_MAX);
  EXPECT_GT(freed, 0u);
  EXPECT_EQ(store->usage()->log_bytes, before - freed);
  EXPECT_EQ(store->read_log(Timestamp{1}, 10).error().kind, ErrorKind::kOutOfRetention);
  EXPECT_EQ(store->read_log(Timestamp{40}, 100)->size(), 20u) << "what is not applied stays";
  crash_and_reopen(store);
  EXPECT_EQ(store->scan_tablet(kTablet, std::nullopt, Order::kAsc, 100)->size(), 60u);
  EXPECT_EQ(store->max_timestamp()->ns, 60);
}

TEST_F(SqliteStoreTest, UsageCountsFiles) {
  auto store = open();
  auto empty = *store->usage();
  for (int64_t ts = 1; ts <= 40; ++ts)
    commit_and_apply(*store, {put(ts, static_cast<uint32_t>(ts), std::string(50'000, 'x'), "k")});
  auto full = *store->usage();
  EXPECT_GE(full.log_bytes, empty.log_bytes + 2'000'000);
  EXPECT_GE(full.state_bytes, empty.state_bytes + 2'000'000);
  EXPECT_GT(full.disk.free, 0u);
  EXPECT_GE(full.disk.total, full.disk.free);
}

TEST_F(SqliteStoreTest, IdleStoreEmptiesTheWal) {
  auto store = open();
  // Less than SQLite checkpoints by itself, more than an idle store leaves.
  for (int64_t ts = 1; ts <= 50; ++ts)
    commit(*store, {put(ts, static_cast<uint32_t>(ts), std::string(50'000, 'x'), "k")});
  apply_all(*store);
  EXPECT_LT(fs::file_size(path_), 2'000'000u);
  EXPECT_FALSE(*store->apply());
  EXPECT_GT(fs::file_size(path_), 2'000'000u);
}

TEST_F(SqliteStoreTest, EverythingAtOnce) {
  // Each commit sets both documents to its timestamp, so every read must find one and the same, not older
  // than what was applied when it began.
  options_.log_segment_bytes = 16 << 10;
  auto store = open();
  constexpr int64_t kCommits = 600;
  auto both = [](int64_t ts) {
    std::optional<int64_t> prev;
    if (ts > 1) prev = ts - 1;
    StoredCommit commit = put(ts, 1, "x", "a", prev);
    commit.writes.push_back({kTablet, make_id(2), Value::string("y"), commit.writes[0].prev});
    commit.index_writes.push_back({kIndex, "b", kTablet, make_id(2), false});
    return commit;
  };
  commit_and_apply(*store, {both(1)});
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        const int64_t applied = store->applied().ns;
        auto rows = *store->scan_index(kIndex, {}, Order::kAsc, 10);
        ASSERT_EQ(rows.size(), 2u);
        EXPECT_EQ(rows[0].document.ts, rows[1].document.ts);
        EXPECT_GE(rows[0].document.ts.ns, applied);
        auto log = store->read_log(Timestamp{applied}, 50);
        if (log.ok() && !log->empty()) {
          EXPECT_EQ(log->front().ts.ns, applied + 1);
        }
      }
    });
  }
  threads.emplace_back([&] {
    while (store->applied().ns < kCommits) expect_ok(store->apply());
  });
  threads.emplace_back([&] {
    while (!done) {
      expect_ok(store->trim_log(store->applied(), SIZE_MAX));
      expect_ok(store->usage());
      std::this_thread::yield();
    }
  });
  for (int64_t ts = 2; ts <= kCommits; ++ts) {
    commit(*store, {both(ts)});
    if (ts % 100 == 0) expect_ok(store->recover());
  }
  threads[3].join();
  done = true;
  for (size_t i : {0, 1, 2, 4}) threads[i].join();
  EXPECT_EQ(store->applied().ns, kCommits);
}

TEST_F(SqliteStoreTest, OneConnectionOverAnotherVfs) {
  options_.vfs = "unix-none";
  {
    auto store = open();
    commit_and_apply(*store, {put(10, 1, "one", "a")});
    commit(*store, {put(20, 2, "two", "b")});
    EXPECT_EQ(store->scan_index(kIndex, {}, Order::kAsc, 10)->size(), 1u);
    EXPECT_FALSE(fs::exists(path_ + "-shm"));
    EXPECT_FALSE(fs::exists(path_ + ".lock"));
    EXPECT_GT(store->usage()->state_bytes, 0u);
  }
  EXPECT_EQ(open()->scan_index(kIndex, {}, Order::kAsc, 10)->size(), 2u);
}

}  // namespace
}  // namespace hull
