// Store: the durable side of the database (database.md §14; DESIGN §3). SQLite implements it; PostgreSQL and
// MySQL can.
//
// Layout every implementation keeps: the *log* (every revision of every document, in commit order) is the
// truth; apart from it the *latest* state (newest revision per document, live rows per index) serves ordinary
// reads, so a range read never steps over dead versions. Reads see the latest committed state only; older
// snapshots are reconstructed by the caller from versions it keeps in memory (database/version_store.h).
//
// Contract
//  * commit() makes a group of commits durable with one sync, all or nothing, and is called by one thread at
//  a time.
//  * Reads may run on any number of threads, also during commit(); each sees a state before or after the
//  whole group.
//  * An error from commit() leaves the outcome unknown: the caller must stop writing and reopen.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "value/id.h"
#include "value/value.h"

namespace hull {

// Physical table incarnation and index; small integers allocated by the catalog, never reused.
struct TabletId {
  uint32_t n = 0;
  auto operator<=>(const TabletId&) const = default;
};
struct IndexId {
  uint32_t n = 0;
  auto operator<=>(const IndexId&) const = default;
};

// One document changed by a commit. `value` empty = deleted. `prev` = timestamp of the replaced revision.
struct StoredWrite {
  TabletId tablet;
  InternalId id;
  std::optional<Value> value;
  std::optional<Timestamp> prev;
};
// One row of the latest state of a secondary index: put (points at the document) or delete.
struct StoredIndexWrite {
  IndexId index;
  std::string key;
  TabletId tablet;
  InternalId id;
  bool deleted = false;
};
struct StoredCommit {
  Timestamp ts;
  std::vector<StoredWrite> writes;
  std::vector<StoredIndexWrite> index_writes;
};

struct StoredDocument {
  InternalId id;
  Timestamp ts;
  Value value;
};
struct StoredIndexRow {
  std::string key;
  StoredDocument document;
};
struct LogRevision {
  Timestamp ts;
  TabletId tablet;
  InternalId id;
  std::optional<Value> value;
  std::optional<Timestamp> prev;
};

enum class Order { kAsc, kDesc };

// Half-open byte interval; no end = unbounded.
struct Interval {
  std::string start;
  std::optional<std::string> end;
  bool contains(std::string_view key) const { return key >= start && (!end || key < *end); }
  bool empty() const { return end && *end <= start; }
  bool operator==(const Interval&) const = default;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual Result<void> commit(std::span<const StoredCommit> group) = 0;

  // Newest revision of a document; nullopt if it does not exist or is deleted.
  virtual Result<std::optional<StoredDocument>> get(TabletId tablet, InternalId id) = 0;
  // Documents of a tablet by id, starting after `after` (nullopt = from the beginning): the order of the
  // by_id index.
  virtual Result<std::vector<StoredDocument>> scan_tablet(TabletId tablet, std::optional<InternalId> after,
                                                          Order order, size_t limit) = 0;
  // Live rows of a secondary index with their documents. Cost is proportional to the rows returned.
  virtual Result<std::vector<StoredIndexRow>> scan_index(IndexId index, const Interval& interval, Order order,
                                                         size_t limit) = 0;
  // The log from `after` (exclusive) in commit order, at most `limit` revisions, never splitting a commit.
  virtual Result<std::vector<LogRevision>> read_log(Timestamp after, size_t limit) = 0;
  // Newest timestamp in the log; 0 if empty.
  virtual Result<Timestamp> max_timestamp() = 0;
  // Drops all rows of an index or of a tablet (latest state only) in bounded steps; true when nothing is
  // left.
  virtual Result<bool> purge_index(IndexId index, size_t max_rows) = 0;
  virtual Result<bool> purge_tablet(TabletId tablet, size_t max_rows) = 0;
  // Deletes log revisions superseded before `horizon` and the tombstones before it, at most `max_rows`;
  // returns how many. The newest revision of a live document always stays.
  virtual Result<size_t> trim_log(Timestamp horizon, size_t max_rows) = 0;

  // Small durable key -> value map for facts outside the transaction system (format version, high-water
  // marks).
  virtual Result<std::optional<std::string>> get_global(std::string_view key) = 0;
  virtual Result<void> set_global(std::string_view key, std::string_view value) = 0;
};

}  // namespace hull
