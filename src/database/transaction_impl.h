// The inside of Transaction, shared by transaction*.cc, query_stream.cc and paginate.cc. Not thread-safe.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "database/limits.h"
#include "database/metadata_keys.h"
#include "database/overlay.h"
#include "database/schema_enforcement.h"
#include "database/transaction.h"
#include "database/virtual_tables.h"

namespace hull {

// A query ready to run over one index.
struct CompiledQuery {
  std::string table;
  std::shared_ptr<const IndexInfo> index;
  Interval interval;
  bool user = true;  // counts towards the user's limits
  // A virtual table: what is seen of its rows; null there means that they are only depended on.
  bool is_virtual = false;
  ShowRow show = nullptr;
  bool hidden() const { return is_virtual && show == nullptr; }
};

// A table named by an id or by name, as the caller may see it.
struct VisibleTable {
  const TableInfo* info = nullptr;
  std::string name;  // virtual name where there is one
};

struct Transaction::Impl {
  Impl(Transaction& transaction, Options opts);

  Transaction& tx;
  Options options;
  TransactionLimits limits;
  Overlay overlay;
  double clock = 0;  // _creationTime of the next insert
  size_t system_documents_written = 0, system_bytes_written = 0;
  bool paginated = false;
  std::optional<SchemaFailure> schema_failure;
  std::set<std::string> tables_read;
  std::vector<std::pair<std::string, size_t>> rows_read;  // of user tables; few
  std::set<Overlay::Key> near_limits;                     // documents written close to their own limits

  struct Savepoint {
    size_t overlay_mark;
    std::shared_ptr<const Catalog> catalog;
    std::optional<SchemaFailure> schema_failure;
    TransactionLimits limits;
    size_t documents_written, bytes_written;
    size_t jobs_scheduled, job_args_bytes;
    bool paginated;
  };
  std::vector<Savepoint> savepoints;

  // --- metadata reads (transaction.cc): recorded once, however often they happen ---
  enum class Metadata : uint8_t { kName, kNumber, kTablet, kIndexList, kIndexName, kSchemas, kRead };
  // True the first time.
  bool note(Metadata kind, uint32_t n);
  void depend(const MetadataKey& key);
  const TableInfo* depend_on_table_name(std::string_view name);
  void depend_on_table_number(TableNumber number);
  void depend_on_indexes(TabletId tablet);
  void depend_on_schemas();
  void note_table_read(const TableInfo& table);
  std::vector<uint64_t> noted;  // ascending

  // --- reads (transaction.cc) ---
  void undo_to(size_t overlay_mark, std::shared_ptr<const Catalog> catalog);
  // Current revision, pending or in the snapshot; null if none. Records nothing.
  Result<DocumentPtr> current(TabletId tablet, const InternalId& id);
  // Snapshot rows with pending ones merged over them. Fewer rows than `limit` means the interval's end.
  // Records nothing.
  Result<std::vector<IndexRow>> scan(const IndexInfo& index, const Interval& interval, Order order,
                                     size_t limit);
  void record_point(const TableInfo& table, const DocumentId& id);
  void count_rows(std::string_view table, size_t rows);
  // Counts documents of a user table and checks the read limits.
  Result<void> charge_read(std::string_view table, size_t documents, size_t bytes);
  Result<void> check_reads();
  // A recorded and counted read by id.
  Result<DocumentPtr> read(const TableInfo& table, const DocumentId& id);

  // --- naming (transaction_read.cc) ---
  bool system_access() const { return options.access == TableAccess::kSystem; }
  // nullopt = unknown to this caller. `system`: through db.system.
  Result<std::optional<VisibleTable>> table_of_id(const DocumentId& id, bool system);
  std::optional<VisibleTable> table_by_name(std::string_view name);
  // nullopt = a full scan of a table that does not exist: no rows.
  Result<std::optional<CompiledQuery>> compile(const QuerySpec& spec, bool system);

  // --- writes (transaction_write.cc) ---
  Result<void> check_writable() const;
  // A new document with the next creation time.
  Result<DocumentId> insert(const TableInfo& table, ValueView fields);
  // Validates, counts and applies one write. `after` nullopt = delete.
  Result<DocumentPtr> apply(const TableInfo& table, const DocumentId& id, const DocumentPtr& current,
                            std::optional<Value> after);
  struct Target {
    VisibleTable table;
    DocumentId id;
    DocumentPtr document;
  };
  Result<Target> write_target(std::string_view method, std::string_view verb, std::string_view id_text,
                              std::optional<std::string_view> expected_table, const ValueView* value);
};

// Error texts of syscalls.md §1.2.
Error invalid_argument(std::string_view argument, std::string_view method, std::string_view cause);
Error system_table_error(bool system);
Error wrong_table(std::string_view method, std::string_view expected, std::string_view got);

}  // namespace hull
