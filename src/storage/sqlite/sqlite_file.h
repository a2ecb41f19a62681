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
#include "storage/sqlite/sqlite_connection.h"

namespace hull {

inline constexpr int kSqliteFormatVersion = 2;

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

// The format version of an existing database; 0 if there is none yet (absent or empty file). An error
// explains a file that is foreign or too new.
Result<int> check_database_file(const std::string& path);

// Creates an empty database. The lock must be held.
Result<void> create_database_file(const std::string& path);

// Both in one, in place, over a connection that uses another VFS.
Result<int> check_or_create_database(SqliteConnection& connection);

}  // namespace hull
