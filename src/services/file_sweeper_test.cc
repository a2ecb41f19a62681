#include "services/file_sweeper.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/random.h"
#include "database/transact.h"
#include "functions/stored_files.h"
#include "storage/sqlite/sqlite_store.h"

namespace hull {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kSecond = 1'000'000'000;

class FileSweepTest : public testing::Test {
 protected:
  FileSweepTest() {
    fs::create_directories(directory_);
    auto store = open_sqlite_store({.path = (directory_ / "db.sqlite3").string()});
    engine_ = *Engine::open(*std::move(store), knobs_);
    blobs_ = *open_local_blob_store((directory_ / "blobs").string());
    options_ = {.engine = engine_.get(), .blobs = blobs_.get(), .age_s = 100, .snapshot_life_s = 10};
  }
  ~FileSweepTest() override {
    engine_.reset();
    fs::remove_all(directory_);
  }

  std::string blob() {
    std::string key = random_uuid();
    EXPECT_TRUE(blobs_->put(file_blob_key(key), "content").ok());
    return key;
  }
  DocumentId row(const std::string& storage_key) {
    DocumentId id;
    EXPECT_TRUE(transact(*engine_, knobs_, "test", [&](Transaction& t) -> Result<void> {
                  HULL_TRY(id, insert_file(t, {storage_key, std::string(32, 'x'), 7}, std::nullopt));
                  return {};
                }).ok());
    return id;
  }
  void remove_row(const DocumentId& id) {
    EXPECT_TRUE(transact(*engine_, knobs_, "test", [&](Transaction& t) { return t.system_remove(id); }).ok());
  }
  bool exists(const std::string& key) { return *blobs_->exists(file_blob_key(key)); }

  Knobs knobs_;
  fs::path directory_ = fs::temp_directory_path() / ("hull-file-sweep-" + random_hex(8));
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<BlobStore> blobs_;
  FileSweeperOptions options_;
};

TEST_F(FileSweepTest, RemovesOldBlobsThatStayWithoutARow) {
  FileSweep sweep(options_);
  std::string orphan = blob(), kept = blob();
  row(kept);
  const int64_t now = unix_nanos();
  EXPECT_EQ(sweep.run(now)->files, 0u);                  // too young
  EXPECT_EQ(sweep.run(now + 101 * kSecond)->files, 0u);  // seen for the first time
  EXPECT_EQ(sweep.run(now + 110 * kSecond)->files, 0u);  // old snapshots may know it
  EXPECT_TRUE(exists(orphan));
  auto removed = sweep.run(now + 112 * kSecond);
  EXPECT_EQ(removed->files, 1u);
  EXPECT_EQ(removed->bytes, 7u);
  EXPECT_FALSE(exists(orphan));
  EXPECT_TRUE(exists(kept));
}

TEST_F(FileSweepTest, ARowThatComesBackKeepsItsBlob) {
  FileSweep sweep(options_);
  std::string key = blob();
  DocumentId id = row(key);
  const int64_t now = unix_nanos() + 101 * kSecond;
  remove_row(id);
  EXPECT_EQ(sweep.run(now)->files, 0u);
  DocumentId again = row(key);
  EXPECT_EQ(sweep.run(now + 20 * kSecond)->files, 0u);
  remove_row(again);
  EXPECT_EQ(sweep.run(now + 40 * kSecond)->files, 0u);  // counted anew
  EXPECT_EQ(sweep.run(now + 60 * kSecond)->files, 1u);
}

TEST_F(FileSweepTest, LooksAtAllRowsAndOnlyAtFiles) {
  std::vector<std::string> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(blob());
  EXPECT_TRUE(
      transact(*engine_, knobs_, "test", [&](Transaction& t) -> Result<void> {
        for (int i = 0; i < 1200; ++i) {
          HULL_TRY([[maybe_unused]] DocumentId id,
                   insert_file(t, {i < 5 ? keys[i] : random_uuid(), std::string(32, 'x'), 7}, std::nullopt));
        }
        return {};
      }).ok());
  ASSERT_TRUE(blobs_->put("files/notes.txt", "by hand").ok());
  ASSERT_TRUE(blobs_->put("modules/" + random_uuid() + ".blob", "code").ok());
  FileSweep sweep(options_);
  const int64_t now = unix_nanos() + 200 * kSecond;
  EXPECT_EQ(sweep.run(now)->files, 0u);
  EXPECT_EQ(sweep.run(now + 20 * kSecond)->files, 0u);
  for (const std::string& key : keys) EXPECT_TRUE(exists(key));
  EXPECT_TRUE(*blobs_->exists("files/notes.txt"));
}

// It would look every six hours, but what is due goes soon after the start.
TEST_F(FileSweepTest, AThreadDoesIt) {
  options_.age_s = 24 * 3600;
  options_.snapshot_life_s = 0.1;
  options_.first_look_s = 0.1;
  std::string orphan = blob(), kept = blob();
  row(kept);
  for (const std::string& key : {orphan, kept}) {
    fs::last_write_time(directory_ / "blobs" / file_blob_key(key),
                        fs::file_time_type::clock::now() - std::chrono::hours(25));
  }
  FileSweeper sweeper(options_);
  for (int i = 0; i < 6000 && exists(orphan); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(exists(orphan));
  EXPECT_TRUE(exists(kept));
}

}  // namespace
}  // namespace hull
