// The database file before SQLite gets to work on it: the lock against a second server, recognising files
// that are not ours, and atomic creation.
//
// A Hull file has application_id "Hull" in its SQLite header and a row format_version in `globals`. A new
// file is built under a temporary name and renamed, so a file under the final name is always complete. Files
// that are not ours, or newer than this program, are only ever read.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace hull {

inline constexpr int kSqliteFormatVersion = 1;

// Exclusive ownership of `<path>.lock`, given up on destruction (also by the kernel when the process dies).
class FileLock {
 public:
  static Result<std::unique_ptr<FileLock>> acquire(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// True if a database of this format exists, false if there is none yet (absent or empty file); an error
// explains a file that is foreign or too new.
Result<bool> check_database_file(const std::string& path);

// Creates an empty database. The lock must be held.
Result<void> create_database_file(const std::string& path);

}  // namespace hull
