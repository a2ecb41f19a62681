// For tests: a Disk over the real one that fails on demand.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "storage/disk.h"

namespace hull {

class FaultyDisk final : public Disk {
 public:
  std::atomic<bool> full = false;          // creating, reserving and writing find no space
  std::atomic<bool> fail_sync = false;     // sync() fails; the bytes stay in the file
  std::atomic<int> torn_bytes = -1;        // >= 0: the next write puts down that many bytes and fails
  std::atomic<int> syncs = 0, writes = 0;  // that succeeded

  Result<std::unique_ptr<DiskFile>> open(const std::string& path, Open mode) override {
    if (mode == Open::kCreate && full) return no_space(path);
    HULL_TRY(auto file, real_.open(path, mode));
    return std::unique_ptr<DiskFile>(std::make_unique<File>(*this, std::move(file), path));
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return real_.list(directory);
  }
  Result<void> create_directory(const std::string& path) override { return real_.create_directory(path); }
  Result<void> remove(const std::string& path) override { return real_.remove(path); }
  Result<void> sync_directory(const std::string& path) override { return real_.sync_directory(path); }
  Result<DiskSpace> space(const std::string& path) override { return real_.space(path); }

 private:
  static Error no_space(const std::string& path) {
    return Error::overloaded("DiskFull", "cannot write " + path + ": No space left on device");
  }

  class File final : public DiskFile {
   public:
    File(FaultyDisk& disk, std::unique_ptr<DiskFile> real, std::string path)
        : disk_(disk), real_(std::move(real)), path_(std::move(path)) {}
    Result<std::string> read(uint64_t offset, size_t size) override { return real_->read(offset, size); }
    Result<void> write(uint64_t offset, std::string_view bytes) override {
      if (disk_.full) return no_space(path_);
      if (int torn = disk_.torn_bytes.exchange(-1); torn >= 0) {
        HULL_CHECK_OK(real_->write(offset, bytes.substr(0, static_cast<size_t>(torn))));
        return Error::internal("cannot write " + path_ + ": Input/output error");
      }
      ++disk_.writes;
      return real_->write(offset, bytes);
    }
    Result<void> reserve(uint64_t size) override {
      if (disk_.full) return no_space(path_);
      return real_->reserve(size);
    }
    Result<void> sync() override {
      if (disk_.fail_sync) return Error::internal("cannot sync " + path_ + ": Input/output error");
      ++disk_.syncs;
      return real_->sync();
    }
    Result<uint64_t> size() override { return real_->size(); }

   private:
    FaultyDisk& disk_;
    std::unique_ptr<DiskFile> real_;
    const std::string path_;
  };

  Disk& real_ = Disk::real();
};

}  // namespace hull
