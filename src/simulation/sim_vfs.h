// SimVfs: an SQLite VFS on a SimDisk, so that SQLite itself lives on the simulated disk and meets its faults.
//
// It does what SQLite's own unix VFS does where durability is concerned: a new journal's or WAL's first sync
// also syncs the directory, deleting syncs it when asked to, writes leave bytes outside of their range alone
// (powersafe overwrite). Locks and WAL-index memory are those of one process; they do not survive a restart
// of the disk as long as every connection has been closed by then. Nothing sleeps.
//
// Registered with SQLite, not as the default, for the object's life. Not thread-safe (one OS thread).
#pragma once

#include <sqlite3.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulation/sim_disk.h"

namespace hull::simulation {

class SimVfs {
 public:
  // `seed` also seeds SQLite's own generator, which is one for the whole process.
  SimVfs(SimDisk& disk, std::string name, uint64_t seed);
  ~SimVfs();
  SimVfs(const SimVfs&) = delete;

  // SQLite takes for granted that what it reads from its WAL can be made durable. After a failed sync Linux
  // does not keep that promise, and a power cut may then damage the database; so the default is kinder.
  void set_after_failed_sync(AfterFailedSync after) { after_failed_sync_ = after; }

  const char* name() const { return name_.c_str(); }

 private:
  struct File;
  struct Methods;
  // What the connections to one database file share.
  struct Shared {
    std::vector<File*> open;  // main database files only
    std::vector<std::unique_ptr<char[]>> regions;
    size_t mapped = 0;  // connections that use the regions
  };

  SimDisk& disk_;
  const std::string name_;
  SimRandom random_;
  AfterFailedSync after_failed_sync_ = AfterFailedSync::kStillUnsynced;
  std::map<std::string, Shared> shared_;
  sqlite3_vfs vfs_{};
};

}  // namespace hull::simulation
