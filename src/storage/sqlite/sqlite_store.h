// The embedded default. The log is a directory of segment files, `<path>-log/` (log/commit_log.h); the latest
// state is one SQLite file in WAL mode with synchronous=NORMAL: after a crash it is at some earlier applied()
// and opening replays the log from there. One connection writes; readers have a pool of their own.
//
// An OS lock on `<path>.lock` is held for the store's life, so a second server on the same file is refused. A
// file that was not made by Hull is never modified (operations.md §6.1, §11). Files of format 1 are converted
// when opened. Thread-safe as the Store contract says, and beyond: any method may run beside any other,
// except that commit(), recover() and apply() each belong to one thread at a time.
//
//  * An idle store must still be given apply() about once a second: it also syncs a relaxed log, reserves
//    the next log segment and, when there was nothing to apply, moves the WAL into the database file.
//  * purge_*() sees only what is applied: wait until applied() has passed the commit that dropped the owner.
//    Once it has returned true, nothing comes back after a crash.
#pragma once

#include <memory>
#include <string>

#include "base/env.h"
#include "storage/disk.h"
#include "storage/log/commit_log.h"
#include "storage/store.h"

namespace hull {

struct SqliteOptions {
  std::string path;
  Durability durability = Durability::kSync;
  size_t page_cache_bytes = 16 << 20;
  Disk* disk = &Disk::real();  // for the log
  // Name of the SQLite VFS for the latest state; null = the real one. With it the store has one connection in
  // exclusive locking mode behind a mutex (no shared-memory file is used, reads wait for apply()), takes no
  // lock file, and creates the database in place. No mutex may be waited for inside the VFS or the disk, so
  // neither may let another thread run.
  const char* vfs = nullptr;
  Env* env = &Env::real();
  uint64_t log_segment_bytes = 16 << 20;
};

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options);

}  // namespace hull
