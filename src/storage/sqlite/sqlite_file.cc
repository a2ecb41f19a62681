#include "storage/sqlite/sqlite_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "storage/sqlite/sqlite_connection.h"

namespace hull {
namespace {

constexpr uint32_t kApplicationId = 0x48756c6c;  // "Hull"
constexpr std::string_view kSqliteMagic("SQLite format 3\0", 16);

// WITHOUT ROWID: the primary key is the B-tree, so range reads need no second lookup.
constexpr const char* kTables =
    // Every revision, in commit order; doc NULL = deleted; prev = ts of the replaced revision.
    "CREATE TABLE log (ts INTEGER NOT NULL, tablet INTEGER NOT NULL, id BLOB NOT NULL, prev INTEGER, doc "
    "BLOB,"
    " PRIMARY KEY (ts, tablet, id)) WITHOUT ROWID;"
    // Newest revision of every live document.
    "CREATE TABLE documents (tablet INTEGER NOT NULL, id BLOB NOT NULL, ts INTEGER NOT NULL, doc BLOB NOT "
    "NULL,"
    " PRIMARY KEY (tablet, id)) WITHOUT ROWID;"
    // Live rows of the secondary indexes.
    "CREATE TABLE index_rows (index_id INTEGER NOT NULL, key BLOB NOT NULL, tablet INTEGER NOT NULL, id BLOB "
    "NOT NULL,"
    " PRIMARY KEY (index_id, key)) WITHOUT ROWID;"
    "CREATE TABLE globals (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

Error system_error(const std::string& doing, const std::string& path) {
  return Error::internal("cannot " + doing + " " + path + ": " + std::strerror(errno));
}

Error foreign(const std::string& path, const std::string& what) {
  return Error::bad_request(
      "ForeignDatabase",
      path + " " + what +
          " It was left untouched. To move data from another Convex server, run `npx convex export` against "
          "that server, "
          "start Hull with a new data directory and run `npx convex import` against Hull.");
}

Result<void> sync_path(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return system_error("open", path);
  bool synced = ::fsync(fd) == 0;
  Error error = synced ? Error{} : system_error("sync", path);
  ::close(fd);
  if (!synced) return error;
  return {};
}

}  // namespace

Result<std::unique_ptr<FileLock>> FileLock::acquire(const std::string& path) {
  std::string lock_path = path + ".lock";
  int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("create the lock file", lock_path);
  std::unique_ptr<FileLock> lock(new FileLock(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error("lock", lock_path);
    char owner[32] = {};
    std::string by;
    if (::pread(fd, owner, sizeof owner - 1, 0) > 0) by = " (process " + std::string(owner) + ")";
    return Error::bad_request(
        "DatabaseInUse", "The database file " + path + " is in use: another Hull server" + by + " holds " +
                             lock_path + ". Stop that server first, or use another data directory.");
  }
  // The owner's process id is only a hint for the message above.
  std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0)
    return system_error("write", lock_path);
  return lock;
}

FileLock::~FileLock() { ::close(fd_); }

Result<bool> check_database_file(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return false;
    return system_error("open", path);
  }
  unsigned char header[100] = {};
  ssize_t size = ::pread(fd, header, sizeof header, 0);
  ::close(fd);
  if (size < 0) return system_error("read", path);
  if (size == 0) return false;
  if (size < static_cast<ssize_t>(sizeof header) ||
      std::memcmp(header, kSqliteMagic.data(), kSqliteMagic.size()) != 0) {
    return foreign(path, "is not a Hull database file.");
  }
  // SQLite file format §1.3: big-endian application id at offset 68.
  uint32_t id =
      uint32_t{header[68]} << 24 | uint32_t{header[69]} << 16 | uint32_t{header[70]} << 8 | header[71];
  if (id != kApplicationId) return foreign(path, "is an SQLite database that was not made by Hull.");

  HULL_TRY(auto connection, SqliteConnection::open(path, SQLITE_OPEN_READONLY));
  HULL_TRY(SqliteStatement statement,
           connection->prepare("SELECT value FROM globals WHERE key = 'format_version'"));
  HULL_TRY(bool found, statement.step());
  int version = 0;
  if (found) {
    std::string_view text = statement.bytes_at(0);
    std::from_chars(text.data(), text.data() + text.size(), version);
  }
  if (version <= 0) return foreign(path, "has no readable Hull format version.");
  if (version > kSqliteFormatVersion) {
    return Error::bad_request("DatabaseTooNew", path + " was written by a newer Hull (format " +
                                                    std::to_string(version) + ", this program knows up to " +
                                                    std::to_string(kSqliteFormatVersion) +
                                                    "). It was left untouched. Start the newer version.");
  }
  return true;
}

Result<void> create_database_file(const std::string& path) {
  std::string building = path + ".new";
  std::error_code ignored;
  for (const char* suffix : {"", "-journal", "-wal", "-shm"})
    std::filesystem::remove(building + suffix, ignored);
  {
    HULL_TRY(auto connection, SqliteConnection::open(building, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    std::string pragma = "PRAGMA application_id = " + std::to_string(kApplicationId);
    HULL_CHECK_OK(connection->execute("PRAGMA page_size = 4096"));
    HULL_CHECK_OK(connection->execute(pragma.c_str()));
    HULL_CHECK_OK(connection->execute("BEGIN"));
    HULL_CHECK_OK(connection->execute(kTables));
    std::string version =
        "INSERT INTO globals VALUES ('format_version', '" + std::to_string(kSqliteFormatVersion) + "')";
    HULL_CHECK_OK(connection->execute(version.c_str()));
    HULL_CHECK_OK(connection->execute("COMMIT"));
    HULL_CHECK_OK(connection->execute("PRAGMA journal_mode = WAL"));
  }
  HULL_CHECK_OK(sync_path(building, O_RDWR));
  // Leftover journals of a file that no longer exists must not be applied to the new one.
  for (const char* suffix : {"-journal", "-wal", "-shm"}) std::filesystem::remove(path + suffix, ignored);
  if (::rename(building.c_str(), path.c_str()) != 0) return system_error("create", path);
  std::string directory = std::filesystem::path(path).parent_path().string();
  return sync_path(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY);
}

}  // namespace hull
