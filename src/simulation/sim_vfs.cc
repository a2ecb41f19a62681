#include "simulation/sim_vfs.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace hull::simulation {
namespace {

constexpr int kSectorSize = 4096;  // as the unix VFS reports it

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

int code_of(const Error& error, int otherwise) { return error.code == "DiskFull" ? SQLITE_FULL : otherwise; }

}  // namespace

struct SimVfs::File {
  sqlite3_file base;  // first: SQLite sees only this
  SimVfs* vfs;
  std::string path;
  std::unique_ptr<SimFile> file;
  Shared* shared = nullptr;  // main database only
  int lock = SQLITE_LOCK_NONE;
  unsigned shm_read_locks = 0, shm_write_locks = 0;  // bit per slot
  bool mapped = false;
  bool sync_directory = false, delete_on_close = false;
};

struct SimVfs::Methods {
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static SimVfs& of(sqlite3_vfs* vfs) { return *static_cast<SimVfs*>(vfs->pAppData); }

  // --- files

  static int close(sqlite3_file* handle) {
    File& file = of(handle);
    if (file.mapped) shm_unmap(handle, 0);
    if (file.shared) std::erase(file.shared->open, &file);
    if (file.delete_on_close) (void)file.vfs->disk_.remove(file.path);
    file.~File();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* handle, void* out, int count, sqlite3_int64 offset) {
    auto bytes = of(handle).file->read(static_cast<uint64_t>(offset), static_cast<size_t>(count));
    if (!bytes.ok()) return SQLITE_IOERR_READ;
    std::memcpy(out, bytes->data(), bytes->size());
    if (bytes->size() == static_cast<size_t>(count)) return SQLITE_OK;
    std::memset(static_cast<char*>(out) + bytes->size(), 0, static_cast<size_t>(count) - bytes->size());
    return SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* handle, const void* data, int count, sqlite3_int64 offset) {
    auto written = of(handle).file->write(static_cast<uint64_t>(offset),
                                          {static_cast<const char*>(data), static_cast<size_t>(count)});
    return written.ok() ? SQLITE_OK : code_of(written.error(), SQLITE_IOERR_WRITE);
  }

  static int truncate(sqlite3_file* handle, sqlite3_int64 size) {
    return of(handle).file->truncate(static_cast<uint64_t>(size)).ok() ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
  }

  static int sync(sqlite3_file* handle, int) {
    File& file = of(handle);
    if (!file.file->sync().ok()) return SQLITE_IOERR_FSYNC;
    if (!file.sync_directory) return SQLITE_OK;
    if (!file.vfs->disk_.sync_directory(directory_of(file.path)).ok()) return SQLITE_IOERR_DIR_FSYNC;
    file.sync_directory = false;
    return SQLITE_OK;
  }

  static int file_size(sqlite3_file* handle, sqlite3_int64* out) {
    auto size = of(handle).file->size();
    if (!size.ok()) return SQLITE_IOERR_FSTAT;
    *out = static_cast<sqlite3_int64>(*size);
    return SQLITE_OK;
  }

  static int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return kSectorSize; }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  // --- locks: SHARED by many, RESERVED by one beside them, PENDING keeps new ones out, EXCLUSIVE alone

  static int highest_other_lock(const File& file) {
    int highest = SQLITE_LOCK_NONE;
    if (file.shared) {
      for (const File* other : file.shared->open)
        if (other != &file) highest = std::max(highest, other->lock);
    }
    return highest;
  }

  static int lock(sqlite3_file* handle, int level) {
    File& file = of(handle);
    if (level <= file.lock) return SQLITE_OK;
    const int other = highest_other_lock(file);
    switch (level) {
      case SQLITE_LOCK_SHARED:
        if (other >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
        break;
      case SQLITE_LOCK_RESERVED:
        if (other >= SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
        break;
      default:
        if (other >= SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
        if (other == SQLITE_LOCK_SHARED) {
          file.lock = SQLITE_LOCK_PENDING;
          return SQLITE_BUSY;
        }
    }
    file.lock = level;
    return SQLITE_OK;
  }

  static int unlock(sqlite3_file* handle, int level) {
    of(handle).lock = std::min(of(handle).lock, level);
    return SQLITE_OK;
  }

  static int check_reserved_lock(sqlite3_file* handle, int* out) {
    *out = std::max(of(handle).lock, highest_other_lock(of(handle))) >= SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
  }

  // --- memory of the WAL-index

  static int shm_map(sqlite3_file* handle, int region, int size, int extend, void volatile** out) {
    File& file = of(handle);
    auto& regions = file.shared->regions;
    if (!std::exchange(file.mapped, true)) ++file.shared->mapped;
    const auto wanted = static_cast<size_t>(region);
    if (wanted >= regions.size()) {
      *out = nullptr;
      if (!extend) return SQLITE_OK;
      while (regions.size() <= wanted) regions.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));
    }
    *out = regions[wanted].get();
    return SQLITE_OK;
  }

  static int shm_lock(sqlite3_file* handle, int first, int count, int flags) {
    File& file = of(handle);
    const unsigned mask = ((1u << count) - 1) << first;
    if (flags & SQLITE_SHM_UNLOCK) {
      file.shm_read_locks &= ~mask;
      file.shm_write_locks &= ~mask;
      return SQLITE_OK;
    }
    unsigned taken = 0;
    for (const File* other : file.shared->open) {
      if (other == &file) continue;
      taken |= other->shm_write_locks;
      if (flags & SQLITE_SHM_EXCLUSIVE) taken |= other->shm_read_locks;
    }
    if (taken & mask) return SQLITE_BUSY;
    (flags & SQLITE_SHM_EXCLUSIVE ? file.shm_write_locks : file.shm_read_locks) |= mask;
    return SQLITE_OK;
  }

  static void shm_barrier(sqlite3_file*) {}

  static int shm_unmap(sqlite3_file* handle, int) {
    File& file = of(handle);
    if (!std::exchange(file.mapped, false)) return SQLITE_OK;
    file.shm_read_locks = file.shm_write_locks = 0;
    // The first to come afterwards builds the index anew from the WAL.
    if (--file.shared->mapped == 0) file.shared->regions.clear();
    return SQLITE_OK;
  }

  // --- the file system

  static int open(sqlite3_vfs* handle, const char* path, sqlite3_file* out, int flags, int* out_flags) {
    SimVfs& vfs = of(handle);
    out->pMethods = nullptr;
    std::unique_ptr<SimFile> sim_file;
    bool created = false;
    if (!path) {
      sim_file = vfs.disk_.open_temporary();
    } else {
      auto exists = vfs.disk_.exists(path);
      if (!exists.ok()) return SQLITE_CANTOPEN;
      created = !*exists && (flags & SQLITE_OPEN_CREATE);
      auto opened = vfs.disk_.open_file(path, created ? Disk::Open::kCreate : Disk::Open::kExisting);
      if (!opened.ok()) return code_of(opened.error(), SQLITE_CANTOPEN);
      sim_file = std::move(*opened);
    }
    auto* file = new (static_cast<void*>(out)) File{.base = {}, .vfs = &vfs};
    file->path = path ? path : "";
    file->file = std::move(sim_file);
    file->file->set_after_failed_sync(vfs.after_failed_sync_);
    const int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    file->sync_directory = created && (flags & journals);
    file->delete_on_close = path && (flags & SQLITE_OPEN_DELETEONCLOSE);
    if (flags & SQLITE_OPEN_MAIN_DB) {
      file->shared = &vfs.shared_[file->path];
      file->shared->open.push_back(file);
    }
    file->base.pMethods = &kIo;
    if (out_flags) *out_flags = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* handle, const char* path, int sync_directory) {
    SimDisk& disk = of(handle).disk_;
    auto removed = disk.remove(path);
    if (!removed.ok())
      return removed.error().kind == ErrorKind::kNotFound ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    if (sync_directory && !disk.sync_directory(directory_of(path)).ok()) return SQLITE_IOERR_DIR_FSYNC;
    return SQLITE_OK;
  }

  static int access(sqlite3_vfs* handle, const char* path, int, int* out) {
    auto exists = of(handle).disk_.exists(path);
    if (!exists.ok()) return SQLITE_IOERR_ACCESS;
    *out = *exists;
    return SQLITE_OK;
  }

  static int full_path(sqlite3_vfs*, const char* path, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
  }

  static int randomness(sqlite3_vfs* handle, int count, char* out) {
    for (int i = 0; i < count; ++i) out[i] = static_cast<char>(of(handle).random_.next());
    return count;
  }

  static int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }

  static int current_time(sqlite3_vfs*, double* out) {
    *out = 2'460'000.5;
    return SQLITE_OK;
  }

  static constexpr sqlite3_io_methods kIo = {
      .iVersion = 2,
      .xClose = close,
      .xRead = read,
      .xWrite = write,
      .xTruncate = truncate,
      .xSync = sync,
      .xFileSize = file_size,
      .xLock = lock,
      .xUnlock = unlock,
      .xCheckReservedLock = check_reserved_lock,
      .xFileControl = file_control,
      .xSectorSize = sector_size,
      .xDeviceCharacteristics = characteristics,
      .xShmMap = shm_map,
      .xShmLock = shm_lock,
      .xShmBarrier = shm_barrier,
      .xShmUnmap = shm_unmap,
  };
};

SimVfs::SimVfs(SimDisk& disk, std::string name, uint64_t seed)
    : disk_(disk), name_(std::move(name)), random_(seed) {
  vfs_.iVersion = 1;
  vfs_.szOsFile = sizeof(File);
  vfs_.mxPathname = 512;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = Methods::open;
  vfs_.xDelete = Methods::remove;
  vfs_.xAccess = Methods::access;
  vfs_.xFullPathname = Methods::full_path;
  vfs_.xRandomness = Methods::randomness;
  vfs_.xSleep = Methods::sleep;
  vfs_.xCurrentTime = Methods::current_time;
  sqlite3_vfs_register(&vfs_, 0);
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(random_.next() | 1),
                       static_cast<sqlite3*>(nullptr));
}

SimVfs::~SimVfs() { sqlite3_vfs_unregister(&vfs_); }

}  // namespace hull::simulation
