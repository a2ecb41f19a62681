#include "functions/file_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/random.h"
#include "storage/sqlite/sqlite_store.h"

namespace hull {
namespace {

namespace fs = std::filesystem;

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() {
    fs::create_directories(directory_);
    auto store = open_sqlite_store({.path = (directory_ / "db.sqlite3").string()});
    engine_ = *Engine::open(*std::move(store), knobs_);
    blobs_ = *open_local_blob_store((directory_ / "blobs").string());
    files_ = std::make_unique<FileStore>(
        FileStoreOptions{engine_.get(), blobs_.get(), &knobs_, &secret_, "boat", "http://127.0.0.1:3210/"});
  }
  ~FileStoreTest() override {
    files_.reset();
    engine_.reset();
    fs::remove_all(directory_);
  }

  Result<StoredBytes> receive(const std::shared_ptr<BytePipe>& source,
                              std::optional<std::string> sha256 = std::nullopt) {
    std::promise<Result<StoredBytes>> done;
    files_->receive(source, std::move(sha256),
                    [&](Result<StoredBytes> stored) { done.set_value(std::move(stored)); });
    return done.get_future().get();
  }
  static std::shared_ptr<BytePipe> filled(const std::string& bytes) {
    auto pipe = std::make_shared<BytePipe>();
    pipe->write(bytes, [](bool) {});
    pipe->finish();
    return pipe;
  }
  static Result<std::string> drain(BytePipe& pipe) {
    std::string all;
    while (true) {
      std::promise<Result<BytePipe::Chunk>> next;
      pipe.read([&](Result<BytePipe::Chunk> chunk) { next.set_value(std::move(chunk)); });
      HULL_TRY(BytePipe::Chunk chunk, next.get_future().get());
      if (chunk.done) return all;
      all += chunk.bytes;
    }
  }
  bool nothing_is_left() { return blobs_->list("files")->empty() && fs::is_empty(directory_ / "blobs/.tmp"); }

  Knobs knobs_;
  InstanceSecret secret_ = InstanceSecret::generate();
  fs::path directory_ = fs::temp_directory_path() / ("hull-file-store-" + random_hex(8));
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<FileStore> files_;
};

TEST_F(FileStoreTest, WhatIsReceivedCanBeSent) {
  std::string bytes = random_bytes(3'000'000);
  auto stored = receive(filled(bytes), sha256(bytes));
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(stored->size, bytes.size());
  EXPECT_EQ(stored->sha256, sha256(bytes));
  for (auto [from, size] : {std::pair<size_t, size_t>{0, bytes.size()}, {1'000'001, 700'000}, {5, 0}}) {
    auto pipe = files_->send(*files_->open(*stored), from, size);
    EXPECT_EQ(*drain(*pipe), bytes.substr(from, size));
  }
}

TEST_F(FileStoreTest, ADigestThatDoesNotMatchLeavesNothing) {
  auto stored = receive(filled("x"), sha256("y"));
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().code, "Sha256Mismatch");
  EXPECT_EQ(stored.error().message, "Sha256 mismatch. Expected: " + base64_encode(sha256("y")) +
                                        " Actual: " + base64_encode(sha256("x")));
  EXPECT_EQ(files_->put("x", sha256("y")).error().code, "Sha256Mismatch");
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(FileStoreTest, AnAbortedUploadLeavesNothing) {
  auto failing = std::make_shared<BytePipe>();
  failing->write("half", [](bool) {});
  failing->fail(Error::bad_request("StreamFailed", "gone"));
  EXPECT_EQ(receive(failing).error().code, "StreamFailed");
  // Nobody will send the rest: for a reader that looks like the end.
  auto given_up = std::make_shared<BytePipe>();
  given_up->write("half", [](bool) {});
  given_up->cancel();
  EXPECT_EQ(receive(given_up).error().code, "StreamFailed");
  EXPECT_TRUE(nothing_is_left());
}

// What waits for a client that sends nothing is given up; its callback, and what that keeps alive, goes.
TEST_F(FileStoreTest, StoppingLeavesNothingOfUnfinishedUploads) {
  auto source = std::make_shared<BytePipe>();
  auto kept = std::make_shared<int>();
  std::weak_ptr<int> alive = kept;
  std::atomic<int> calls{0};
  files_->receive(source, std::nullopt, [&calls, kept = std::move(kept)](const auto&) { ++calls; });
  std::promise<void> taken;
  source->write(std::string(BytePipe::kMaxChunk, 'x'), [&taken](bool) { taken.set_value(); });
  taken.get_future().get();
  EXPECT_FALSE(nothing_is_left());
  files_->stop();
  EXPECT_TRUE(alive.expired());
  EXPECT_TRUE(nothing_is_left());
  files_->write_later([&calls] { ++calls; });
  files_->read_later([&calls] { ++calls; });
  files_->receive(filled("late"), std::nullopt, [&calls](const auto&) { ++calls; });
  files_.reset();
  EXPECT_EQ(calls, 0);
}

// The key of a blob is nobody's business outside of the server.
TEST_F(FileStoreTest, MissingAndDamagedBlobsAreInternalErrors) {
  auto stored = files_->put("hello", std::nullopt);
  const fs::path path = directory_ / "blobs" / file_blob_key(stored->storage_key);
  EXPECT_TRUE(files_->open(*stored).ok());
  fs::resize_file(path, 4);
  EXPECT_EQ(files_->open(*stored).error().public_message(), kInternalServerErrorText);
  fs::remove(path);
  EXPECT_EQ(files_->open(*stored).error().public_message(), kInternalServerErrorText);
}

TEST_F(FileStoreTest, ASlowReaderHoldsNoThread) {
  std::string bytes(4'000'000, 'x');
  auto stored = files_->put(bytes, std::nullopt);
  auto pipe = files_->send(*files_->open(*stored), 0, bytes.size());
  // All threads are free although the download is not over.
  std::vector<std::promise<void>> ran(8);
  for (auto& each : ran) files_->read_later([&each] { each.set_value(); });
  for (auto& each : ran) each.get_future().get();
  std::promise<size_t> waiting;
  pipe->read([&](Result<BytePipe::Chunk> chunk) { waiting.set_value(chunk->bytes.size()); });
  EXPECT_LE(waiting.get_future().get(), BytePipe::kMaxChunk);
  EXPECT_LE(pipe->bytes_read(), BytePipe::kMaxChunk);
  pipe->cancel();
}

TEST_F(FileStoreTest, StopFinishesWhatIsQueuedAndDropsWhatComesLater) {
  auto alive = std::make_shared<std::atomic<int>>(0);
  std::weak_ptr<std::atomic<int>> watched = alive;
  for (int i = 0; i < 20; ++i) files_->read_later([&count = *alive] { ++count; });
  files_->read_later([&files = *files_, alive] { files.write_later([alive] {}); });
  files_->stop();
  files_->read_later([alive] { ++*alive; });
  EXPECT_EQ(alive->load(), 20);
  alive.reset();
  EXPECT_TRUE(watched.expired());  // nothing is kept that could be destroyed too late
}

TEST_F(FileStoreTest, RowsComeAndGo) {
  auto stored = files_->put("hello", std::nullopt);
  auto id = files_->insert(*stored, "text/plain");
  ASSERT_TRUE(id.ok());
  auto tx = files_->look();
  auto file = find_file(*tx, StorageId(*id));
  ASSERT_TRUE(file.ok() && file->has_value());
  EXPECT_EQ(files_->download_url(tx->catalog(), **file),
            "http://127.0.0.1:3210/api/storage/" + (*file)->storage_id);
  EXPECT_TRUE(files_->find_by_uuid((*file)->storage_id)->has_value());
  EXPECT_FALSE(files_->find_by_uuid("6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab")->has_value());
}

TEST_F(FileStoreTest, UploadUrlsCarryAToken) {
  std::string url = files_->upload_url(*engine_->snapshot()->catalog(), 1'000);
  const std::string before = "http://127.0.0.1:3210/api/storage/upload?token=";
  ASSERT_TRUE(url.starts_with(before)) << url;
  EXPECT_TRUE(files_->check_token(url.substr(before.size()), 1'001).ok());
}

}  // namespace
}  // namespace hull
