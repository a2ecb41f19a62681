// Store: the durable side of the database (database.md §14; DESIGN §3). SQLite implements it; PostgreSQL and
// MySQL can.
//
// Every implementation keeps two things. The *log* (every revision of every document, in commit order) is the
// truth: a commit is durable when it is in the log. Apart from it the *latest state* (newest revision per
// document, live rows per index) serves ordinary reads, so a range read never steps over dead versions. The
// latest state follows the log: apply() brings it forward, and applied() says how far it is. Older and newer
// snapshots are made by the caller, from the row images of recent commits that it keeps in memory
// (database/recent_writes.h).
//
// Contract
//  * commit() makes a group of commits durable with one sync, all or nothing. Timestamps ascend over all
//    commits ever made. commit(), recover() and trim_log() are called by one thread at a time.
//  * apply() may run beside commit(), on one thread at a time.
//  * Reads may run on any number of threads, also during the others. Each read sees the state at exactly one
//    timestamp, not before the applied() of when it began.
//  * After a failed commit() its outcome is unknown and the next call must be recover(). Reads go on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "storage/disk.h"
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
// How many documents a tablet holds and their size (values-and-schema.md §4); also by how much that changes.
struct TableSummary {
  int64_t documents = 0;
  int64_t bytes = 0;
  bool operator==(const TableSummary&) const = default;
};
struct SummaryDelta {
  TabletId tablet;
  TableSummary change;
  bool operator==(const SummaryDelta&) const = default;
};
struct StoredCommit {
  Timestamp ts;
  std::vector<StoredWrite> writes;
  std::vector<StoredIndexWrite> index_writes;
  std::vector<SummaryDelta> deltas;  // what the writes add up to, one per tablet
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

  // A commit without rows records just that its timestamp has been used.
  virtual Result<void> commit(std::vector<StoredCommit> group) = 0;
  // Once it succeeds, commits are possible again and nothing of the failed group exists or will come back,
  // also after a restart. An error says why the store still cannot be written.
  virtual Result<void> recover() = 0;

  // Newest timestamp whose commit, with all before it, is visible to reads that begin now.
  virtual Timestamp applied() const = 0;
  // One bounded, atomic step of at least one commit; true if more is waiting. After an error nothing is
  // lost: call it again later.
  virtual Result<bool> apply() = 0;
  // Memory held by commits that are not applied yet.
  virtual size_t unapplied_bytes() const = 0;

  // Newest revision of a document; nullopt if it does not exist or is deleted.
  virtual Result<std::optional<StoredDocument>> get(TabletId tablet, InternalId id) = 0;
  // Documents of a tablet by id, starting after `after` (nullopt = from the beginning): the order of the
  // by_id index.
  virtual Result<std::vector<StoredDocument>> scan_tablet(TabletId tablet, std::optional<InternalId> after,
                                                          Order order, size_t limit) = 0;
  // Live rows of a secondary index with their documents. Cost is proportional to the rows returned.
  virtual Result<std::vector<StoredIndexRow>> scan_index(IndexId index, const Interval& interval, Order order,
                                                         size_t limit) = 0;
  // The log from `after` (exclusive) in commit order, at most `limit` revisions unless a single commit has
  // more; a commit is never split. OutOfRetention if commits after `after` have been trimmed.
  virtual Result<std::vector<LogRevision>> read_log(Timestamp after, size_t limit) = 0;
  // The sum of all deltas per tablet, as of applied(): start-up reads it instead of counting documents.
  virtual Result<std::vector<SummaryDelta>> summaries() = 0;
  // Newest timestamp ever committed; 0 if none.
  virtual Result<Timestamp> max_timestamp() = 0;
  // Drops all rows of an index or of a tablet (latest state only) in bounded steps; true when nothing is
  // left.
  virtual Result<bool> purge_index(IndexId index, size_t max_rows) = 0;
  virtual Result<bool> purge_tablet(TabletId tablet, size_t max_rows) = 0;
  // Gives back the space of applied log whose commits are all before `horizon`, and of older log while more
  // than `max_bytes` are used; returns the bytes freed. The latest state is not touched.
  virtual Result<size_t> trim_log(Timestamp horizon, size_t max_bytes) = 0;

  struct Usage {
    size_t log_bytes = 0, state_bytes = 0;  // on disk
    DiskSpace disk;                         // of the file system they are on
  };
  virtual Result<Usage> usage() = 0;
};

}  // namespace hull
