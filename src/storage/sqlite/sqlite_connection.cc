#include "storage/sqlite/sqlite_connection.h"

#include <cerrno>
#include <mutex>
#include <utility>

namespace hull {

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

SqliteStatement::~SqliteStatement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void SqliteStatement::bind_int(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_, parameter, value);
}

void SqliteStatement::bind_blob(int parameter, std::string_view value) {
  // A null pointer would bind NULL instead of an empty blob.
  const char* data = value.data() != nullptr ? value.data() : "";
  sqlite3_bind_blob64(statement_, parameter, data, value.size(), SQLITE_STATIC);
}

void SqliteStatement::bind_text(int parameter, std::string_view value) {
  const char* data = value.data() != nullptr ? value.data() : "";
  sqlite3_bind_text64(statement_, parameter, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void SqliteStatement::bind_null(int parameter) { sqlite3_bind_null(statement_, parameter); }

Result<bool> SqliteStatement::step() {
  int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->error(sqlite3_sql(statement_));
}

Result<void> SqliteStatement::run() {
  int code;
  while ((code = sqlite3_step(statement_)) == SQLITE_ROW) {
  }
  if (code != SQLITE_DONE) return connection_->error(sqlite3_sql(statement_));
  sqlite3_reset(statement_);
  return {};
}

std::string_view SqliteStatement::bytes_at(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  size_t size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return data != nullptr ? std::string_view(static_cast<const char*>(data), size) : std::string_view();
}

namespace {

// Page caches take their memory in one piece, up to their own limit, instead of page by page: allocating
// those was a sixth of the time of writing. Address space only, until it is used.
void configure_sqlite() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 1 << 20); });
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, int flags,
                                                                 const char* vfs) {
  configure_sqlite();
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, vfs);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path, handle));
  if (code != SQLITE_OK) return connection->error("open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 10'000);
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Result<void> SqliteConnection::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error(sql);
  return {};
}

Result<SqliteStatement> SqliteConnection::prepare(const char* sql) {
  auto [it, added] = statements_.try_emplace(sql, nullptr);
  if (added &&
      sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &it->second, nullptr) != SQLITE_OK) {
    statements_.erase(it);
    return error(sql);
  }
  return SqliteStatement(this, it->second);
}

uint64_t SqliteConnection::wal_bytes() const {
  sqlite3_file* file = nullptr;
  sqlite3_int64 size = 0;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK ||
      file == nullptr || file->pMethods == nullptr || file->pMethods->xFileSize(file, &size) != SQLITE_OK)
    return 0;
  return static_cast<uint64_t>(size);
}

Error SqliteConnection::error(std::string_view doing) const {
  std::string text = "SQLite: ";
  text += handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory";
  text += " (file ";
  text += path_;
  text += ", in: ";
  text += doing.substr(0, 120);
  text += ")";
  const int code = handle_ != nullptr ? sqlite3_errcode(handle_) & 0xff : SQLITE_NOMEM;
  const int system = code == SQLITE_IOERR ? sqlite3_system_errno(handle_) : 0;
  if (code == SQLITE_FULL || system == ENOSPC || system == EDQUOT)
    return Error::overloaded("DiskFull", std::move(text) + ": No space left on device");
  return Error::internal(std::move(text));
}

Result<SqliteTransaction> SqliteTransaction::begin(SqliteConnection& connection) {
  HULL_TRY(SqliteStatement statement, connection.prepare("BEGIN IMMEDIATE"));
  HULL_CHECK_OK(statement.run());
  return SqliteTransaction(&connection);
}

SqliteTransaction::~SqliteTransaction() {
  // The statement below may fail when SQLite has already rolled back by itself (for example on a full disk).
  if (connection_ != nullptr) (void)connection_->execute("ROLLBACK");
}

Result<void> SqliteTransaction::commit() {
  HULL_TRY(SqliteStatement statement, connection_->prepare("COMMIT"));
  HULL_CHECK_OK(statement.run());
  connection_ = nullptr;
  return {};
}

}  // namespace hull
