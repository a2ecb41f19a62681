// Transaction: what one query or mutation (with everything it calls) reads and writes (database.md §2-§7).
//
// Reads see the snapshot with the transaction's own writes merged over it; every read is recorded in the read
// set; writes are validated at once (document rules, schema, limits) so that errors surface at the db.* call
// and leave the transaction usable. Sub-transactions roll back writes, never reads. Not thread-safe: owned by
// the call that runs it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/envelope.h"
#include "base/knobs.h"
#include "database/engine.h"
#include "database/limits.h"
#include "database/query.h"

namespace hull {

// Which tables a caller may name. User code sees user tables (and virtual ones through db.system); system
// functions and server jobs see everything.
enum class TableAccess { kUser, kSystem };

struct CursorContext {  // what cursors are bound to and sealed with
  const InstanceSecret* secret = nullptr;
  std::string instance_name;
};

class Transaction;

// One in-progress queryStream. Rows are read ahead in batches; usage, limits and the read set follow
// consumption.
class QueryStream {
 public:
  virtual ~QueryStream() = default;
  // Null at the end. Consumes (counts and records) everything up to and including the returned row. The end
  // is consumed too: a caller that was told `exhausted` still calls next() once more, so that the tail of the
  // range is recorded.
  virtual Result<DocumentPtr> next() = 0;
  // Read-ahead without consuming: up to `limit` rows that next() would return, with what consuming each one
  // costs.
  struct Peeked {
    DocumentPtr document;
    size_t documents = 0, bytes = 0;  // cost of this row including the filtered-out ones before it
  };
  struct PeekedRows {
    std::vector<Peeked> rows;
    bool exhausted = false;  // the stream ends after these rows
  };
  virtual Result<PeekedRows> peek(size_t limit) = 0;
};

class Transaction {
 public:
  struct Options {
    TableAccess access = TableAccess::kUser;
    bool writable = false;
    const Knobs* knobs = nullptr;
    CursorContext cursors;
    double now_ms = 0;  // start of the call, wall clock; _creationTime starts at max(snapshot, now)
  };
  Transaction(SnapshotPtr snapshot, Options options);
  ~Transaction();
  Transaction(const Transaction&) = delete;

  const SnapshotPtr& snapshot() const { return snapshot_; }
  TableAccess access() const;
  // The catalog with this transaction's own metadata writes applied.
  const Catalog& catalog() const { return *catalog_; }
  std::shared_ptr<const Catalog> catalog_ptr() const { return catalog_; }

  // --- user-level operations, with the argument checks and texts of syscalls.md §4-§5
  // --------------------------------- `system`: called through db.system. `expected_table`: the
  // explicit-table form.
  Result<DocumentPtr> get(std::string_view id_text, bool system,
                          std::optional<std::string_view> expected_table);
  Result<std::unique_ptr<QueryStream>> query(const QuerySpec& spec, bool system);
  // `journal_end`: end cursor from the query journal of the previous run; it belongs to the first call.
  Result<Page> paginate(const PageSpec& spec, std::optional<std::string_view> journal_end);
  Result<std::optional<std::string>> normalize_id(std::string_view table, std::string_view id_text);
  Result<DocumentId> insert(std::string_view table, ValueView value);
  Result<DocumentPtr> patch(std::string_view id_text, ValueView patch,
                            std::optional<std::string_view> expected_table);
  Result<DocumentPtr> replace(std::string_view id_text, ValueView value,
                              std::optional<std::string_view> expected_table);
  Result<DocumentPtr> remove(std::string_view id_text, std::optional<std::string_view> expected_table);
  Result<size_t> count(std::string_view table);  // O(log tables), own writes included

  // --- system-level operations (no user limits, any table)
  // ------------------------------------------------------------
  Result<DocumentPtr> system_get(const DocumentId& id);
  Result<DocumentId> system_insert(std::string_view table, ValueView fields);
  Result<void> system_replace(const DocumentId& id, ValueView fields);  // fields without _id/_creationTime
  Result<void> system_remove(const DocumentId& id);
  // First row of an index of a system table whose leading fields equal `values`.
  Result<DocumentPtr> system_find(std::string_view table, std::string_view index,
                                  const std::vector<Value>& values);
  // Creates an empty user table if absent.
  Result<void> ensure_table(std::string_view table);
  // Removes a table with its indexes; its rows are purged in the background. Error if the active schema needs
  // it.
  Result<void> drop_table(std::string_view table);
  // Index rows of _index: inserts one in state Backfilling (Backfilled if the table is empty, Enabled if it
  // was created by this transaction); changes state; drops.
  Result<DocumentId> add_index(std::string_view table, const DatabaseIndexDef& def);
  // Records a search or vector index without building it; `config` is the row's config object with its
  // `type`.
  Result<DocumentId> add_other_index(std::string_view table, std::string_view name, ValueView config);
  Result<void> set_index_state(const DocumentId& index_row, IndexState state, bool staged);
  Result<void> drop_index(const DocumentId& index_row);
  // Counts a scheduled function; error if this or its arguments are too many in this transaction.
  Result<void> charge_job(size_t args_bytes);
  // A read of a whole in-memory system table's rows (records the dependency).
  std::vector<DocumentPtr> system_rows(std::string_view table);
  void depend_on_system_table(std::string_view table);

  // --- sub-transactions
  // ------------------------------------------------------------------------------------------------
  // Limits are narrowed to `budget` on top of the present usage until the sub-transaction ends; it may
  // paginate once, like its parent. A rollback takes back its writes with what they counted, never its reads.
  void begin_nested(const TransactionBudget& budget = {});
  void commit_nested();
  void rollback_nested();
  // For a query that runs on this snapshot apart from the caller's writes and read set, but on its account
  // (syscalls.md §8.2, useStaleSnapshot): starts with the caller's usage and limits, and gives the usage
  // back.
  void charge_to(const Transaction& caller, const TransactionBudget& budget);
  void take_charges(const Transaction& callee);

  // --- outcome
  // -----------------------------------------------------------------------------------------------------------
  bool has_writes() const;
  const ReadSet& reads() const { return reads_; }
  ReadSet take_reads() { return std::move(reads_); }
  const TransactionUsage& usage() const { return usage_; }
  const TransactionLimits& limits() const;  // in force now
  // What came close to a limit so far (runtime.md §5.3): counters, and documents as they will be written.
  std::vector<LimitWarning> warnings() const;
  // End cursor of the first paginate() call: the new journal. nullopt = none.
  std::optional<std::string> journal() const { return journal_; }
  const std::set<std::string>& tables_read() const;
  // How many rows of each user table were read.
  const std::vector<std::pair<std::string, size_t>>& rows_read() const;
  // Schema rows in progress that this transaction's writes break become failed here; call once before
  // commit_request().
  Result<void> finish();
  CommitRequest commit_request(std::string source);  // moves the writes and reads out

 private:
  friend class QueryStreamImpl;
  friend class RowReader;
  friend class ConsumedRange;
  struct Impl;  // transaction_impl.h
  std::unique_ptr<Impl> impl_;
  SnapshotPtr snapshot_;
  std::shared_ptr<const Catalog> catalog_;
  ReadSet reads_;
  TransactionUsage usage_;
  std::optional<std::string> journal_;
};

// The journal text a client keeps: sealed end cursor (sync-protocol.md §8.5). nullopt if it is not one of
// ours.
std::string seal_journal(const CursorContext& context, std::string_view end_cursor);
std::optional<std::string> open_journal(const CursorContext& context, std::string_view journal);

}  // namespace hull
