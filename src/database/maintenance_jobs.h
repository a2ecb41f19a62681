// The jobs of Maintenance, each a function that does one bounded step and says whether more is left. They run
// on the maintenance thread only.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "database/engine.h"
#include "database/transaction.h"

namespace hull {

struct MaintenanceContext {
  Engine& engine;
  const Knobs& knobs;
  std::function<bool()> stopping;
};

// Runs `body` in a transaction of the server and commits it, again on conflict. `amend` may add to the
// request. A body that writes nothing commits nothing.
Result<void> run_transaction(const MaintenanceContext& context, const std::string& source,
                             const std::function<Result<void>(Transaction&)>& body);
// The next rows of a table by `_id`, from `start` on: at most `max_rows`, and no more once they are large.
struct Chunk {
  std::vector<IndexRow> rows;
  bool last = false;  // nothing is left behind them
};
Result<Chunk> read_chunk(const Snapshot& snapshot, const TableInfo& table, std::string start,
                         size_t max_rows);
// One attempt; false = conflict (and the conflicting commit is published by now).
Result<bool> submit_and_wait(Engine& engine, CommitRequest request);

// Back-filling (database.md §8): indexes the next documents of one table in state Backfilling, by `_id`, at a
// fresh snapshot. The chunk's documents are in the read set, so a chunk with a document that changed
// meanwhile is done again. Progress is a row of _index_backfills, written by the chunk's own commit.
class IndexBackfill {
 public:
  // Whether an index needs more steps.
  Result<bool> step(const MaintenanceContext& context);

 private:
  size_t chunk_ = 256;
};

// Validation of a pending schema (values-and-schema.md §10.2): checks the next documents. Writers check what
// they write against the pending schema themselves, so every chunk may use a newer snapshot.
class SchemaValidation {
 public:
  Result<bool> step(const MaintenanceContext& context);

 private:
  Result<void> show_progress(const MaintenanceContext& context, const DocumentId& schema,
                             const Snapshot& snapshot);
  Result<void> hide_progress(const MaintenanceContext& context);

  std::optional<DocumentId> schema_;  // being validated
  std::set<std::string> done_;        // its tables that are finished
  std::string table_;                 // current one
  std::optional<std::string> after_;  // by_id key of its last document checked
  int64_t checked_ = 0;               // documents so far
  int64_t shown_at_ = 0;              // monotonic ns of the last progress row; 0 = the rows are unknown
  bool shown_ = false;
};

// Purging dropped indexes and tables, expired session records and schemas, old log revisions.
class Cleanup {
 public:
  Result<bool> step(const MaintenanceContext& context);

 private:
  Result<bool> purge_indexes(const MaintenanceContext& context);
  Result<bool> purge_tables(const MaintenanceContext& context);
  Result<bool> remove_expired(const MaintenanceContext& context);
  std::set<IndexId> purged_indexes_;
  std::set<TabletId> purged_tablets_;
};

}  // namespace hull
