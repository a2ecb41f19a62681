// FileStore: the bytes of stored files on their way between pipes and the blob store, and the transactions of
// those who have none of their own: uploads and actions (file-storage.md §3-§5). A few threads do what
// blocks, one piece of one transfer at a time, so that slow peers occupy none; memory per transfer is
// bounded.
//
// A file becomes visible with its row, which is written after its bytes are durable. What fails in between
// leaves a blob without a row, for the sweeper (services/file_sweeper.h).
//
// Thread-safe. Must outlive whoever may still call it or hold one of its pipes; what its callbacks need may
// end after stop(). Callbacks run on its threads and may block shortly.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/byte_pipe.h"
#include "base/envelope.h"
#include "database/engine.h"
#include "functions/stored_files.h"
#include "functions/task_threads.h"
#include "storage/blob_store.h"

namespace hull {

struct FileStoreOptions {
  Engine* engine = nullptr;
  BlobStore* blobs = nullptr;
  const Knobs* knobs = nullptr;
  const InstanceSecret* secret = nullptr;
  std::string instance_name, cloud_origin;
};

class FileStore {
 public:
  explicit FileStore(FileStoreOptions options);
  ~FileStore() { stop(); }
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;

  // Gives up uploads that are still coming, without telling anybody, and waits for what is being done. No
  // callback runs afterwards.
  void stop();

  // --- URLs; canonical URLs of the catalog come first ---

  std::string upload_url(const Catalog& catalog, int64_t issued_s) const;
  std::string download_url(const Catalog& catalog, const StoredFile& file) const;
  Result<void> check_token(std::string_view token, int64_t now_s) const;

  // --- Bytes ---

  using OnReceived = std::function<void(Result<StoredBytes>)>;
  // Reads the pipe to its end into a new blob. With `sha256` (32 bytes) the content must have that digest:
  // 400 Sha256Mismatch. After any error nothing is left.
  void receive(std::shared_ptr<BytePipe> source, std::optional<std::string> sha256, OnReceived done);
  // The same for bytes that are there. Blocking.
  Result<StoredBytes> put(std::string_view bytes, const std::optional<std::string>& sha256);
  // An internal error if the blob is missing or not of this size. Blocking.
  Result<std::unique_ptr<BlobReader>> open(const StoredBytes& bytes);
  // Bytes [offset, offset + length) as they are read; an error of the store ends the pipe.
  std::shared_ptr<BytePipe> send(std::unique_ptr<BlobReader> reader, uint64_t offset, uint64_t length);

  // --- Rows ---

  // Blocking.
  Result<std::optional<StoredFile>> find_by_uuid(std::string_view uuid);
  Result<DocumentId> insert(const StoredBytes& bytes, const std::optional<std::string>& content_type);
  // A read-only transaction over the newest state.
  std::unique_ptr<Transaction> look() const;

  // Runs blocking work that reads, or that waits for a commit. Dropped after stop().
  void read_later(std::function<void()> work);
  void write_later(std::function<void()> work);

 private:
  class Upload;
  class Download;

  const FileStoreOptions options_;
  std::atomic<size_t> downloads_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::map<const Upload*, std::weak_ptr<BytePipe>> uploads_;
  TaskThreads readers_, writers_;
};

// 400 Sha256Mismatch unless nothing is expected or the digests are equal.
Result<void> check_sha256(const std::optional<std::string>& expected, std::string_view actual);

}  // namespace hull
