// What is left of a store after crashes and power cuts, and a long random history against a naive model.
#include <map>
#include <random>

#include "storage/sqlite/full_vfs.h"
#include "storage/sqlite/sqlite_connection.h"
#include "storage/sqlite/sqlite_store_fixture.h"

namespace hull {
namespace {

namespace fs = std::filesystem;

class SqliteCrashTest : public SqliteStoreFixture {};

TEST_F(SqliteCrashTest, CommitsThatWereNotAppliedAreReplayed) {
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a")});
  commit(*store, {put(20, 2, "two", "b"), erase(30, 1, "a", 10)});
  crash_and_reopen(store);
  EXPECT_EQ(store->applied().ns, 30);
  EXPECT_FALSE((*store->get(kTablet, make_id(1))).has_value());
  auto rows = *store->scan_index(kIndex, {}, Order::kAsc, 10);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].document.value->as_string(), "two");
}

TEST_F(SqliteCrashTest, OlderStateIsBroughtForward) {
  const fs::path copy = directory_ / "copy";
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a")});
  copy_files(copy, {.log = false});
  StoredCommit moved = put(20, 1, "two", "b", 10);
  moved.index_writes.push_back({kIndex, "a", kTablet, make_id(1), true});
  commit_and_apply(*store, {moved});
  commit_and_apply(*store, {put(30, 1, "three", "b", 20), put(40, 2, "x", "c")});
  copy_files(copy, {.state = false});
  store.reset();
  // Twice: replaying must not depend on how often it has been begun.
  for (int i = 0; i < 2; ++i) {
    path_ = copy / "db.sqlite3";
    store = open();
    EXPECT_EQ(store->applied().ns, 40);
    auto rows = *store->scan_index(kIndex, {}, Order::kAsc, 10);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].key, "b");
    EXPECT_EQ(rows[0].document.value->as_string(), "three");
    EXPECT_EQ(store->scan_tablet(kTablet, std::nullopt, Order::kAsc, 10)->size(), 2u);
    crash_and_reopen(store);
    store.reset();
  }
}

TEST_F(SqliteCrashTest, WholeStateIsRebuiltFromAWholeLog) {
  auto store = open();
  for (int64_t ts = 1; ts <= 30; ++ts)
    commit_and_apply(*store, {put(ts, static_cast<uint32_t>(ts), "x", std::to_string(ts))});
  store.reset();
  fs::remove(path_);
  store = open();
  EXPECT_EQ(store->scan_index(kIndex, {}, Order::kAsc, 100)->size(), 30u);
}

TEST_F(SqliteCrashTest, TrimmedLogWithoutItsStateIsRefused) {
  options_.log_segment_bytes = 4096;
  auto store = open();
  for (int64_t ts = 1; ts <= 30; ++ts)
    commit_and_apply(*store, {put(ts, static_cast<uint32_t>(ts), std::string(500, 'x'), std::to_string(ts))});
  EXPECT_GT(*store->trim_log(Timestamp::max(), 0), 0u);
  store.reset();
  fs::remove(path_);
  EXPECT_NE(open_error().message.find("-log/"), std::string::npos);
}

TEST_F(SqliteCrashTest, RelaxedStateAheadOfItsLog) {
  options_.durability = Durability::kRelaxed;
  const fs::path copy = directory_ / "copy";
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a")});
  copy_files(copy, {.state = false});
  commit_and_apply(*store, {put(20, 2, "two", "b")});
  copy_files(copy, {.log = false});
  store.reset();
  path_ = copy / "db.sqlite3";
  store = open();
  EXPECT_EQ(store->max_timestamp()->ns, 20);
  EXPECT_EQ(store->read_log(Timestamp{10}, 10).error().kind, ErrorKind::kOutOfRetention);
  commit_and_apply(*store, {put(30, 3, "three", "c")});
  EXPECT_EQ(store->read_log(Timestamp{20}, 10)->size(), 1u);
  crash_and_reopen(store);
  EXPECT_EQ(store->scan_index(kIndex, {}, Order::kAsc, 10)->size(), 3u);
}

TEST_F(SqliteCrashTest, FailedApplyKeepsTheCommits) {
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a")});
  commit(*store, {put(20, 2, "two", "b")});
  {
    // Whatever makes SQLite fail: here a table that is gone for a while.
    auto other = *SqliteConnection::open(path_, SQLITE_OPEN_READWRITE);
    expect_ok(other->execute("ALTER TABLE index_rows RENAME TO away"));
    EXPECT_FALSE(store->apply().ok());
    EXPECT_EQ(store->applied().ns, 10);
    EXPECT_FALSE((*store->get(kTablet, make_id(2))).has_value()) << "rolled back";
    commit(*store, {put(30, 3, "three", "c")});
    EXPECT_FALSE(store->apply().ok());
    expect_ok(other->execute("ALTER TABLE away RENAME TO index_rows"));
  }
  apply_all(*store);
  EXPECT_EQ(store->applied().ns, 30);
  EXPECT_EQ(store->unapplied_bytes(), 0u);
  EXPECT_EQ(store->scan_index(kIndex, {}, Order::kAsc, 10)->size(), 3u);
}

TEST_F(SqliteCrashTest, FullDiskInSqlite) {
  options_.vfs = FullVfs::name();
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a")});
  FullVfs::disk_full = true;
  commit(*store, {put(20, 2, "two", "b")});
  for (int i = 0; i < 2; ++i) {
    auto failed = store->apply();
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code, "DiskFull");
    EXPECT_NE(failed.error().message.find(path_), std::string::npos);
  }
  EXPECT_EQ(store->applied().ns, 10);
  EXPECT_GT(store->unapplied_bytes(), 0u);
  commit(*store, {put(30, 3, "three", "c")});
  EXPECT_EQ(store->scan_index(kIndex, {}, Order::kAsc, 10)->size(), 1u);
  FullVfs::disk_full = false;
  apply_all(*store);
  EXPECT_EQ(store->applied().ns, 30);
  EXPECT_EQ(store->unapplied_bytes(), 0u);
  EXPECT_EQ(store->scan_index(kIndex, {}, Order::kAsc, 10)->size(), 3u);
}

TEST_F(SqliteCrashTest, FinishedPurgeIsNotUndone) {
  auto store = open();
  commit_and_apply(*store, {put(10, 1, "one", "a"), put(20, 2, "two", "b")});
  EXPECT_TRUE(*store->purge_index(kIndex, 100));
  EXPECT_TRUE(*store->purge_tablet(kTablet, 100));
  crash_and_reopen(store);
  EXPECT_TRUE(store->scan_tablet(kTablet, std::nullopt, Order::kAsc, 10)->empty());
  EXPECT_TRUE(store->scan_index(kIndex, {}, Order::kAsc, 10)->empty());
}

struct Model {
  struct Document {
    int64_t ts, number;
    std::string key;
  };
  std::map<uint32_t, Document> documents;
  std::map<std::string, uint32_t> index;
};

std::string random_key(std::mt19937& random, uint32_t id) {
  std::string key;
  for (size_t n = random() % 3; n > 0; --n) key.push_back("\0\x01z\xff"[random() % 4]);
  return key + std::string(make_id(id).view());
}

StoredCommit random_commit(std::mt19937& random, int64_t ts, Model& model) {
  StoredCommit commit{Timestamp{ts}, {}, {}};
  std::map<uint32_t, bool> chosen;
  for (size_t n = random() % 4; n > 0; --n) chosen[random() % 40] = true;
  for (const auto& [id, ignored] : chosen) {
    auto old = model.documents.find(id);
    const bool exists = old != model.documents.end();
    std::optional<Timestamp> prev;
    if (exists) prev = Timestamp{old->second.ts};
    if (exists && random() % 3 == 0) {
      commit.writes.push_back({kTablet, make_id(id), std::nullopt, prev});
      commit.index_writes.push_back({kIndex, old->second.key, kTablet, make_id(id), true});
      model.index.erase(old->second.key);
      model.documents.erase(old);
      continue;
    }
    const std::string key = exists && random() % 2 ? old->second.key : random_key(random, id);
    commit.writes.push_back({kTablet, make_id(id), Value::int64(ts), prev});
    if (!exists || key != old->second.key) {
      commit.index_writes.push_back({kIndex, key, kTablet, make_id(id), false});
      if (exists) {
        commit.index_writes.push_back({kIndex, old->second.key, kTablet, make_id(id), true});
        model.index.erase(old->second.key);
      }
    }
    model.documents[id] = {ts, ts, key};
    model.index[key] = id;
  }
  return commit;
}

void compare(Store& store, const Model& model, std::mt19937& random) {
  for (int i = 0; i < 5; ++i) {
    const uint32_t id = random() % 40;
    auto found = *store.get(kTablet, make_id(id));
    auto expected = model.documents.find(id);
    ASSERT_EQ(found.has_value(), expected != model.documents.end());
    if (found) {
      EXPECT_EQ(found->ts.ns, expected->second.ts);
      EXPECT_EQ(found->value->as_int64(), expected->second.number);
    }
  }
  const Order order = random() % 2 ? Order::kAsc : Order::kDesc;
  const size_t limit = 1 + random() % 50;
  Interval interval{random_key(random, 0).substr(0, random() % 4), std::nullopt};
  if (random() % 3) interval.end = random_key(random, 0).substr(0, random() % 4);
  std::vector<std::string> keys;
  for (const auto& [key, id] : model.index)
    if (interval.contains(key)) keys.push_back(key);
  if (order == Order::kDesc) std::reverse(keys.begin(), keys.end());
  if (keys.size() > limit) keys.resize(limit);
  auto rows = *store.scan_index(kIndex, interval, order, limit);
  ASSERT_EQ(rows.size(), keys.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].key, keys[i]);
    const uint32_t id = model.index.at(keys[i]);
    EXPECT_EQ(rows[i].document.id, make_id(id));
    EXPECT_EQ(rows[i].document.ts.ns, model.documents.at(id).ts);
  }
  const uint32_t after = random() % 40;
  std::vector<uint32_t> ids;
  for (const auto& [id, document] : model.documents)
    if (order == Order::kAsc ? id > after : id < after) ids.push_back(id);
  if (order == Order::kDesc) std::reverse(ids.begin(), ids.end());
  if (ids.size() > limit) ids.resize(limit);
  auto documents = *store.scan_tablet(kTablet, make_id(after), order, limit);
  ASSERT_EQ(documents.size(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(documents[i].id, make_id(ids[i]));
}

TEST_F(SqliteCrashTest, RandomHistoryMatchesModel) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    std::mt19937 random(seed);
    path_ = directory_ / ("seed-" + std::to_string(seed)) / "db.sqlite3";
    fs::create_directories(fs::path(path_).parent_path());
    options_.log_segment_bytes = 8192;
    options_.durability = seed % 2 ? Durability::kRelaxed : Durability::kSync;
    auto store = open();
    std::map<int64_t, Model> at;  // the state after each commit
    at[0] = {};
    size_t revisions = 0;
    int64_t ts = 0, trimmed = 0;
    for (int step = 0; step < 400; ++step) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step));
      std::vector<StoredCommit> group;
      for (size_t n = random() % 4; n > 0; --n) {
        Model next = at.at(ts);
        group.push_back(random_commit(random, ++ts, next));
        revisions += group.back().writes.size();
        at[ts] = std::move(next);
      }
      commit(*store, std::move(group));
      if (random() % 4 == 0) apply_all(*store);
      if (random() % 50 == 0) {
        trimmed = store->applied().ns;
        expect_ok(store->trim_log(Timestamp{trimmed + 1}, SIZE_MAX));
      }
      if (random() % 60 == 0) {
        crash_and_reopen(store);
        ASSERT_EQ(store->applied().ns, ts);
      }
      if (random() % 120 == 0) {
        store.reset();
        store = open();
      }
      ASSERT_EQ(store->max_timestamp()->ns, ts);
      compare(*store, at.at(store->applied().ns), random);
      if (testing::Test::HasFailure()) return;
    }
    // The log still tells everything since it was last trimmed.
    Timestamp position{trimmed};
    int64_t last = trimmed;
    while (true) {
      auto page = *store->read_log(position, 7);
      if (page.empty()) break;
      for (const LogRevision& row : page) {
        EXPECT_GE(row.ts.ns, last);
        last = row.ts.ns;
        const auto& documents = at.at(row.ts.ns).documents;
        uint32_t id = row.id.bytes[15];
        EXPECT_EQ(row.value.has_value(), documents.contains(id));
        if (row.value) {
          EXPECT_EQ((*row.value)->as_int64(), row.ts.ns);
        }
      }
      position = page.back().ts;
    }
    EXPECT_GT(last, ts - 10);
  }
}

}  // namespace
}  // namespace hull
