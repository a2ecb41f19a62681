// SimDisk: a Disk in memory that behaves as badly as a real one may.
//
// Durability: file contents as sim_inode.h says. A created or removed name is durable after sync_directory();
// before that a power cut leaves any of the states the name has had, independently of other names.
//
// Faults: power cut at a chosen operation (that operation may still take effect in part, all later ones fail
// until restart()); the death of the process (handles fail, what was written stays); errors of reads, writes
// and syncs with a given probability or once at a chosen operation; a quota.
//
// Handles opened before a restart fail for ever. Not thread-safe (one OS thread). All choices come from the
// seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulation/sim_inode.h"
#include "simulation/sim_random.h"
#include "storage/disk.h"

namespace hull::simulation {

class SimFile;

class SimDisk final : public Disk {
 public:
  enum class Survives { kDurable, kWritten };  // after a power cut; after the death of the process
  struct ErrorRates {
    double read = 0, write = 0, sync = 0;  // write: also creating, removing and reserving
  };

  explicit SimDisk(uint64_t seed) : random_(seed) {}

  // --- Disk
  Result<std::unique_ptr<DiskFile>> open(const std::string& path, Open mode) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<void> create_directory(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<DiskSpace> space(const std::string& path) override;

  // --- what SQLite needs besides
  Result<std::unique_ptr<SimFile>> open_file(const std::string& path, Open mode);
  std::unique_ptr<SimFile> open_temporary();  // has no name, never durable
  Result<bool> exists(const std::string& path);

  // --- faults
  void set_error_rates(const ErrorRates& rates) { rates_ = rates; }
  // The operation with this number (operations() counts those that change something) is the last one before
  // the power goes, or fails alone.
  void cut_power_at(uint64_t operation) { cut_at_ = operation; }
  void fail_at(uint64_t operation) { fail_at_ = operation; }
  // No faults from now on, also none that were to come, and space enough.
  void heal();
  // Every operation fails from now on.
  void stop() { running_ = false; }
  bool running() const { return running_; }
  void restart(Survives survives);
  // For files opened from now on, except by SQLite (sim_vfs.h).
  void set_after_failed_sync(AfterFailedSync after) { after_failed_sync_ = after; }
  void set_quota(uint64_t bytes) { quota_ = bytes; }
  uint64_t used() const;
  uint64_t operations() const { return operations_; }

 private:
  friend class SimFile;
  enum class Operation { kRead, kWrite, kSync };
  enum class Verdict { kProceed, kFail, kFailPartly };

  // A name: the inode or directory it stands for, and what it stood for since its directory was synced.
  struct Entry {
    std::shared_ptr<SimInode> file;
    bool directory = false;
    bool exists() const { return file || directory; }
  };
  struct Name {
    Entry current, durable;
    std::vector<Entry> unsynced;
  };

  // What happens to the operation that is about to begin.
  Verdict begin(Operation operation);
  Error error(const std::string& path, const char* what) const;
  const Entry* find(const std::string& path) const;
  bool has_parent(const std::string& path) const;
  void set_entry(const std::string& path, Entry entry);
  bool fits(uint64_t more) const { return used() + more <= quota_; }

  SimRandom random_;
  std::map<std::string, Name> names_;
  ErrorRates rates_;
  uint64_t quota_ = UINT64_MAX / 2;
  uint64_t operations_ = 0;
  uint64_t cut_at_ = 0, fail_at_ = 0;
  uint64_t generation_ = 0;
  bool running_ = true;
  AfterFailedSync after_failed_sync_ = AfterFailedSync::kForgotten;
};

class SimFile final : public DiskFile {
 public:
  SimFile(SimDisk& disk, std::string path, std::shared_ptr<SimInode> inode)
      : disk_(disk),
        path_(std::move(path)),
        inode_(std::move(inode)),
        generation_(disk.generation_),
        after_failed_sync_(disk.after_failed_sync_) {}

  Result<std::string> read(uint64_t offset, size_t size) override;
  Result<void> write(uint64_t offset, std::string_view bytes) override;
  Result<void> reserve(uint64_t size) override;
  Result<void> sync() override;
  Result<uint64_t> size() override;
  Result<void> truncate(uint64_t size);
  void set_after_failed_sync(AfterFailedSync after) { after_failed_sync_ = after; }

 private:
  SimDisk::Verdict begin(SimDisk::Operation operation);
  Error error(const char* what) const { return disk_.error(path_, what); }

  SimDisk& disk_;
  const std::string path_;
  const std::shared_ptr<SimInode> inode_;
  const uint64_t generation_;
  AfterFailedSync after_failed_sync_;
};

}  // namespace hull::simulation
