#include "functions/file_store.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/log.h"
#include "base/random.h"
#include "base/sha256.h"
#include "database/transact.h"
#include "functions/canonical_urls.h"
#include "functions/upload_token.h"

namespace hull {

namespace {

constexpr size_t kReaders = 4, kWriters = 3;
// All downloads together keep about this much in memory, twice: a piece that is being sent and the next.
constexpr size_t kDownloadMemory = 32 << 20;
constexpr size_t kLeastPiece = 32 << 10;

// Paths are for the server's log only.
Error for_callers(Error error) {
  if (error.code != "DiskFull") return error;
  spdlog::error("Storing a file failed: {}", error.message);
  return Error::overloaded("DiskFull", "There is no space left for files.");
}

}  // namespace

Result<void> check_sha256(const std::optional<std::string>& expected, std::string_view actual) {
  if (!expected || *expected == actual) return {};
  return Error::bad_request("Sha256Mismatch", "Sha256 mismatch. Expected: " + base64_encode(*expected) +
                                                  " Actual: " + base64_encode(actual));
}

// Bytes on their way into a blob. One step at a time, on a writer thread.
class FileStore::Upload : public std::enable_shared_from_this<Upload> {
 public:
  Upload(FileStore& files, std::shared_ptr<BytePipe> source, std::optional<std::string> sha256,
         OnReceived done)
      : files_(files),
        source_(std::move(source)),
        expected_(std::move(sha256)),
        done_(std::move(done)),
        bytes_{random_uuid(), "", 0} {
    std::lock_guard lock(files_.mutex_);
    files_.uploads_[this] = source_;
  }
  ~Upload() {
    std::lock_guard lock(files_.mutex_);
    files_.uploads_.erase(this);
  }
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  void start() {
    auto writer = files_.options_.blobs->create(file_blob_key(bytes_.storage_key));
    if (!writer.ok()) return end(std::move(writer).error());
    writer_ = *std::move(writer);
    next();
  }

 private:
  void next() {
    source_->read([self = shared_from_this()](Result<BytePipe::Chunk> chunk) {
      self->files_.write_later([self, chunk = std::move(chunk)] { self->arrived(chunk); });
    });
  }

  void arrived(const Result<BytePipe::Chunk>& chunk) {
    if (!chunk.ok()) return end(chunk.error());
    if (chunk->done) return finish();
    hash_.update(chunk->bytes);
    bytes_.size += chunk->bytes.size();
    if (auto written = writer_->append(chunk->bytes); !written.ok()) return end(std::move(written).error());
    next();
  }

  void finish() {
    // A pipe that was given up ends like one that is complete.
    if (source_->cancelled()) return end(Error::bad_request("StreamFailed", "The upload was aborted"));
    bytes_.sha256 = hash_.finish();
    auto finished = check_sha256(expected_, bytes_.sha256);
    if (finished.ok()) finished = writer_->finish();
    if (!finished.ok()) return end(std::move(finished).error());
    std::exchange(done_, nullptr)(std::move(bytes_));
  }

  void end(Error error) {
    writer_.reset();
    source_->cancel();
    std::exchange(done_, nullptr)(for_callers(std::move(error)));
  }

  FileStore& files_;
  const std::shared_ptr<BytePipe> source_;
  const std::optional<std::string> expected_;
  OnReceived done_;
  std::unique_ptr<BlobWriter> writer_;
  Sha256 hash_;
  StoredBytes bytes_;
};

// A range of a blob on its way into a pipe. One piece at a time, on a reader thread, when there is room.
class FileStore::Download : public std::enable_shared_from_this<Download> {
 public:
  Download(FileStore& files, std::unique_ptr<BlobReader> reader, uint64_t offset, uint64_t length)
      : files_(files), reader_(std::move(reader)), offset_(offset), left_(length) {
    files_.downloads_.fetch_add(1, std::memory_order_relaxed);
  }
  ~Download() { files_.downloads_.fetch_sub(1, std::memory_order_relaxed); }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  const std::shared_ptr<BytePipe>& pipe() const { return pipe_; }

  void next() {
    if (left_ == 0) return pipe_->finish();
    auto bytes = reader_->read(offset_, std::min<uint64_t>(left_, piece()));
    if (!bytes.ok()) {
      spdlog::error("Reading a stored file failed: {}", bytes.error().message);
      return pipe_->fail(std::move(bytes).error());
    }
    offset_ += bytes->size();
    left_ -= bytes->size();
    pipe_->write(*std::move(bytes), [self = shared_from_this()](bool open) {
      if (open) self->files_.read_later([self] { self->next(); });
    });
  }

 private:
  size_t piece() const {
    const size_t share = kDownloadMemory / files_.downloads_.load(std::memory_order_relaxed);
    return std::clamp(share, kLeastPiece, BytePipe::kMaxChunk);
  }

  FileStore& files_;
  const std::unique_ptr<BlobReader> reader_;
  const std::shared_ptr<BytePipe> pipe_ = std::make_shared<BytePipe>(kLeastPiece);
  uint64_t offset_, left_;
};

FileStore::FileStore(FileStoreOptions options)
    : options_(std::move(options)), readers_(kReaders), writers_(kWriters) {}

void FileStore::stop() {
  stopping_.store(true);
  std::vector<std::shared_ptr<BytePipe>> sources;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [upload, source] : uploads_) sources.push_back(source.lock());
  }
  for (const auto& source : sources) {
    if (source) source->cancel();
  }
  readers_.stop();
  writers_.stop();
}

void FileStore::read_later(std::function<void()> work) {
  if (!stopping_.load()) readers_.post(std::move(work));
}

void FileStore::write_later(std::function<void()> work) {
  if (!stopping_.load()) writers_.post(std::move(work));
}

std::string FileStore::upload_url(const Catalog& catalog, int64_t issued_s) const {
  return cloud_url(catalog, options_.cloud_origin) +
         "/api/storage/upload?token=" + make_upload_token(*options_.secret, options_.instance_name, issued_s);
}

std::string FileStore::download_url(const Catalog& catalog, const StoredFile& file) const {
  return cloud_url(catalog, options_.cloud_origin) + "/api/storage/" + file.storage_id;
}

Result<void> FileStore::check_token(std::string_view token, int64_t now_s) const {
  return check_upload_token(*options_.secret, options_.instance_name, token, now_s);
}

void FileStore::receive(std::shared_ptr<BytePipe> source, std::optional<std::string> sha256,
                        OnReceived done) {
  auto upload = std::make_shared<Upload>(*this, std::move(source), std::move(sha256), std::move(done));
  write_later([upload] { upload->start(); });
}

Result<StoredBytes> FileStore::put(std::string_view bytes, const std::optional<std::string>& sha256) {
  Sha256 hash;
  hash.update(bytes);
  StoredBytes stored{random_uuid(), hash.finish(), bytes.size()};
  HULL_CHECK_OK(check_sha256(sha256, stored.sha256));
  auto written = options_.blobs->put(file_blob_key(stored.storage_key), bytes);
  if (!written.ok()) return for_callers(std::move(written).error());
  return stored;
}

Result<std::unique_ptr<BlobReader>> FileStore::open(const StoredBytes& bytes) {
  const std::string key = file_blob_key(bytes.storage_key);
  auto reader = options_.blobs->open(key);
  if (!reader.ok()) return Error::internal("a stored file is missing: " + reader.error().message);
  if ((*reader)->size() != bytes.size) {
    return Error::internal("a stored file is damaged: " + key + " has " + std::to_string((*reader)->size()) +
                           " bytes instead of " + std::to_string(bytes.size));
  }
  return reader;
}

std::shared_ptr<BytePipe> FileStore::send(std::unique_ptr<BlobReader> reader, uint64_t offset,
                                          uint64_t length) {
  auto download = std::make_shared<Download>(*this, std::move(reader), offset, length);
  read_later([download] { download->next(); });
  return download->pipe();
}

std::unique_ptr<Transaction> FileStore::look() const {
  return std::make_unique<Transaction>(options_.engine->snapshot(),
                                       system_transaction_options(*options_.knobs, false));
}

Result<std::optional<StoredFile>> FileStore::find_by_uuid(std::string_view uuid) {
  return hull::find_file_by_uuid(*look(), uuid);
}

Result<DocumentId> FileStore::insert(const StoredBytes& bytes,
                                     const std::optional<std::string>& content_type) {
  DocumentId id;
  HULL_CHECK_OK(transact(*options_.engine, *options_.knobs, "_system/store_file",
                         [&](Transaction& transaction) -> Result<void> {
                           HULL_TRY(id, insert_file(transaction, bytes, content_type));
                           return {};
                         }));
  return id;
}

}  // namespace hull
