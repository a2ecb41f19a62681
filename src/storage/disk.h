// Disk: the few file operations the commit log is written with. The real one is POSIX; the simulation's one
// loses power, tears writes, fails to sync and runs full (src/simulation). Errors: code DiskFull when space
// ran out (kind kOverloaded), else internal; the message names the path and the system's own words.
//
// Thread-safety: a Disk may be used from any thread; one DiskFile by one thread at a time, except that reads
// may run beside a write.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hull {

class DiskFile {
 public:
  virtual ~DiskFile() = default;
  // Reads up to `size` bytes; fewer only at the end of the file.
  virtual Result<std::string> read(uint64_t offset, size_t size) = 0;
  // Extends the file if needed. Not durable before sync(); after an error the range holds old, new or mixed
  // bytes.
  virtual Result<void> write(uint64_t offset, std::string_view bytes) = 0;
  // Makes the file at least `size` long, filled with zeros, with its space reserved: later writes below
  // `size` cannot run out of space and change no metadata.
  virtual Result<void> reserve(uint64_t size) = 0;
  // Everything written so far is durable when it returns. After an error it must be taken as lost.
  virtual Result<void> sync() = 0;
  virtual Result<uint64_t> size() = 0;
};

struct DiskSpace {
  uint64_t free = 0, total = 0;  // bytes
};

class Disk {
 public:
  enum class Open { kExisting, kCreate };  // kCreate: must not exist yet

  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<DiskFile>> open(const std::string& path, Open mode) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;  // file names, sorted
  virtual Result<void> create_directory(const std::string& path) = 0;               // fine if it exists
  virtual Result<void> remove(const std::string& path) = 0;
  // Creations, removals and renames in the directory are durable when it returns.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  virtual Result<DiskSpace> space(const std::string& path) = 0;

  static Disk& real();
};

}  // namespace hull
