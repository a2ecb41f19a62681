// For tests: a SQLite store in a scratch directory, and what a crash leaves of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/sqlite/sqlite_store.h"
#include "storage/storage_fixture.h"

namespace hull {

class SqliteStoreFixture : public StorageTest {
 protected:
  SqliteStoreFixture() : path_(directory_ / "db.sqlite3") { options_.durability = Durability::kRelaxed; }

  std::unique_ptr<Store> open() {
    options_.path = path_;
    auto store = open_sqlite_store(options_);
    expect_ok(store);
    return store.ok() ? std::move(*store) : nullptr;
  }
  Error open_error() {
    options_.path = path_;
    auto store = open_sqlite_store(options_);
    EXPECT_FALSE(store.ok());
    return store.ok() ? Error{} : store.error();
  }

  static void commit(Store& store, std::vector<StoredCommit> group) {
    expect_ok(store.commit(std::move(group)));
  }
  static void apply_all(Store& store) {
    while (true) {
      auto more = store.apply();
      expect_ok(more);
      if (!more.ok() || !*more) return;
    }
  }
  static void commit_and_apply(Store& store, std::vector<StoredCommit> group) {
    commit(store, std::move(group));
    apply_all(store);
  }

  // Copies the files as they are now. `state`: the SQLite file and its WAL, `log`: the segments.
  struct What {
    bool state = true, log = true;
  };
  void copy_files(const std::filesystem::path& to, What what) const {
    namespace fs = std::filesystem;
    fs::create_directories(to);
    const fs::path log = path_ + "-log";
    if (what.log) {
      fs::remove_all(to / log.filename());
      if (fs::exists(log)) fs::copy(log, to / log.filename());
    }
    if (!what.state) return;
    for (const char* suffix : {"", "-wal"}) {
      const fs::path file = path_ + suffix;
      fs::remove(to / file.filename());
      if (fs::exists(file)) fs::copy_file(file, to / file.filename());
    }
  }
  // Goes on with what the files hold now, without closing the store first.
  void crash_and_reopen(std::unique_ptr<Store>& store) {
    const std::filesystem::path copy = directory_ / ("crash-" + std::to_string(++crashes_));
    copy_files(copy, {});
    store.reset();
    path_ = copy / "db.sqlite3";
    store = open();
  }

  std::string path_;
  SqliteOptions options_;
  int crashes_ = 0;
};

}  // namespace hull
