// Deletes the blobs of files that no row stands for any more (file-storage.md §7): deleted files, uploads
// that failed between their bytes and their row, mutations that stored a file and were rolled back.
//
// A blob goes only if it was written longer ago than `age`, so that a row for it cannot be on its way, and if
// it was without a row for all of the time that old snapshots can be read. Memory: 16 bytes per stored file
// while it looks.
#pragma once

#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/knobs.h"
#include "database/engine.h"
#include "storage/blob_store.h"

namespace hull {

struct FileSweeperOptions {
  Engine* engine = nullptr;
  BlobStore* blobs = nullptr;
  double age_s = 24 * 3600;
  double snapshot_life_s = 300;  // how long old snapshots can be read
  double first_look_s = 600;     // after the start, which has other things to do
};

// What is remembered between two looks. Not thread-safe.
class FileSweep {
 public:
  explicit FileSweep(const FileSweeperOptions& options) : options_(options) {}
  struct Removed {
    size_t files = 0;
    uint64_t bytes = 0;
  };
  // Looks once, as of `now_ns` (unix time). Blocking.
  Result<Removed> run(int64_t now_ns);
  // Whether the last look found blobs that go once they were without a row for long enough.
  bool has_more_to_remove() const { return !without_row_since_.empty(); }

 private:
  using Key = std::array<uint8_t, 16>;  // the storage key, a UUID
  static std::optional<Key> key_of(std::string_view uuid);
  Result<std::vector<Key>> referenced() const;  // ascending

  const FileSweeperOptions options_;
  std::map<Key, int64_t> without_row_since_;  // unix time in ns
};

// A thread that looks from time to time, a quarter of `age` apart and at least every six hours; soon after
// the start and soon again for what it has found, so that servers that never run for long get there too.
class FileSweeper {
 public:
  explicit FileSweeper(const FileSweeperOptions& options);
  ~FileSweeper();
  FileSweeper(const FileSweeper&) = delete;
  FileSweeper& operator=(const FileSweeper&) = delete;

 private:
  void run();

  double pause_s() const;

  const FileSweeperOptions options_;
  FileSweep sweep_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace hull
