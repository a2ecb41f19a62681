#include <gtest/gtest.h>

#include <filesystem>

#include "base/random.h"
#include "storage/blob_store.h"
#include "storage/disk_reserve.h"

namespace hull {
namespace {

namespace fs = std::filesystem;

class LocalBlobStoreTest : public testing::Test {
 protected:
  LocalBlobStoreTest() : directory_(fs::temp_directory_path() / ("hull-blob-test-" + random_hex(8))) {
    store_ = *open_local_blob_store(directory_.string() + "/");
  }
  ~LocalBlobStoreTest() override { fs::remove_all(directory_); }

  fs::path directory_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(LocalBlobStoreTest, RoundTrips) {
  std::string bytes = random_bytes(300'000);
  ASSERT_TRUE(store_->put("modules/a-b_c.zip", bytes).ok());
  ASSERT_TRUE(store_->put("empty", "").ok());
  EXPECT_EQ(*store_->get("modules/a-b_c.zip"), bytes);
  EXPECT_EQ(*store_->get("empty"), "");
  EXPECT_TRUE(*store_->exists("empty"));
  ASSERT_TRUE(store_->put("empty", "no more").ok());
  EXPECT_EQ(*store_->get("empty"), "no more");
  store_.reset();
  store_ = *open_local_blob_store(directory_);
  EXPECT_EQ(*store_->get("modules/a-b_c.zip"), bytes);
}

TEST_F(LocalBlobStoreTest, RangesAndListing) {
  ASSERT_TRUE(store_->put("modules/a", "0123456789").ok());
  ASSERT_TRUE(store_->put("modules/sub/b", "x").ok());
  EXPECT_EQ(*store_->get_range("modules/a", 3, 4), "3456");
  EXPECT_EQ(*store_->get_range("modules/a", 10, 0), "");
  EXPECT_EQ(store_->get_range("modules/a", 8, 3).error().kind, ErrorKind::kInternal);
  EXPECT_EQ(store_->get_range("modules/a", 11, 0).error().kind, ErrorKind::kInternal);
  EXPECT_EQ(store_->get_range("modules/c", 0, 1).error().kind, ErrorKind::kNotFound);
  auto listed = store_->list("modules");
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().key, "modules/a");
  EXPECT_EQ(listed->front().size, 10u);
  EXPECT_GT(listed->front().written_ns, 1'700'000'000'000'000'000);
  EXPECT_TRUE(store_->list("nowhere")->empty());
}

TEST_F(LocalBlobStoreTest, AWriterShowsNothingBeforeItsEnd) {
  {
    auto writer = store_->create("files/a.blob");
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->append("half").ok());
    EXPECT_FALSE(*store_->exists("files/a.blob"));
    EXPECT_TRUE(store_->list("files")->empty());
  }
  EXPECT_TRUE(fs::is_empty(directory_ / ".tmp"));  // abandoned
  std::string all;
  {
    auto writer = store_->create("files/a.blob");
    ASSERT_TRUE(writer.ok());
    for (int i = 0; i < 40; ++i) {
      std::string piece = random_bytes(512 << 10);
      ASSERT_TRUE((*writer)->append(piece).ok());
      all += piece;
    }
    ASSERT_TRUE((*writer)->finish().ok());
  }
  EXPECT_TRUE(fs::is_empty(directory_ / ".tmp"));
  EXPECT_EQ(*store_->get("files/a.blob"), all);
}

TEST_F(LocalBlobStoreTest, AReaderOutlivesItsKey) {
  ASSERT_TRUE(store_->put("files/a.blob", "0123456789").ok());
  auto reader = store_->open("files/a.blob");
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->size(), 10u);
  ASSERT_TRUE(store_->remove("files/a.blob").ok());
  EXPECT_EQ(*(*reader)->read(7, 3), "789");
  EXPECT_EQ((*reader)->read(7, 4).error().kind, ErrorKind::kInternal);
  EXPECT_EQ(store_->open("files/a.blob").error().kind, ErrorKind::kNotFound);
}

TEST_F(LocalBlobStoreTest, StartRemovesWhatACrashLeft) {
  auto writer = store_->create("files/a.blob");
  ASSERT_TRUE((*writer)->append("half").ok());
  EXPECT_FALSE(fs::is_empty(directory_ / ".tmp"));
  store_.reset();
  store_ = *open_local_blob_store(directory_);
  EXPECT_TRUE(fs::is_empty(directory_ / ".tmp"));
  EXPECT_FALSE((*writer)->finish().ok());
  EXPECT_FALSE(*store_->exists("files/a.blob"));
}

// A second server would take what this one is writing for left behind, and its files for unknown.
TEST_F(LocalBlobStoreTest, ADirectoryBelongsToOneStore) {
  auto writer = store_->create("files/a.blob");
  auto second = open_local_blob_store(directory_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, "StorageInUse");
  EXPECT_NE(second.error().message.find(directory_.string() + " is in use"), std::string::npos);
  EXPECT_TRUE((*writer)->finish().ok());
  store_.reset();
  EXPECT_TRUE(open_local_blob_store(directory_).ok());
}

TEST(DiskReserveTest, IsSmallOnSmallDisks) {
  EXPECT_EQ(disk_reserve(256 << 20, uint64_t{100} << 30), 256u << 20);
  EXPECT_EQ(disk_reserve(256 << 20, 100 << 20), 5u << 20);
  EXPECT_EQ(disk_reserve(0, 100 << 20), 0u);
}

TEST_F(LocalBlobStoreTest, ListingStopsWhenToldTo) {
  for (const char* key : {"files/a", "files/b", "files/c"}) ASSERT_TRUE(store_->put(key, "x").ok());
  int seen = 0;
  ASSERT_TRUE(store_->list("files", [&seen](const BlobStore::Entry&) { return ++seen < 2; }).ok());
  EXPECT_EQ(seen, 2);
}

TEST_F(LocalBlobStoreTest, AbsentKeys) {
  EXPECT_EQ(store_->get("nothing").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(*store_->exists("nothing"));
  EXPECT_TRUE(store_->remove("nothing").ok());
  ASSERT_TRUE(store_->put("a", "1").ok());
  EXPECT_EQ(store_->get("a/b").error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(store_->remove("a").ok());
  EXPECT_FALSE(*store_->exists("a"));
  ASSERT_TRUE(store_->put("dir/file", "1").ok());
  EXPECT_FALSE(*store_->exists("dir"));
  EXPECT_EQ(store_->get("dir").error().kind, ErrorKind::kNotFound);
}

TEST_F(LocalBlobStoreTest, KeysCannotLeaveTheDirectory) {
  for (const char* key : {"", "/", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", ".", "./a", "a b",
                          "a\\b", ".tmp/x", ".lock", "caf\xc3\xa9"}) {
    EXPECT_FALSE(store_->put(key, "x").ok()) << key;
    EXPECT_FALSE(store_->get(key).ok()) << key;
    EXPECT_FALSE(store_->remove(key).ok()) << key;
  }
}

TEST_F(LocalBlobStoreTest, LeavesNoTemporaryFiles) {
  ASSERT_TRUE(store_->put("dir/file", "1").ok());
  EXPECT_FALSE(store_->put("dir", "a directory is in the way").ok());
  EXPECT_TRUE(fs::is_empty(directory_ / ".tmp"));
}

}  // namespace
}  // namespace hull
