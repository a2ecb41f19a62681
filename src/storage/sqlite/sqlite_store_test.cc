#include "storage/sqlite/sqlite_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "base/random.h"
#include "storage/sqlite/sqlite_connection.h"

namespace hull {
namespace {

namespace fs = std::filesystem;

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteStoreTest() : directory_(fs::temp_directory_path() / ("hull-sqlite-test-" + random_hex(8))) {
    fs::create_directories(directory_);
    path_ = directory_ / "db.sqlite3";
  }
  ~SqliteStoreTest() override { fs::remove_all(directory_); }

  std::unique_ptr<Store> open() {
    auto store = open_sqlite_store({.path = path_, .durable = false});
    if (!store.ok()) ADD_FAILURE() << store.error().message;
    return store.ok() ? std::move(*store) : nullptr;
  }
  Error open_error() {
    auto store = open_sqlite_store({.path = path_, .durable = false});
    EXPECT_FALSE(store.ok());
    return store.ok() ? Error{} : store.error();
  }
  std::string file_bytes() const {
    std::ifstream in(path_, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }

  fs::path directory_;
  std::string path_;
};

InternalId make_id(uint8_t n) {
  InternalId id;
  id.bytes[15] = n;
  return id;
}

constexpr TabletId kTablet{100};
constexpr IndexId kIndex{900};

StoredCommit put(int64_t ts, uint8_t id, std::string_view text, std::string key,
                 std::optional<int64_t> prev = std::nullopt) {
  StoredCommit commit{Timestamp{ts}, {}, {}};
  std::optional<Timestamp> previous;
  if (prev) previous = Timestamp{*prev};
  commit.writes.push_back({kTablet, make_id(id), Value::string(text), previous});
  commit.index_writes.push_back({kIndex, std::move(key), kTablet, make_id(id), false});
  return commit;
}

StoredCommit remove(int64_t ts, uint8_t id, std::string key, int64_t prev) {
  StoredCommit commit{Timestamp{ts}, {}, {}};
  commit.writes.push_back({kTablet, make_id(id), std::nullopt, Timestamp{prev}});
  commit.index_writes.push_back({kIndex, std::move(key), kTablet, make_id(id), true});
  return commit;
}

void commit(Store& store, std::vector<StoredCommit> group) {
  auto result = store.commit(group);
  ASSERT_TRUE(result.ok()) << result.error().message;
}

TEST_F(SqliteStoreTest, EmptyStore) {
  auto store = open();
  EXPECT_EQ(store->max_timestamp()->ns, 0);
  EXPECT_FALSE((*store->get(kTablet, make_id(1))).has_value());
  EXPECT_TRUE(store->scan_index(kIndex, {}, Order::kAsc, 10)->empty());
  EXPECT_TRUE(store->read_log(Timestamp{}, 10)->empty());
}

TEST_F(SqliteStoreTest, KeepsNewestStateAndWholeLog) {
  auto store = open();
  commit(*store, {put(10, 1, "one", "a"), put(20, 2, "two", "b")});
  StoredCommit moved = put(30, 1, "one again", "c", 10);
  moved.index_writes.push_back({kIndex, "a", kTablet, make_id(1), true});
  commit(*store, {moved, remove(40, 2, "b", 20)});

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

TEST_F(SqliteStoreTest, FailedGroupLeavesNothing) {
  auto store = open();
  commit(*store, {put(10, 1, "one", "a")});
  std::vector<StoredCommit> group = {put(20, 2, "two", "b"), put(10, 1, "again", "a")};  // duplicate log row
  EXPECT_FALSE(store->commit(group).ok());
  EXPECT_EQ(store->max_timestamp()->ns, 10);
  EXPECT_FALSE((*store->get(kTablet, make_id(2))).has_value());
  commit(*store, {put(30, 3, "three", "c")});
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
  commit(*store, {all});
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
  for (uint8_t i : {5, 1, 9, 3}) commit(*store, {put(i, i, "x", std::string(1, static_cast<char>(i)))});
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

TEST_F(SqliteStoreTest, ReadLogNeverSplitsACommit) {
  auto store = open();
  StoredCommit big{Timestamp{20}, {}, {}};
  for (uint8_t i = 0; i < 5; ++i)
    big.writes.push_back({kTablet, make_id(i + 10), Value::int64(i), std::nullopt});
  commit(*store, {put(10, 1, "one", "a"), big, put(30, 2, "two", "b")});
  EXPECT_EQ(store->read_log(Timestamp{0}, 3)->size(), 1u);   // the second commit does not fit
  EXPECT_EQ(store->read_log(Timestamp{10}, 3)->size(), 5u);  // but alone it is returned whole
  EXPECT_EQ(store->read_log(Timestamp{10}, 6)->size(), 6u);
  EXPECT_EQ(store->read_log(Timestamp{20}, 6)->size(), 1u);
}

TEST_F(SqliteStoreTest, SurvivesReopening) {
  {
    auto store = open();
    commit(*store, {put(10, 1, "one", "a")});
    ASSERT_TRUE(store->set_global("mark", std::string("\0x", 2)).ok());
  }
  auto store = open();
  EXPECT_EQ(store->max_timestamp()->ns, 10);
  EXPECT_EQ(**store->get_global("mark"), std::string("\0x", 2));
  EXPECT_FALSE((*store->get_global("absent")).has_value());
  EXPECT_EQ(store->scan_index(kIndex, {}, Order::kDesc, 10)->size(), 1u);
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
  std::string before = file_bytes();
  EXPECT_EQ(open_error().code, "ForeignDatabase");
  EXPECT_EQ(file_bytes(), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()),
            1);  // no lock, no journal
}

TEST_F(SqliteStoreTest, FileThatIsNoDatabaseIsLeftAlone) {
  std::ofstream(path_) << "these are my notes";
  EXPECT_EQ(open_error().code, "ForeignDatabase");
  EXPECT_EQ(file_bytes(), "these are my notes");
}

TEST_F(SqliteStoreTest, NewerFormatIsRefused) {
  ASSERT_TRUE(open()->set_global("format_version", "99").ok());
  std::string before = file_bytes();
  EXPECT_EQ(open_error().code, "DatabaseTooNew");
  EXPECT_EQ(file_bytes(), before);
}

TEST_F(SqliteStoreTest, CreationCutShortIsRepeated) {
  std::ofstream(path_ + ".new") << "half a database";
  std::ofstream touch(path_);
  auto store = open();
  commit(*store, {put(10, 1, "one", "a")});
}

TEST_F(SqliteStoreTest, PurgesInSteps) {
  auto store = open();
  for (uint8_t i = 0; i < 10; ++i)
    commit(*store, {put(i + 1, i, "x", std::string(1, static_cast<char>('a' + i)))});
  EXPECT_FALSE(*store->purge_index(kIndex, 6));
  EXPECT_EQ(store->scan_index(kIndex, {}, Order::kAsc, 100)->size(), 4u);
  EXPECT_TRUE(*store->purge_index(kIndex, 6));
  EXPECT_FALSE(*store->purge_tablet(kTablet, 6));
  EXPECT_TRUE(*store->purge_tablet(kTablet, 6));
  EXPECT_TRUE(store->scan_tablet(kTablet, std::nullopt, Order::kAsc, 100)->empty());
}

TEST_F(SqliteStoreTest, TrimKeepsWhatIsNewestAtTheHorizon) {
  for (size_t step : {size_t{2}, size_t{3}, size_t{1000}}) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    auto store = open();
    std::mt19937 random(step);
    std::map<uint8_t, int64_t> live;
    std::vector<LogRevision> all;
    int64_t ts = 0;
    for (int i = 0; i < 300; ++i) {
      StoredCommit next{Timestamp{++ts}, {}, {}};
      std::set<uint8_t> ids;
      for (size_t n = 1 + random() % 4; n > 0; --n) ids.insert(random() % 12);
      for (uint8_t id : ids) {
        auto it = live.find(id);
        std::optional<Timestamp> prev;
        if (it != live.end()) prev = Timestamp{it->second};
        bool remove = prev && random() % 3 == 0;
        next.writes.push_back(
            {kTablet, make_id(id), remove ? std::nullopt : std::optional(Value::int64(ts)), prev});
        if (remove)
          live.erase(it);
        else
          live[id] = ts;
        all.push_back({Timestamp{ts}, kTablet, make_id(id), next.writes.back().value, prev});
      }
      commit(*store, {next});
    }
    for (int64_t horizon : {100, 101, 250}) {
      std::set<std::pair<int64_t, int>> expected;
      for (const auto& row : all) expected.insert({row.ts.ns, row.id.bytes[15]});
      for (const auto& row : all) {
        if (row.ts.ns >= horizon) continue;
        if (row.prev) expected.erase({row.prev->ns, row.id.bytes[15]});
        if (!row.value) expected.erase({row.ts.ns, row.id.bytes[15]});
      }
      while (*store->trim_log(Timestamp{horizon}, step) > 0) {
      }
      std::set<std::pair<int64_t, int>> left;
      auto log = *store->read_log(Timestamp{}, 100000);
      for (const auto& row : log) left.insert({row.ts.ns, row.id.bytes[15]});
      EXPECT_EQ(left, expected) << "horizon " << horizon << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace hull
