#include "storage/sqlite/sqlite_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "storage/sqlite/sqlite_schema.h"

namespace hull {
namespace {

constexpr uint32_t kApplicationId = 0x48756c6c;  // "Hull"
constexpr std::string_view kSqliteMagic("SQLite format 3\0", 16);

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

Result<int> read_format_version(SqliteConnection& connection, const std::string& path) {
  HULL_TRY(SqliteStatement statement,
           connection.prepare("SELECT value FROM globals WHERE key = 'format_version'"));
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
  return version;
}

Result<void> create_tables(SqliteConnection& connection) {
  const std::string pragma = "PRAGMA application_id = " + std::to_string(kApplicationId);
  const std::string rows = "INSERT INTO globals VALUES ('format_version', '" +
                           std::to_string(kSqliteFormatVersion) + "'), ('applied_ts', 0)";
  HULL_CHECK_OK(connection.execute("PRAGMA page_size = 8192"));
  HULL_TRY(SqliteTransaction transaction, SqliteTransaction::begin(connection));
  HULL_CHECK_OK(connection.execute(pragma.c_str()));
  HULL_CHECK_OK(connection.execute(kTables));
  HULL_CHECK_OK(connection.execute(kGlobalsTable));
  HULL_CHECK_OK(connection.execute(rows.c_str()));
  return transaction.commit();
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

Result<int> check_database_file(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return 0;
    return system_error("open", path);
  }
  unsigned char header[100] = {};
  ssize_t size = ::pread(fd, header, sizeof header, 0);
  ::close(fd);
  if (size < 0) return system_error("read", path);
  if (size == 0) return 0;
  if (size < static_cast<ssize_t>(sizeof header) ||
      std::memcmp(header, kSqliteMagic.data(), kSqliteMagic.size()) != 0) {
    return foreign(path, "is not a Hull database file.");
  }
  // SQLite file format §1.3: big-endian application id at offset 68.
  uint32_t id =
      uint32_t{header[68]} << 24 | uint32_t{header[69]} << 16 | uint32_t{header[70]} << 8 | header[71];
  if (id != kApplicationId) return foreign(path, "is an SQLite database that was not made by Hull.");

  HULL_TRY(auto connection, SqliteConnection::open(path, SQLITE_OPEN_READONLY));
  return read_format_version(*connection, path);
}

Result<int> check_or_create_database(SqliteConnection& connection) {
  int64_t id = 0, tables = 0;
  {
    HULL_TRY(SqliteStatement s, connection.prepare("PRAGMA application_id"));
    HULL_CHECK_OK(s.step());
    id = s.int_at(0);
  }
  {
    HULL_TRY(SqliteStatement s, connection.prepare("SELECT count(*) FROM sqlite_schema"));
    HULL_CHECK_OK(s.step());
    tables = s.int_at(0);
  }
  if (id == kApplicationId) return read_format_version(connection, connection.path());
  if (tables > 0) return foreign(connection.path(), "is an SQLite database that was not made by Hull.");
  HULL_CHECK_OK(create_tables(connection));
  return kSqliteFormatVersion;
}

Result<void> create_database_file(const std::string& path) {
  std::string building = path + ".new";
  std::error_code ignored;
  for (const char* suffix : {"", "-journal", "-wal", "-shm"})
    std::filesystem::remove(building + suffix, ignored);
  {
    HULL_TRY(auto connection, SqliteConnection::open(building, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    HULL_CHECK_OK(create_tables(*connection));
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
