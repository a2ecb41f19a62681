// For tests: SQLite's own VFS under the name "full-test", whose files take no more bytes while `disk_full` is
// set. For one thread.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <map>
#include <mutex>

namespace hull {

class FullVfs {
 public:
  static inline std::atomic<bool> disk_full = false;

  static const char* name() {
    static std::once_flag once;
    std::call_once(once, [] {
      static sqlite3_vfs vfs = *sqlite3_vfs_find(nullptr);
      real_open_ = vfs.xOpen;
      vfs.zName = "full-test";
      vfs.xOpen = open;
      vfs.pNext = nullptr;
      sqlite3_vfs_register(&vfs, 0);
    });
    return "full-test";
  }

 private:
  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    int code = real_open_(vfs, path, file, flags, out_flags);
    if (code != SQLITE_OK || file->pMethods == nullptr) return code;
    // Databases and journals differ in their locking methods, but not in the one for writing.
    static std::map<const sqlite3_io_methods*, sqlite3_io_methods> patched;
    auto [it, added] = patched.try_emplace(file->pMethods, *file->pMethods);
    if (added) {
      real_write_ = it->second.xWrite;
      it->second.xWrite = write;
    }
    file->pMethods = &it->second;
    return code;
  }
  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    return disk_full ? SQLITE_FULL : real_write_(file, bytes, size, offset);
  }

  static inline decltype(sqlite3_vfs::xOpen) real_open_ = nullptr;
  static inline decltype(sqlite3_io_methods::xWrite) real_write_ = nullptr;
};

}  // namespace hull
