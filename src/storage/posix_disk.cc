#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "storage/disk.h"

namespace hull {
namespace {

Error system_error(const char* doing, const std::string& path) {
  const int code = errno;
  std::string text = std::string("cannot ") + doing + " " + path + ": " + std::strerror(code);
  if (code == ENOSPC || code == EDQUOT) return Error::overloaded("DiskFull", std::move(text));
  return Error::internal(std::move(text));
}

constexpr uint64_t kReservePartBytes = 512 << 10;

class PosixFile final : public DiskFile {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<std::string> read(uint64_t offset, size_t size) override {
    std::string bytes(size, '\0');
    size_t done = 0;
    while (done < size) {
      ssize_t n = ::pread(fd_, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error("read", path_);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    bytes.resize(done);
    return bytes;
  }

  Result<void> write(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error("write", path_);
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += static_cast<size_t>(n);
    }
    return {};
  }

  // fallocate alone would leave extents marked unwritten, and each later fdatasync would have to commit the
  // change of that mark to the file system's journal; so zeros are really written. It still comes first: it
  // finds out early that space is missing, and keeps the file in few pieces.
  Result<void> reserve(uint64_t wanted) override {
    HULL_TRY(uint64_t at, size());
    if (at >= wanted) return {};
    int code = ::posix_fallocate(fd_, static_cast<off_t>(at), static_cast<off_t>(wanted - at));
    if (code != 0 && code != EOPNOTSUPP && code != EINVAL) {
      errno = code;
      return system_error("reserve space for", path_);
    }
    // Synced in small parts, so that the sync of a commit in between need not wait for all of it.
    const std::string zeros(std::min<uint64_t>(wanted - at, kReservePartBytes), '\0');
    while (at < wanted) {
      size_t part = std::min<uint64_t>(zeros.size(), wanted - at);
      HULL_CHECK_OK(write(at, std::string_view(zeros).substr(0, part)));
      HULL_CHECK_OK(sync());
      at += part;
    }
    // Not fdatasync: the new size and extents must be settled now, not by the first commit.
    if (::fsync(fd_) != 0) return system_error("sync", path_);
    return {};
  }

  Result<void> sync() override {
    if (::fdatasync(fd_) != 0) return system_error("sync", path_);
    return {};
  }

  Result<uint64_t> size() override {
    struct stat info;
    if (::fstat(fd_, &info) != 0) return system_error("examine", path_);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const int fd_;
  const std::string path_;
};

class PosixDisk final : public Disk {
 public:
  Result<std::unique_ptr<DiskFile>> open(const std::string& path, Open mode) override {
    const int flags = O_RDWR | O_CLOEXEC | (mode == Open::kCreate ? O_CREAT | O_EXCL : 0);
    int fd = ::open(path.c_str(), flags, 0600);
    if (fd < 0) return system_error(mode == Open::kCreate ? "create" : "open", path);
    return std::unique_ptr<DiskFile>(std::make_unique<PosixFile>(fd, path));
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (!stream) return system_error("list", directory);
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    if (errno != 0) return system_error("list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> create_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_error("create", path);
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return system_error("remove", path);
    return {};
  }

  Result<void> sync_directory(const std::string& path) override {
    int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return system_error("open", path);
    bool synced = ::fsync(fd) == 0;
    Error error = synced ? Error{} : system_error("sync", path);
    ::close(fd);
    if (!synced) return error;
    return {};
  }

  Result<DiskSpace> space(const std::string& path) override {
    struct statvfs info;
    if (::statvfs(path.c_str(), &info) != 0) return system_error("examine the file system of", path);
    // f_bavail: without the blocks that only root may use.
    return DiskSpace{.free = uint64_t{info.f_bavail} * info.f_frsize,
                     .total = uint64_t{info.f_blocks} * info.f_frsize};
  }
};

}  // namespace

Disk& Disk::real() {
  static PosixDisk disk;
  return disk;
}

}  // namespace hull
