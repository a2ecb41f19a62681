// BlobStore in a directory. A blob is written under `<directory>/.tmp`, synced, renamed to its key and made
// durable by syncing the directories it appears in, so a key never shows half a blob, also after a power
// failure.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/random.h"
#include "storage/blob_store.h"

namespace hull {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".tmp";

Error io_error(std::string_view doing, const fs::path& path) {
  return Error::internal("cannot " + std::string(doing) + " " + path.string() + ": " + std::strerror(errno));
}

class FileDescriptor {
 public:
  FileDescriptor(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
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

Result<void> write_file(const fs::path& path, std::string_view bytes) {
  FileDescriptor fd(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd.ok()) return io_error("create", path);
  while (!bytes.empty()) {
    ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return io_error("write", path);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd.get()) != 0) return io_error("sync", path);
  return {};
}

bool valid_key(std::string_view key) {
  if (key.empty() || key.size() > 1024) return false;
  bool first = true;
  while (true) {
    size_t slash = key.find('/');
    std::string_view segment = key.substr(0, slash);
    if (segment.empty() || segment == "." || segment == ".." || (first && segment == kTemporary))
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

class LocalBlobStore final : public BlobStore {
 public:
  explicit LocalBlobStore(fs::path directory) : directory_(std::move(directory)) {}

  Result<void> put(std::string_view key, std::string_view bytes) override {
    HULL_TRY(fs::path target, path_of(key));
    HULL_CHECK_OK(make_directories(target.parent_path()));
    fs::path temporary = directory_ / kTemporary / random_hex(16);
    Result<void> written = write_file(temporary, bytes);
    if (written.ok() && ::rename(temporary.c_str(), target.c_str()) != 0)
      written = io_error("create", target);
    if (!written.ok()) {
      ::unlink(temporary.c_str());
      return written;
    }
    return sync_directory(target.parent_path());
  }

  Result<std::string> get(std::string_view key) override {
    HULL_TRY(fs::path path, path_of(key));
    FileDescriptor fd(path, O_RDONLY);
    HULL_TRY(uint64_t size, size_of(fd, key, path));
    return read_at(fd, path, 0, size);
  }

  Result<std::string> get_range(std::string_view key, uint64_t offset, size_t size) override {
    HULL_TRY(fs::path path, path_of(key));
    FileDescriptor fd(path, O_RDONLY);
    HULL_TRY(uint64_t whole, size_of(fd, key, path));
    if (offset > whole || size > whole - offset) return Error::internal("unexpected end of " + path.string());
    return read_at(fd, path, offset, size);
  }

  Result<std::vector<Entry>> list(std::string_view directory) override {
    HULL_TRY(fs::path path, path_of(directory));
    std::vector<Entry> entries;
    std::error_code error;
    if (!fs::exists(path, error)) return entries;
    for (const auto& file : fs::directory_iterator(path, error)) {
      struct stat info;
      if (::stat(file.path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      entries.push_back({std::string(directory) + "/" + file.path().filename().string(),
                         static_cast<uint64_t>(info.st_size),
                         int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec});
    }
    if (error) return Error::internal("cannot list " + path.string() + ": " + error.message());
    return entries;
  }

  Result<void> remove(std::string_view key) override {
    HULL_TRY(fs::path path, path_of(key));
    if (::unlink(path.c_str()) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return {};
      return io_error("remove", path);
    }
    return {};
  }

  Result<bool> exists(std::string_view key) override {
    HULL_TRY(fs::path path, path_of(key));
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return false;
      return io_error("look up", path);
    }
    return S_ISREG(info.st_mode);
  }

 private:
  static Error absent(std::string_view key) {
    return Error::not_found("BlobNotFound", "There is no stored object " + std::string(key) + ".");
  }

  Result<fs::path> path_of(std::string_view key) const {
    if (!valid_key(key))
      return Error::bad_request("InvalidBlobKey", "Invalid storage key: " + std::string(key));
    return directory_ / key;
  }

  static Result<uint64_t> size_of(const FileDescriptor& fd, std::string_view key, const fs::path& path) {
    struct stat info;
    if (!fd.ok() || ::fstat(fd.get(), &info) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return absent(key);
      return io_error("open", path);
    }
    if (!S_ISREG(info.st_mode)) return absent(key);
    return static_cast<uint64_t>(info.st_size);
  }

  static Result<std::string> read_at(const FileDescriptor& fd, const fs::path& path, uint64_t offset,
                                     size_t size) {
    std::string bytes(size, '\0');
    size_t done = 0;
    while (done < bytes.size()) {
      ssize_t count =
          ::pread(fd.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return io_error("read", path);
      if (count == 0) return Error::internal("unexpected end of " + path.string());
      done += static_cast<size_t>(count);
    }
    return bytes;
  }

  // Creates missing directories between the root and `path`, each made durable in its parent.
  Result<void> make_directories(const fs::path& path) {
    std::error_code error;
    if (path == directory_ || fs::is_directory(path, error)) return {};
    HULL_CHECK_OK(make_directories(path.parent_path()));
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return io_error("create", path);
    return sync_directory(path.parent_path());
  }

  const fs::path directory_;
};

}  // namespace

Result<std::unique_ptr<BlobStore>> open_local_blob_store(const std::string& directory) {
  std::error_code error;
  fs::path root = fs::absolute(directory, error).lexically_normal();
  if (!root.has_filename()) root = root.parent_path();  // no trailing slash, so that parent_path() climbs
  fs::path temporary = root / kTemporary;
  fs::remove_all(temporary, error);  // what a crash left half written
  fs::create_directories(temporary, error);
  if (error) return Error::internal("cannot create " + temporary.string() + ": " + error.message());
  HULL_CHECK_OK(sync_directory(root));
  return std::unique_ptr<BlobStore>(new LocalBlobStore(root));
}

}  // namespace hull
