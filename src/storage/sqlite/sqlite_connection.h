// SQLite in RAII: a connection with its prepared statements, and a running statement. Failures become Errors
// whose detail names the file and SQLite's own message. Not thread-safe: a connection and its statements
// belong to one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/result.h"

namespace hull {

class SqliteConnection;

// A borrowed prepared statement, reset on destruction so that it never keeps a read snapshot open. Bound text
// and blobs are not copied: they must stay alive until the statement is reset.
class SqliteStatement {
 public:
  SqliteStatement(SqliteConnection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&& other) = delete;
  ~SqliteStatement();

  // Parameters count from 1, columns from 0.
  void bind_int(int parameter, int64_t value);
  void bind_blob(int parameter, std::string_view value);
  void bind_text(int parameter, std::string_view value);
  void bind_null(int parameter);

  Result<bool> step();  // true: a row is available; false: done
  Result<void> run();   // steps to the end and resets

  int64_t int_at(int column) const { return sqlite3_column_int64(statement_, column); }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::string_view bytes_at(int column) const;  // valid until the next step

 private:
  SqliteConnection* connection_;
  sqlite3_stmt* statement_;
};

class SqliteConnection {
 public:
  // `flags` and `vfs` as for sqlite3_open_v2.
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, int flags,
                                                        const char* vfs = nullptr);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  const std::string& path() const { return path_; }
  Result<void> execute(const char* sql);
  // `sql` must be a string literal: its address is the cache key.
  Result<SqliteStatement> prepare(const char* sql);
  // Rows changed by the last statement.
  int64_t changes() const { return sqlite3_changes64(handle_); }
  // Bytes of the write-ahead log; 0 if there is none.
  uint64_t wal_bytes() const;
  // What went wrong last; code DiskFull if space ran out.
  Error error(std::string_view doing) const;

 private:
  SqliteConnection(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  std::string path_;
  sqlite3* handle_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

// An SQL write transaction; rolls back unless committed.
class SqliteTransaction {
 public:
  static Result<SqliteTransaction> begin(SqliteConnection& connection);
  SqliteTransaction(SqliteTransaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  ~SqliteTransaction();
  Result<void> commit();

 private:
  explicit SqliteTransaction(SqliteConnection* connection) : connection_(connection) {}
  SqliteConnection* connection_;
};

}  // namespace hull
