#include "storage/sqlite/sqlite_store.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <limits>
#include <mutex>
#include <thread>

#include "storage/sqlite/reader_pool.h"
#include "storage/sqlite/sqlite_file.h"
#include "storage/sqlite/sqlite_migration.h"
#include "storage/sqlite/state_writer.h"

namespace hull {
namespace {

// One apply() step. Only a backlog fills it; then large steps touch each page of the B-trees once for many
// rows, which counts when keys are random.
constexpr size_t kStepCommits = 65536;
constexpr size_t kStepBytes = 16 << 20;
// An idle store leaves less than this in the WAL.
constexpr size_t kIdleCheckpointBytes = 1 << 20;

int64_t sql_limit(size_t limit) {
  return static_cast<int64_t>(std::min<size_t>(limit, std::numeric_limits<int64_t>::max()));
}

Result<Value> stored_value(std::string_view bytes) {
  auto value = Value::verify_and_adopt(std::string(bytes));
  if (!value) return Error::internal("SQLite: a stored document is damaged");
  return std::move(*value);
}

size_t memory_of(const StoredCommit& commit) {
  size_t size = sizeof commit;
  for (const StoredWrite& write : commit.writes)
    size += sizeof write + (write.value ? 64 + write.value->packed().size() : 0);
  for (const StoredIndexWrite& write : commit.index_writes) size += sizeof write + write.key.size();
  return size;
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<FileLock> lock, std::unique_ptr<SqliteConnection> writer,
              StateWriter state_writer, std::unique_ptr<CommitLog> log, const SqliteOptions& options,
              Timestamp applied)
      : options_(options),
        lock_(std::move(lock)),
        log_(std::move(log)),
        writer_(std::move(writer)),
        state_writer_(state_writer),
        applied_(applied.ns) {
    if (options.vfs != nullptr) {
      readers_.emplace(writer_.get(), &writer_mutex_);
    } else {
      const size_t capacity = std::clamp(std::thread::hardware_concurrency() * 2, 4u, 16u);
      readers_.emplace(options.path, options.page_cache_bytes / 2 / capacity, capacity);
    }
  }

  Result<void> commit(std::vector<StoredCommit> group) override {
    HULL_CHECK_OK(log_->append(group));
    enqueue(std::move(group));
    return {};
  }
  Result<void> recover() override { return log_->recover(); }

  Timestamp applied() const override { return Timestamp{applied_.load(std::memory_order_acquire)}; }
  Result<bool> apply() override;
  size_t unapplied_bytes() const override { return unapplied_bytes_.load(std::memory_order_relaxed); }

  void checkpoint_when_idle();
  // Applies what the log has beyond the latest state.
  Result<void> replay();
  // Makes the latest state durable as of now, at least.
  Result<Timestamp> sync_state();

  Result<std::optional<StoredDocument>> get(TabletId tablet, InternalId id) override;
  Result<std::vector<StoredDocument>> scan_tablet(TabletId tablet, std::optional<InternalId> after,
                                                  Order order, size_t limit) override;
  Result<std::vector<StoredIndexRow>> scan_index(IndexId index, const Interval& interval, Order order,
                                                 size_t limit) override;
  Result<std::vector<LogRevision>> read_log(Timestamp after, size_t limit) override;
  Result<std::vector<SummaryDelta>> summaries() override;
  Result<Timestamp> max_timestamp() override { return log_->last(); }
  Result<bool> purge_index(IndexId index, size_t max_rows) override;
  Result<bool> purge_tablet(TabletId tablet, size_t max_rows) override;
  Result<size_t> trim_log(Timestamp horizon, size_t max_bytes) override;
  Result<Usage> usage() override;

 private:
  struct Pending {
    StoredCommit commit;
    size_t bytes;
  };

  void enqueue(std::vector<StoredCommit> group);
  Result<void> note_failure(Result<void> result);
  // Deletes with each statement (parameters: owner, limit); true when all found fewer than that.
  Result<bool> purge(std::initializer_list<const char*> statements, uint32_t owner, size_t max_rows);

  const SqliteOptions options_;
  const std::unique_ptr<FileLock> lock_;  // released last
  const std::unique_ptr<CommitLog> log_;
  std::mutex writer_mutex_;
  const std::unique_ptr<SqliteConnection> writer_;  // guarded by writer_mutex_
  size_t since_checkpoint_ = 0;                     // likewise: bytes applied
  StateWriter state_writer_;                        // likewise
  std::optional<ReaderPool> readers_;

  std::mutex pending_mutex_;
  std::deque<Pending> pending_;  // appended by commit(), removed from by apply()
  std::atomic<size_t> unapplied_bytes_{0};
  std::atomic<int64_t> applied_;
  std::atomic<bool> doubtful_{false};  // writing the latest state has failed
};

void SqliteStore::enqueue(std::vector<StoredCommit> group) {
  size_t sum = 0;
  std::lock_guard lock(pending_mutex_);
  for (StoredCommit& commit : group) {
    const size_t bytes = memory_of(commit);
    sum += bytes;
    pending_.push_back({std::move(commit), bytes});
  }
  unapplied_bytes_.fetch_add(sum, std::memory_order_relaxed);
}

Result<bool> SqliteStore::apply() {
  std::vector<const StoredCommit*> step;
  size_t bytes = 0;
  {
    // Elements of a deque stay where they are while others are appended.
    std::lock_guard lock(pending_mutex_);
    for (const Pending& pending : pending_) {
      if (!step.empty() && (step.size() >= kStepCommits || bytes + pending.bytes > kStepBytes)) break;
      step.push_back(&pending.commit);
      bytes += pending.bytes;
    }
  }
  bool more = false;
  if (!step.empty()) {
    {
      std::lock_guard lock(writer_mutex_);
      HULL_CHECK_OK(note_failure(state_writer_.apply(step)));
      applied_.store(step.back()->ts.ns, std::memory_order_release);
      since_checkpoint_ += bytes;
    }
    std::vector<Pending> done;  // freed without the lock
    done.reserve(step.size());
    std::lock_guard lock(pending_mutex_);
    for (size_t i = 0; i < step.size(); ++i) {
      done.push_back(std::move(pending_.front()));
      pending_.pop_front();
    }
    more = !pending_.empty();
    unapplied_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  if (step.empty()) checkpoint_when_idle();
  log_->maintain();
  return more;
}

// Pages in the WAL cost a reader a system call and a copy each, those in the database file do not.
void SqliteStore::checkpoint_when_idle() {
  std::lock_guard lock(writer_mutex_);
  if (since_checkpoint_ < kIdleCheckpointBytes) return;
  since_checkpoint_ = 0;
  // It fails on a full disk, say. Nothing is lost, and SQLite tries again by itself.
  (void)writer_->execute("PRAGMA wal_checkpoint(PASSIVE)");
}

Result<void> SqliteStore::replay() {
  CommitLog::Cursor cursor = log_->read_after(applied());
  while (true) {
    std::vector<StoredCommit> part(1);
    HULL_TRY(bool found, cursor.next(part[0], true));
    if (found) enqueue(std::move(part));
    while (unapplied_bytes() > (found ? kStepBytes : 0)) HULL_CHECK_OK(apply());
    if (!found) return {};
  }
}

// The counter makes sure that there is something to write, and so to sync.
Result<Timestamp> SqliteStore::sync_state() {
  std::lock_guard lock(writer_mutex_);
  const Timestamp now = applied();
  HULL_CHECK_OK(writer_->execute("PRAGMA synchronous = FULL"));
  Result<void> synced = writer_->execute(
      "INSERT INTO globals VALUES ('sync_mark', 1) ON CONFLICT DO UPDATE SET value = value + 1");
  HULL_CHECK_OK(writer_->execute("PRAGMA synchronous = NORMAL"));
  HULL_CHECK_OK(note_failure(std::move(synced)));
  return now;
}

Result<std::optional<StoredDocument>> SqliteStore::get(TabletId tablet, InternalId id) {
  HULL_TRY(auto reader, readers_->take());
  HULL_TRY(SqliteStatement s, reader->prepare("SELECT d.ts, d.doc FROM document_ids i CROSS JOIN documents d"
                                              " ON d.doc_no = i.doc_no WHERE i.tablet = ? AND i.id = ?"));
  s.bind_int(1, tablet.n);
  s.bind_blob(2, id.view());
  HULL_TRY(bool found, s.step());
  if (!found) return std::optional<StoredDocument>();
  HULL_TRY(Value value, stored_value(s.bytes_at(1)));
  return std::optional(StoredDocument{id, Timestamp{s.int_at(0)}, std::move(value)});
}

Result<std::vector<StoredDocument>> SqliteStore::scan_tablet(TabletId tablet, std::optional<InternalId> after,
                                                             Order order, size_t limit) {
  HULL_TRY(auto reader, readers_->take());
  // CROSS JOIN fixes the join order: walk the ids, look up each document.
#define HULL_SCAN(bound, order_by)                                                              \
  "SELECT i.id, d.ts, d.doc FROM document_ids i CROSS JOIN documents d ON d.doc_no = i.doc_no " \
  "WHERE i.tablet = ?1" bound " ORDER BY i.id" order_by " LIMIT ?2"
  const char* sql = order == Order::kAsc
                        ? (after ? HULL_SCAN(" AND i.id > ?3", "") : HULL_SCAN("", ""))
                        : (after ? HULL_SCAN(" AND i.id < ?3", " DESC") : HULL_SCAN("", " DESC"));
#undef HULL_SCAN
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

Result<std::vector<StoredIndexRow>> SqliteStore::scan_index(IndexId index, const Interval& interval,
                                                            Order order, size_t limit) {
  HULL_TRY(auto reader, readers_->take());
#define HULL_SCAN(bound, order_by)                                                                   \
  "SELECT i.key, d.id, d.ts, d.doc FROM index_rows i CROSS JOIN documents d ON d.doc_no = i.doc_no " \
  "WHERE i.index_id = ?1 AND i.key >= ?2" bound " ORDER BY i.key" order_by " LIMIT ?3"
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

Result<std::vector<LogRevision>> SqliteStore::read_log(Timestamp after, size_t limit) {
  CommitLog::Cursor cursor = log_->read_after(after);
  std::vector<LogRevision> rows;
  StoredCommit commit;
  while (rows.size() < limit) {
    HULL_TRY(bool found, cursor.next(commit, false));
    if (!found) break;
    if (!rows.empty() && rows.size() + commit.writes.size() > limit) break;
    for (StoredWrite& write : commit.writes)
      rows.push_back({commit.ts, write.tablet, write.id, std::move(write.value), write.prev});
  }
  cursor.remember();
  return rows;
}

Result<std::vector<SummaryDelta>> SqliteStore::summaries() {
  HULL_TRY(auto reader, readers_->take());
  HULL_TRY(SqliteStatement s,
           reader->prepare("SELECT tablet, documents, bytes FROM summaries ORDER BY tablet"));
  std::vector<SummaryDelta> rows;
  while (true) {
    HULL_TRY(bool more, s.step());
    if (!more) return rows;
    rows.push_back({TabletId{static_cast<uint32_t>(s.int_at(0))}, {s.int_at(1), s.int_at(2)}});
  }
}

Result<bool> SqliteStore::purge(std::initializer_list<const char*> statements, uint32_t owner,
                                size_t max_rows) {
  bool done = true;
  {
    std::lock_guard lock(writer_mutex_);
    HULL_TRY(SqliteTransaction transaction, SqliteTransaction::begin(*writer_));
    for (const char* sql : statements) {
      HULL_TRY(SqliteStatement s, writer_->prepare(sql));
      s.bind_int(1, owner);
      s.bind_int(2, sql_limit(max_rows));
      HULL_CHECK_OK(s.run());
      done = done && writer_->changes() < sql_limit(max_rows);
    }
    HULL_CHECK_OK(transaction.commit());
  }
  // The log does not repeat a purge after a crash, so the caller may forget it only once it is durable.
  if (done) {
    HULL_CHECK_OK(sync_state());
  }
  return done;
}

Result<bool> SqliteStore::purge_index(IndexId index, size_t max_rows) {
  return purge({"DELETE FROM index_rows WHERE index_id = ?1 AND key IN "
                "(SELECT key FROM index_rows WHERE index_id = ?1 LIMIT ?2)"},
               index.n, max_rows);
}

Result<bool> SqliteStore::purge_tablet(TabletId tablet, size_t max_rows) {
  return purge({"DELETE FROM documents WHERE doc_no IN "
                "(SELECT doc_no FROM document_ids WHERE tablet = ?1 ORDER BY id LIMIT ?2)",
                "DELETE FROM document_ids WHERE tablet = ?1 AND id IN "
                "(SELECT id FROM document_ids WHERE tablet = ?1 ORDER BY id LIMIT ?2)",
                "DELETE FROM summaries WHERE tablet = ?1 AND NOT EXISTS"
                " (SELECT 1 FROM document_ids WHERE tablet = ?1 LIMIT ?2)"},
               tablet.n, max_rows);
}

// What a failed sync has lost, no later sync writes, though it still reads as written. SQLite cannot tell
// then whether its file is whole, so the log, which can make it anew, must not get shorter.
Result<void> SqliteStore::note_failure(Result<void> result) {
  if (!result.ok() && result.error().code != "DiskFull") doubtful_.store(true, std::memory_order_relaxed);
  return result;
}

Result<size_t> SqliteStore::trim_log(Timestamp horizon, size_t max_bytes) {
  if (doubtful_.load(std::memory_order_relaxed)) return size_t{0};
  // Cheap when there is nothing to do; what would go must first be durable in the latest state.
  if (!log_->can_trim(horizon, max_bytes, applied())) return size_t{0};
  HULL_TRY(Timestamp durable, sync_state());
  return log_->trim(horizon, max_bytes, durable);
}

Result<Store::Usage> SqliteStore::usage() {
  Usage usage;
  usage.log_bytes = log_->bytes();
  HULL_TRY(auto reader, readers_->take());
  HULL_TRY(SqliteStatement s,
           reader->prepare("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"));
  HULL_CHECK_OK(s.step());
  usage.state_bytes = static_cast<size_t>(s.int_at(0)) + reader->wal_bytes();
  HULL_TRY(usage.disk, options_.disk->space(options_.path));
  return usage;
}

Result<std::unique_ptr<FileLock>> prepare_file(const std::string& path, int& version) {
  // Looking before locking leaves no lock file beside a foreign database; looking again under the lock
  // decides.
  HULL_CHECK_OK(check_database_file(path));
  HULL_TRY(auto lock, FileLock::acquire(path));
  HULL_TRY(version, check_database_file(path));
  if (version == 0) {
    HULL_CHECK_OK(create_database_file(path));
    version = kSqliteFormatVersion;
  }
  return lock;
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options) {
  int version = 0;
  std::unique_ptr<FileLock> lock;
  if (options.vfs == nullptr) {
    HULL_TRY(lock, prepare_file(options.path, version));
  }
  const int flags = SQLITE_OPEN_READWRITE | (options.vfs != nullptr ? SQLITE_OPEN_CREATE : 0);
  HULL_TRY(auto writer, SqliteConnection::open(options.path, flags, options.vfs));
  if (options.vfs != nullptr) {
    // Before the first access, so that WAL mode keeps its index in memory.
    HULL_CHECK_OK(writer->execute("PRAGMA locking_mode = EXCLUSIVE"));
    HULL_TRY(version, check_or_create_database(*writer));
  }
  const std::string cache = "PRAGMA cache_size = -" + std::to_string(options.page_cache_bytes / 2 / 1024);
  HULL_CHECK_OK(writer->execute(cache.c_str()));
  HULL_CHECK_OK(writer->execute("PRAGMA journal_mode = WAL"));
  HULL_CHECK_OK(writer->execute("PRAGMA synchronous = NORMAL"));
  // Small checkpoints: while one is synced, the syncs of commits wait.
  HULL_CHECK_OK(writer->execute("PRAGMA wal_autocheckpoint = 512"));
  HULL_CHECK_OK(writer->execute("PRAGMA journal_size_limit = 67108864"));
  if (version == 1) HULL_CHECK_OK(migrate_from_format_1(*writer));

  Timestamp applied;
  {
    HULL_TRY(SqliteStatement s, writer->prepare("SELECT value FROM globals WHERE key = 'applied_ts'"));
    HULL_CHECK_OK(s.step());
    applied.ns = s.int_at(0);
  }
  HULL_TRY(StateWriter state_writer, StateWriter::open(*writer));
  HULL_TRY(auto log, CommitLog::open({.directory = options.path + "-log",
                                      .durability = options.durability,
                                      .disk = options.disk,
                                      .env = options.env,
                                      .segment_bytes = options.log_segment_bytes},
                                     applied));
  CommitLog& opened_log = *log;
  auto store = std::make_unique<SqliteStore>(std::move(lock), std::move(writer), state_writer, std::move(log),
                                             options, applied);
  if (opened_log.last() < applied) {
    // A power cut took the end of a relaxed log, but not the state that was made from it.
    HULL_CHECK_OK(store->sync_state());
    HULL_CHECK_OK(opened_log.discard(applied));
  }
  HULL_CHECK_OK(store->replay());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace hull
