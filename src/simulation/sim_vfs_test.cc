// SQLite on the simulated disk: what it committed survives every fault and the file is never damaged.
#include "simulation/sim_vfs.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace hull::simulation {
namespace {

struct Closer {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using Database = std::unique_ptr<sqlite3, Closer>;

constexpr const char* kPath = "data/db";

class SqliteOnSimDisk : public ::testing::Test {
 protected:
  void begin(uint64_t seed) {
    vfs_.reset();
    disk_ = std::make_unique<SimDisk>(seed);
    vfs_ = std::make_unique<SimVfs>(*disk_, "sim-vfs-test", seed);
    ASSERT_TRUE(disk_->create_directory("data").ok());
    ASSERT_TRUE(disk_->sync_directory("").ok());
  }

  // EXTRA: without it a rollback journal's removal, which is the commit, need not be durable.
  Database open(const std::string& journal_mode, bool exclusive = false) {
    sqlite3* handle = nullptr;
    int code = sqlite3_open_v2(kPath, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs_->name());
    Database db(handle);
    if (code != SQLITE_OK) return nullptr;
    if (exclusive && !run(db, "PRAGMA locking_mode=EXCLUSIVE")) return nullptr;
    if (!run(db, "PRAGMA journal_mode=" + journal_mode) || !run(db, "PRAGMA synchronous=EXTRA") ||
        !run(db, "PRAGMA wal_autocheckpoint=20"))
      return nullptr;
    return db;
  }
  static bool run(const Database& db, const std::string& sql) {
    return sqlite3_exec(db.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  static std::string text(const Database& db, const std::string& sql) {
    std::string out;
    auto add = [](void* target, int, char** values, char**) {
      *static_cast<std::string*>(target) += values[0] ? values[0] : "null";
      return 0;
    };
    if (sqlite3_exec(db.get(), sql.c_str(), add, &out, nullptr) != SQLITE_OK) return sqlite3_errmsg(db.get());
    return out;
  }

  // Moves amounts between accounts and counts the committed transfers, until something fails. Returns the
  // last transfer known to be committed; `last_tried` may have been committed too.
  int transfers(const Database& db, SimRandom& random, int from, int& last_tried) {
    int committed = from;
    for (last_tried = from + 1; last_tried < from + 200; ++last_tried) {
      const std::string a = std::to_string(random.below(50)), b = std::to_string(random.below(50));
      if (!run(db, "BEGIN IMMEDIATE") ||
          !run(db, "UPDATE account SET amount = amount - 1, note = randomblob(900) WHERE id = " + a) ||
          !run(db, "UPDATE account SET amount = amount + 1 WHERE id = " + b) ||
          !run(db, "UPDATE counter SET n = " + std::to_string(last_tried)) || !run(db, "COMMIT"))
        break;
      committed = last_tried;
    }
    return committed;
  }

  void crash_again_and_again(const std::string& journal_mode, bool exclusive, SimDisk::Survives survives) {
    size_t crashes = 0;
    for (uint64_t seed = 1; seed <= 25; ++seed) {
      begin(seed);
      SimRandom random(seed);
      {
        Database db = open(journal_mode, exclusive);
        ASSERT_TRUE(db);
        ASSERT_TRUE(run(db,
                        "CREATE TABLE account (id INTEGER PRIMARY KEY, amount INT, note BLOB);"
                        "CREATE INDEX by_amount ON account (amount); CREATE TABLE counter (n INT);"
                        "INSERT INTO counter VALUES (0);"
                        "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 49)"
                        "INSERT INTO account SELECT i, 100, NULL FROM c;"));
      }
      ASSERT_TRUE(disk_->sync_directory("data").ok());
      int committed = 0;
      for (int round = 0; round < 8; ++round) {
        int last_tried = committed;
        disk_->cut_power_at(disk_->operations() + 1 + random.below(120));
        {
          Database db = open(journal_mode, exclusive);
          if (db) committed = transfers(db, random, committed, last_tried);
        }
        crashes += !disk_->running();
        disk_->stop();
        disk_->restart(survives);
        Database db = open(journal_mode, exclusive);
        ASSERT_TRUE(db) << "seed " << seed;
        ASSERT_EQ(text(db, "PRAGMA integrity_check"), "ok") << "seed " << seed << " round " << round;
        ASSERT_EQ(text(db, "SELECT sum(amount) FROM account"), "5000") << "seed " << seed;
        const int found = std::stoi(text(db, "SELECT n FROM counter"));
        ASSERT_GE(found, committed) << "seed " << seed << " round " << round;
        ASSERT_LE(found, last_tried) << "seed " << seed << " round " << round;
        committed = found;
      }
    }
    EXPECT_GT(crashes, 150u);
  }

  std::unique_ptr<SimDisk> disk_;
  std::unique_ptr<SimVfs> vfs_;
};

TEST_F(SqliteOnSimDisk, WalSurvivesPowerCuts) {
  crash_again_and_again("WAL", false, SimDisk::Survives::kDurable);
}
TEST_F(SqliteOnSimDisk, ExclusiveWalSurvivesPowerCuts) {
  crash_again_and_again("WAL", true, SimDisk::Survives::kDurable);
}
TEST_F(SqliteOnSimDisk, RollbackJournalSurvivesPowerCuts) {
  crash_again_and_again("DELETE", false, SimDisk::Survives::kDurable);
}
TEST_F(SqliteOnSimDisk, WalSurvivesTheDeathOfTheProcess) {
  crash_again_and_again("WAL", false, SimDisk::Survives::kWritten);
}

// Guards the tests above against a disk that is too kind: without syncs the same crashes do damage.
TEST_F(SqliteOnSimDisk, WithoutSyncsPowerCutsDoDamage) {
  size_t damaged = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    begin(seed);
    SimRandom random(seed);
    Database db = open("WAL");
    ASSERT_TRUE(run(db,
                    "CREATE TABLE account (id INTEGER PRIMARY KEY, amount INT, note BLOB);"
                    "CREATE TABLE counter (n INT); INSERT INTO counter VALUES (0);"));
    ASSERT_TRUE(run(db, "PRAGMA synchronous=OFF"));
    int last_tried = 0;
    const int committed = transfers(db, random, 0, last_tried);
    disk_->stop();
    db.reset();
    disk_->restart(SimDisk::Survives::kDurable);
    db = open("WAL");
    damaged += !db || text(db, "SELECT n FROM counter") != std::to_string(committed);
  }
  EXPECT_GT(damaged, 10u);
}

TEST_F(SqliteOnSimDisk, ReportsAFullDiskAndGoesOnWhenThereIsSpace) {
  begin(1);
  Database db = open("WAL");
  ASSERT_TRUE(run(db, "CREATE TABLE t (x BLOB)"));
  disk_->set_quota(disk_->used() + 8192);
  ASSERT_FALSE(run(db, "INSERT INTO t VALUES (randomblob(100000))"));
  EXPECT_EQ(sqlite3_errcode(db.get()), SQLITE_FULL);
  disk_->set_quota(1 << 30);
  ASSERT_TRUE(run(db, "INSERT INTO t VALUES (randomblob(100000))"));
  EXPECT_EQ(text(db, "SELECT count(*) FROM t"), "1");
}

TEST_F(SqliteOnSimDisk, ReportsErrorsOfTheDevice) {
  begin(1);
  Database db = open("WAL");
  ASSERT_TRUE(run(db, "CREATE TABLE t (x BLOB)"));
  disk_->set_error_rates({.sync = 1});
  ASSERT_FALSE(run(db, "INSERT INTO t VALUES (1)"));
  EXPECT_EQ(sqlite3_extended_errcode(db.get()), SQLITE_IOERR_FSYNC);
  disk_->set_error_rates({.write = 1});
  ASSERT_FALSE(run(db, "INSERT INTO t VALUES (1)"));
  EXPECT_EQ(sqlite3_extended_errcode(db.get()), SQLITE_IOERR_WRITE);
  disk_->set_error_rates({});
  db = nullptr;
  db = open("WAL");
  disk_->set_error_rates({.read = 1});
  EXPECT_NE(text(db, "SELECT count(*) FROM t"), "0");
  disk_->set_error_rates({});
  EXPECT_EQ(text(db, "SELECT count(*) FROM t"), "0");
}

TEST_F(SqliteOnSimDisk, ReadersSeeTheirSnapshotWhileAWriterCommits) {
  begin(1);
  Database writer = open("WAL"), reader = open("WAL");
  ASSERT_TRUE(run(writer, "CREATE TABLE t (x INT); INSERT INTO t VALUES (1)"));
  ASSERT_TRUE(run(reader, "BEGIN"));
  EXPECT_EQ(text(reader, "SELECT sum(x) FROM t"), "1");
  ASSERT_TRUE(run(writer, "INSERT INTO t VALUES (2)"));
  EXPECT_EQ(text(reader, "SELECT sum(x) FROM t"), "1");
  ASSERT_TRUE(run(reader, "COMMIT"));
  EXPECT_EQ(text(reader, "SELECT sum(x) FROM t"), "3");
  ASSERT_TRUE(run(reader, "BEGIN IMMEDIATE"));
  EXPECT_FALSE(run(writer, "INSERT INTO t VALUES (3)"));
  EXPECT_EQ(sqlite3_errcode(writer.get()), SQLITE_BUSY);
}

}  // namespace
}  // namespace hull::simulation
