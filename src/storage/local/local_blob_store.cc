// BlobStore in a directory. A blob is written under `<directory>/.tmp`, synced, renamed to its key and made
// durable by syncing the directories it appears in, so a key never shows half a blob, also after a power
// failure.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "base/random.h"
#include "storage/blob_store.h"
#include "storage/disk_reserve.h"

namespace hull {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".tmp", kLock = ".lock";  // no keys
// How much is written between two steps of write-back, so that the last sync has little left to do, and
// between two looks at the free space.
constexpr uint64_t kStep = 8 << 20;

Error io_error(std::string_view doing, const fs::path& path) {
  const int code = errno;
  std::string text = "cannot " + std::string(doing) + " " + path.string() + ": " + std::strerror(code);
  if (code == ENOSPC || code == EDQUOT) return Error::overloaded("DiskFull", std::move(text));
  return Error::internal(std::move(text));
}

bool is_absent() { return errno == ENOENT || errno == ENOTDIR; }

Error absent(std::string_view key) {
  return Error::not_found("BlobNotFound", "There is no stored object " + std::string(key) + ".");
}

class FileDescriptor {
 public:
  FileDescriptor(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<void> sync_directory(const fs::path& path) {
  FileDescriptor fd(path, O_RDONLY | O_DIRECTORY);
  if (!fd.ok() || ::fsync(fd.get()) != 0) return io_error("sync", path);
  return {};
}

bool valid_key(std::string_view key) {
  if (key.empty() || key.size() > 1024) return false;
  bool first = true;
  while (true) {
    size_t slash = key.find('/');
    std::string_view segment = key.substr(0, slash);
    if (segment.empty() || segment == "." || segment == ".." ||
        (first && (segment == kTemporary || segment == kLock)))
      return false;
    for (char c : segment) {
      bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                     c == '.' || c == '-';
      if (!allowed) return false;
    }
    if (slash == std::string_view::npos) return true;
    key.remove_prefix(slash + 1);
    first = false;
  }
}

class LocalWriter final : public BlobWriter {
 public:
  LocalWriter(fs::path temporary, fs::path target, FileDescriptor file, uint64_t reserve)
      : temporary_(std::move(temporary)),
        target_(std::move(target)),
        file_(std::move(file)),
        reserve_(reserve) {}
  ~LocalWriter() override {
    if (!finished_) ::unlink(temporary_.c_str());
  }
  LocalWriter(const LocalWriter&) = delete;
  LocalWriter& operator=(const LocalWriter&) = delete;

  Result<void> append(std::string_view bytes) override {
    if (size_ >= next_step_) HULL_CHECK_OK(step());
    while (!bytes.empty()) {
      ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return io_error("write", temporary_);
      }
      bytes.remove_prefix(static_cast<size_t>(written));
      size_ += static_cast<uint64_t>(written);
    }
    return {};
  }

  Result<void> finish() override {
    if (::fsync(file_.get()) != 0) return io_error("sync", temporary_);
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) return io_error("create", target_);
    finished_ = true;
    return sync_directory(target_.parent_path());
  }

 private:
  Result<void> step() {
    struct statvfs space {};
    if (reserve_ > 0 && ::fstatvfs(file_.get(), &space) == 0) {
      const uint64_t total = uint64_t{space.f_blocks} * space.f_frsize;
      if (uint64_t{space.f_bavail} * space.f_frsize < disk_reserve(reserve_, total) + kStep)
        return Error::overloaded("DiskFull", "The disk is full: " + target_.parent_path().string());
    }
    // Only a hint: errors show at the sync.
    ::sync_file_range(file_.get(), static_cast<off64_t>(started_), static_cast<off64_t>(size_ - started_),
                      SYNC_FILE_RANGE_WRITE);
    started_ = size_;
    next_step_ = size_ + kStep;
    return {};
  }

  const fs::path temporary_, target_;
  const FileDescriptor file_;
  const uint64_t reserve_;
  uint64_t size_ = 0, started_ = 0, next_step_ = 0;
  bool finished_ = false;
};

class LocalReader final : public BlobReader {
 public:
  LocalReader(fs::path path, FileDescriptor file, uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}

  uint64_t size() const override { return size_; }

  Result<std::string> read(uint64_t offset, size_t size) override {
    if (offset > size_ || size > size_ - offset) return ended();
    std::string bytes(size, '\0');
    size_t done = 0;
    while (done < bytes.size()) {
      ssize_t count =
          ::pread(file_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return io_error("read", path_);
      if (count == 0) return ended();
      done += static_cast<size_t>(count);
    }
    return bytes;
  }

 private:
  Error ended() const { return Error::internal("unexpected end of " + path_.string()); }

  const fs::path path_;
  const FileDescriptor file_;
  const uint64_t size_;
};

class LocalBlobStore final : public BlobStore {
 public:
  LocalBlobStore(fs::path directory, uint64_t reserve, FileDescriptor lock)
      : directory_(std::move(directory)), reserve_(reserve), lock_(std::move(lock)) {}

  Result<std::unique_ptr<BlobWriter>> create(std::string_view key) override {
    HULL_TRY(fs::path target, path_of(key));
    {
      std::lock_guard lock(making_directories_);
      HULL_CHECK_OK(make_directories(target.parent_path()));
    }
    fs::path temporary = directory_ / kTemporary / random_hex(16);
    FileDescriptor file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (!file.ok()) return io_error("create", temporary);
    return std::unique_ptr<BlobWriter>(
        new LocalWriter(std::move(temporary), std::move(target), std::move(file), reserve_));
  }

  Result<std::unique_ptr<BlobReader>> open(std::string_view key) override {
    HULL_TRY(fs::path path, path_of(key));
    FileDescriptor file(path, O_RDONLY);
    struct stat info {};
    if (!file.ok() || ::fstat(file.get(), &info) != 0) {
      if (is_absent()) return absent(key);
      return io_error("open", path);
    }
    if (!S_ISREG(info.st_mode)) return absent(key);
    return std::unique_ptr<BlobReader>(
        new LocalReader(std::move(path), std::move(file), static_cast<uint64_t>(info.st_size)));
  }

  Result<void> list(std::string_view directory, const std::function<bool(Entry)>& use) override {
    HULL_TRY(fs::path path, path_of(directory));
    std::error_code error;
    if (!fs::exists(path, error)) return {};
    fs::directory_iterator file(path, error);
    for (; !error && file != fs::directory_iterator(); file.increment(error)) {
      struct stat info {};
      if (::stat(file->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      Entry entry{std::string(directory) + "/" + file->path().filename().string(),
                  static_cast<uint64_t>(info.st_size),
                  int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
      if (!use(std::move(entry))) return {};
    }
    if (error) return Error::internal("cannot list " + path.string() + ": " + error.message());
    return {};
  }

  Result<void> remove(std::string_view key) override {
    HULL_TRY(fs::path path, path_of(key));
    if (::unlink(path.c_str()) != 0 && !is_absent()) return io_error("remove", path);
    return {};
  }

  Result<bool> exists(std::string_view key) override {
    HULL_TRY(fs::path path, path_of(key));
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
      if (is_absent()) return false;
      return io_error("look up", path);
    }
    return S_ISREG(info.st_mode);
  }

 private:
  Result<fs::path> path_of(std::string_view key) const {
    if (!valid_key(key))
      return Error::bad_request("InvalidBlobKey", "Invalid storage key: " + std::string(key));
    return directory_ / key;
  }

  // Creates missing directories between the root and `path`, each made durable in its parent: whoever finds
  // one there may rely on it.
  Result<void> make_directories(const fs::path& path) {
    std::error_code error;
    if (path == directory_ || fs::is_directory(path, error)) return {};
    HULL_CHECK_OK(make_directories(path.parent_path()));
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return io_error("create", path);
    return sync_directory(path.parent_path());
  }

  const fs::path directory_;
  const uint64_t reserve_;
  const FileDescriptor lock_;
  std::mutex making_directories_;
};

// Until the descriptor is closed, nobody else gets it.
Result<FileDescriptor> lock_directory(const fs::path& root) {
  fs::path path = root / kLock;
  FileDescriptor file(path, O_RDWR | O_CREAT);
  if (!file.ok()) return io_error("create", path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return io_error("lock", path);
    return Error::bad_request("StorageInUse", "The storage directory " + root.string() +
                                                  " is in use: another Hull server holds " + path.string() +
                                                  ". Stop that server first, or use another directory.");
  }
  return file;
}

}  // namespace

Result<std::unique_ptr<BlobStore>> open_local_blob_store(const std::string& directory,
                                                         uint64_t reserve_bytes) {
  std::error_code error;
  fs::path root = fs::absolute(directory, error).lexically_normal();
  if (!root.has_filename()) root = root.parent_path();  // no trailing slash, so that parent_path() climbs
  const bool is_new = fs::create_directories(root, error);
  if (error) return Error::internal("cannot create " + root.string() + ": " + error.message());
  if (is_new) HULL_CHECK_OK(sync_directory(root.parent_path()));
  HULL_TRY(FileDescriptor lock, lock_directory(root));
  fs::path temporary = root / kTemporary;
  fs::remove_all(temporary, error);  // what a crash left half written
  fs::create_directory(temporary, error);
  if (error) return Error::internal("cannot create " + temporary.string() + ": " + error.message());
  HULL_CHECK_OK(sync_directory(root));
  return std::unique_ptr<BlobStore>(new LocalBlobStore(root, reserve_bytes, std::move(lock)));
}

}  // namespace hull
