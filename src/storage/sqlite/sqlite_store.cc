#include "storage/sqlite/sqlite_store.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>

#include "storage/sqlite/sqlite_connection.h"
#include "storage/sqlite/sqlite_file.h"

namespace hull {
namespace {

// Reader connections, created on demand up to a fixed number; a caller waits when all are busy. Thread-safe.
class ReaderPool {
 public:
  ReaderPool(std::string path, std::string cache_pragma, size_t capacity)
      : path_(std::move(path)), cache_pragma_(std::move(cache_pragma)), capacity_(capacity) {}

  class Lease {
   public:
    Lease(ReaderPool* pool, std::unique_ptr<SqliteConnection> c) : pool_(pool), connection_(std::move(c)) {}
    Lease(Lease&&) = default;
    ~Lease() {
      if (connection_) pool_->give_back(std::move(connection_));
    }
    SqliteConnection& operator*() { return *connection_; }
    SqliteConnection* operator->() { return connection_.get(); }

   private:
    ReaderPool* pool_;
    std::unique_ptr<SqliteConnection> connection_;
  };

  Result<Lease> take() {
    {
      std::unique_lock lock(mutex_);
      available_.wait(lock, [&] { return !idle_.empty() || open_ < capacity_; });
      if (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        return Lease(this, std::move(connection));
      }
      ++open_;
    }
    auto connection = SqliteConnection::open(path_, SQLITE_OPEN_READWRITE);
    if (connection.ok()) {
      Result<void> configured = (*connection)->execute(cache_pragma_.c_str());
      if (configured.ok()) configured = (*connection)->execute("PRAGMA query_only = ON");
      if (configured.ok()) return Lease(this, std::move(*connection));
      connection = Result<std::unique_ptr<SqliteConnection>>(std::move(configured).error());
    }
    {
      std::lock_guard lock(mutex_);
      --open_;
    }
    available_.notify_one();
    return std::move(connection).error();
  }

 private:
  void give_back(std::unique_ptr<SqliteConnection> connection) {
    {
      std::lock_guard lock(mutex_);
      idle_.push_back(std::move(connection));
    }
    available_.notify_one();
  }

  const std::string path_;
  const std::string cache_pragma_;
  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable available_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_;
  size_t open_ = 0;
};

int64_t sql_limit(size_t limit) {
  return static_cast<int64_t>(std::min<size_t>(limit, std::numeric_limits<int64_t>::max()));
}

Result<Value> stored_value(std::string_view bytes) {
  auto value = Value::verify_and_adopt(std::string(bytes));
  if (!value) return Error::internal("SQLite: a stored document is damaged");
  return std::move(*value);
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<FileLock> lock, std::unique_ptr<SqliteConnection> writer, std::string path,
              std::string cache_pragma)
      : lock_(std::move(lock)),
        writer_(std::move(writer)),
        readers_(std::move(path), std::move(cache_pragma),
                 std::clamp(std::thread::hardware_concurrency() * 2, 4u, 16u)) {}

  Result<void> commit(std::span<const StoredCommit> group) override {
    std::lock_guard guard(writer_mutex_);
    HULL_TRY(SqliteTransaction transaction, SqliteTransaction::begin(*writer_));
    for (const StoredCommit& commit : group) {
      for (const StoredWrite& write : commit.writes) HULL_CHECK_OK(write_document(commit.ts, write));
      for (const StoredIndexWrite& write : commit.index_writes) HULL_CHECK_OK(write_index_row(write));
    }
    return transaction.commit();
  }

  Result<std::optional<StoredDocument>> get(TabletId tablet, InternalId id) override {
    HULL_TRY(auto reader, readers_.take());
    HULL_TRY(SqliteStatement s, reader->prepare("SELECT ts, doc FROM documents WHERE tablet = ? AND id = ?"));
    s.bind_int(1, tablet.n);
    s.bind_blob(2, id.view());
    HULL_TRY(bool found, s.step());
    if (!found) return std::optional<StoredDocument>();
    HULL_TRY(Value value, stored_value(s.bytes_at(1)));
    return std::optional(StoredDocument{id, Timestamp{s.int_at(0)}, std::move(value)});
  }

  Result<std::vector<StoredDocument>> scan_tablet(TabletId tablet, std::optional<InternalId> after,
                                                  Order order, size_t limit) override {
    HULL_TRY(auto reader, readers_.take());
    const char* sql =
        order == Order::kAsc
            ? (after ? "SELECT id, ts, doc FROM documents WHERE tablet = ?1 AND id > ?3 ORDER BY id LIMIT ?2"
                     : "SELECT id, ts, doc FROM documents WHERE tablet = ?1 ORDER BY id LIMIT ?2")
            : (after ? "SELECT id, ts, doc FROM documents WHERE tablet = ?1 AND id < ?3 ORDER BY id DESC "
                       "LIMIT ?2"
                     : "SELECT id, ts, doc FROM documents WHERE tablet = ?1 ORDER BY id DESC LIMIT ?2");
    HULL_TRY(SqliteStatement s, reader->prepare(sql));
    s.bind_int(1, tablet.n);
    s.bind_int(2, sql_limit(limit));
    if (after) s.bind_blob(3, after->view());
    std::vector<StoredDocument> rows;
    while (true) {
      HULL_TRY(bool more, s.step());
      if (!more) return rows;
      HULL_TRY(Value value, stored_value(s.bytes_at(2)));
      rows.push_back({InternalId::from(s.bytes_at(0)), Timestamp{s.int_at(1)}, std::move(value)});
    }
  }

  Result<std::vector<StoredIndexRow>> scan_index(IndexId index, const Interval& interval, Order order,
                                                 size_t limit) override {
    HULL_TRY(auto reader, readers_.take());
    // CROSS JOIN fixes the join order: walk the index rows, look up each document.
#define HULL_SCAN(bounds, order_by)                                                                      \
  "SELECT i.key, i.id, d.ts, d.doc FROM index_rows i CROSS JOIN documents d ON d.tablet = i.tablet AND " \
  "d.id = i.id WHERE i.index_id = ?1 AND i.key >= ?2" bounds " ORDER BY i.key" order_by " LIMIT ?3"
    const char* sql = order == Order::kAsc
                          ? (interval.end ? HULL_SCAN(" AND i.key < ?4", "") : HULL_SCAN("", ""))
                          : (interval.end ? HULL_SCAN(" AND i.key < ?4", " DESC") : HULL_SCAN("", " DESC"));
#undef HULL_SCAN
    HULL_TRY(SqliteStatement s, reader->prepare(sql));
    s.bind_int(1, index.n);
    s.bind_blob(2, interval.start);
    s.bind_int(3, sql_limit(limit));
    if (interval.end) s.bind_blob(4, *interval.end);
    std::vector<StoredIndexRow> rows;
    while (true) {
      HULL_TRY(bool more, s.step());
      if (!more) return rows;
      HULL_TRY(Value value, stored_value(s.bytes_at(3)));
      rows.push_back({std::string(s.bytes_at(0)),
                      {InternalId::from(s.bytes_at(1)), Timestamp{s.int_at(2)}, std::move(value)}});
    }
  }

  Result<std::vector<LogRevision>> read_log(Timestamp after, size_t limit) override {
    HULL_TRY(auto reader, readers_.take());
    HULL_TRY(SqliteStatement s, reader->prepare("SELECT ts, tablet, id, prev, doc FROM log WHERE ts > ? "
                                                "ORDER BY ts, tablet, id"));
    s.bind_int(1, after.ns);
    std::vector<LogRevision> rows;
    size_t complete = 0;  // rows of commits that have been read to their end
    while (true) {
      HULL_TRY(bool more, s.step());
      if (!more) return rows;
      Timestamp ts{s.int_at(0)};
      if (!rows.empty() && rows.back().ts != ts) complete = rows.size();
      if (rows.size() >= limit && complete > 0) {
        rows.resize(complete);
        return rows;
      }
      LogRevision& row = rows.emplace_back();
      row.ts = ts;
      row.tablet = TabletId{static_cast<uint32_t>(s.int_at(1))};
      row.id = InternalId::from(s.bytes_at(2));
      if (!s.is_null(3)) row.prev = Timestamp{s.int_at(3)};
      if (!s.is_null(4)) {
        HULL_TRY(row.value, stored_value(s.bytes_at(4)));
      }
    }
  }

  Result<Timestamp> max_timestamp() override {
    HULL_TRY(auto reader, readers_.take());
    HULL_TRY(SqliteStatement s, reader->prepare("SELECT ts FROM log ORDER BY ts DESC LIMIT 1"));
    HULL_TRY(bool found, s.step());
    return Timestamp{found ? s.int_at(0) : 0};
  }

  Result<bool> purge_index(IndexId index, size_t max_rows) override {
    return purge(
        "DELETE FROM index_rows WHERE index_id = ?1 AND key IN "
        "(SELECT key FROM index_rows WHERE index_id = ?1 LIMIT ?2)",
        index.n, max_rows);
  }

  Result<bool> purge_tablet(TabletId tablet, size_t max_rows) override {
    return purge(
        "DELETE FROM documents WHERE tablet = ?1 AND id IN "
        "(SELECT id FROM documents WHERE tablet = ?1 LIMIT ?2)",
        tablet.n, max_rows);
  }

  Result<size_t> trim_log(Timestamp horizon, size_t max_rows) override;

  Result<std::optional<std::string>> get_global(std::string_view key) override {
    HULL_TRY(auto reader, readers_.take());
    HULL_TRY(SqliteStatement s, reader->prepare("SELECT value FROM globals WHERE key = ?"));
    s.bind_text(1, key);
    HULL_TRY(bool found, s.step());
    if (!found) return std::optional<std::string>();
    return std::optional(std::string(s.bytes_at(0)));
  }

  Result<void> set_global(std::string_view key, std::string_view value) override {
    std::lock_guard guard(writer_mutex_);
    return write_global(key, value);
  }

 private:
  // All three: writer_mutex_ held.
  Result<void> write_document(Timestamp ts, const StoredWrite& write) {
    {
      HULL_TRY(SqliteStatement s, writer_->prepare("INSERT INTO log VALUES (?, ?, ?, ?, ?)"));
      s.bind_int(1, ts.ns);
      s.bind_int(2, write.tablet.n);
      s.bind_blob(3, write.id.view());
      if (write.prev) s.bind_int(4, write.prev->ns);
      if (write.value) s.bind_blob(5, write.value->packed());
      HULL_CHECK_OK(s.run());
    }
    if (!write.value) {
      HULL_TRY(SqliteStatement s, writer_->prepare("DELETE FROM documents WHERE tablet = ? AND id = ?"));
      s.bind_int(1, write.tablet.n);
      s.bind_blob(2, write.id.view());
      return s.run();
    }
    HULL_TRY(SqliteStatement s, writer_->prepare("REPLACE INTO documents VALUES (?, ?, ?, ?)"));
    s.bind_int(1, write.tablet.n);
    s.bind_blob(2, write.id.view());
    s.bind_int(3, ts.ns);
    s.bind_blob(4, write.value->packed());
    return s.run();
  }

  Result<void> write_index_row(const StoredIndexWrite& write) {
    if (write.deleted) {
      HULL_TRY(SqliteStatement s, writer_->prepare("DELETE FROM index_rows WHERE index_id = ? AND key = ?"));
      s.bind_int(1, write.index.n);
      s.bind_blob(2, write.key);
      return s.run();
    }
    HULL_TRY(SqliteStatement s,
             writer_->prepare("INSERT INTO index_rows VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                              "tablet = excluded.tablet, id = excluded.id "
                              "WHERE tablet <> excluded.tablet OR id <> excluded.id"));
    s.bind_int(1, write.index.n);
    s.bind_blob(2, write.key);
    s.bind_int(3, write.tablet.n);
    s.bind_blob(4, write.id.view());
    return s.run();
  }

  Result<void> write_global(std::string_view key, std::string_view value) {
    HULL_TRY(SqliteStatement s, writer_->prepare("REPLACE INTO globals VALUES (?, ?)"));
    s.bind_text(1, key);
    s.bind_blob(2, value);
    return s.run();
  }

  Result<bool> purge(const char* sql, uint32_t owner, size_t max_rows) {
    std::lock_guard guard(writer_mutex_);
    HULL_TRY(SqliteStatement s, writer_->prepare(sql));
    s.bind_int(1, owner);
    s.bind_int(2, sql_limit(max_rows));
    HULL_CHECK_OK(s.run());
    return writer_->changes() < sql_limit(max_rows);
  }

  const std::unique_ptr<FileLock> lock_;  // first member: released last
  std::mutex writer_mutex_;
  const std::unique_ptr<SqliteConnection> writer_;  // guarded by writer_mutex_
  ReaderPool readers_;
};

// The log is walked once, from a persisted cursor to the horizon. A revision that names a predecessor makes
// that predecessor deletable; a tombstone is itself deletable, since nothing but its own deletion is left to
// tell. The cursor is the timestamp up to which everything has been handled; a commit that a step could not
// finish is walked again, finding less to do.
Result<size_t> SqliteStore::trim_log(Timestamp horizon, size_t max_rows) {
  struct Deletable {
    int64_t ts;
    uint32_t tablet;
    InternalId id;
  };
  constexpr std::string_view kCursor = "trim_cursor";
  constexpr int64_t kWalkRows = 1024;

  int64_t cursor = 0;
  HULL_TRY(auto stored, get_global(kCursor));
  if (stored) std::from_chars(stored->data(), stored->data() + stored->size(), cursor);

  size_t deleted = 0;
  // Position of the walk; rows up to and including it have been looked at in this call.
  int64_t at_ts = cursor;
  int64_t at_tablet = std::numeric_limits<int64_t>::max();
  InternalId at_id;
  while (deleted < max_rows) {
    std::vector<Deletable> batch;
    int64_t rows = 0;
    bool full = false;
    {
      HULL_TRY(auto reader, readers_.take());
      HULL_TRY(SqliteStatement s,
               reader->prepare(
                   "SELECT ts, tablet, id, prev, doc IS NULL FROM log WHERE (ts, tablet, id) > (?, ?, ?) "
                   "AND ts < ? ORDER BY ts, tablet, id LIMIT ?"));
      s.bind_int(1, at_ts);
      s.bind_int(2, at_tablet);
      s.bind_blob(3, at_id.view());
      s.bind_int(4, horizon.ns);
      s.bind_int(5, kWalkRows);
      while (true) {
        HULL_TRY(bool more, s.step());
        if (!more) break;
        if (deleted + batch.size() + 2 > max_rows && !batch.empty()) {
          full = true;
          break;
        }
        ++rows;
        at_ts = s.int_at(0);
        at_tablet = s.int_at(1);
        at_id = InternalId::from(s.bytes_at(2));
        uint32_t tablet = static_cast<uint32_t>(at_tablet);
        if (!s.is_null(3)) batch.push_back({s.int_at(3), tablet, at_id});
        if (s.int_at(4) != 0) batch.push_back({at_ts, tablet, at_id});
      }
    }
    bool finished = !full && rows < kWalkRows;
    // Everything before the commit the walk stands in is handled; that commit too when the walk is over.
    // Timestamps are unique to commits, so nothing can still be added below the horizon.
    int64_t handled = std::max(cursor, finished ? at_ts : at_ts - 1);
    if (batch.empty() && handled == cursor && finished) return deleted;

    std::lock_guard guard(writer_mutex_);
    HULL_TRY(SqliteTransaction transaction, SqliteTransaction::begin(*writer_));
    for (const Deletable& row : batch) {
      HULL_TRY(SqliteStatement s, writer_->prepare("DELETE FROM log WHERE ts = ? AND tablet = ? AND id = ?"));
      s.bind_int(1, row.ts);
      s.bind_int(2, row.tablet);
      s.bind_blob(3, row.id.view());
      HULL_CHECK_OK(s.run());
      deleted += static_cast<size_t>(writer_->changes());
    }
    if (handled != cursor) HULL_CHECK_OK(write_global(kCursor, std::to_string(handled)));
    HULL_CHECK_OK(transaction.commit());
    cursor = handled;
    if (finished) break;
  }
  return deleted;
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options) {
  // Looking before locking leaves no lock file beside a foreign database; looking again under the lock
  // decides.
  HULL_CHECK_OK(check_database_file(options.path));
  HULL_TRY(auto lock, FileLock::acquire(options.path));
  HULL_TRY(bool exists, check_database_file(options.path));
  if (!exists) HULL_CHECK_OK(create_database_file(options.path));

  HULL_TRY(auto writer, SqliteConnection::open(options.path, SQLITE_OPEN_READWRITE));
  std::string cache_pragma =
      "PRAGMA cache_size = -" + std::to_string(std::max<size_t>(options.page_cache_bytes / 4096, 64));
  HULL_CHECK_OK(writer->execute("PRAGMA journal_mode = WAL"));
  HULL_CHECK_OK(writer->execute(options.durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF"));
  HULL_CHECK_OK(writer->execute("PRAGMA wal_autocheckpoint = 2000"));
  HULL_CHECK_OK(writer->execute("PRAGMA journal_size_limit = 67108864"));
  HULL_CHECK_OK(writer->execute(cache_pragma.c_str()));
  return std::unique_ptr<Store>(
      new SqliteStore(std::move(lock), std::move(writer), options.path, std::move(cache_pragma)));
}

}  // namespace hull
