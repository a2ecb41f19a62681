// Everything a commit needs that does not depend on its timestamp, made on the submitting thread, so that the
// committer's serial section neither encodes keys nor looks at documents (database.md §18.5, §18.6).
//
// prepare_commit() and stamp() touch nothing but their arguments.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "database/catalog.h"
#include "database/engine.h"
#include "database/recent_writes.h"

namespace hull {

struct PreparedCommit {
  Timestamp snapshot;
  ReadSet reads;
  std::shared_ptr<Turn> turn;
  bool queues = false;
  // What `logged` and `stored` were made with; null = not made yet. Made again if a newer catalog is there.
  std::shared_ptr<const Catalog> catalog;
  std::vector<PendingWrite> writes;
  std::vector<BackfillRow> backfill;
  std::vector<std::string> by_id_keys;  // of `writes`, one by one
  // Touched keys and rows, without their timestamp.
  std::shared_ptr<LoggedCommit> logged;
  StoredCommit stored;
};

PreparedCommit prepare_commit(CommitRequest request, std::shared_ptr<const Catalog> catalog);

// What stamping with a timestamp adds.
struct StampedCommit {
  StoredCommit stored;
  LoggedCommitPtr logged;
  // Null if the commit changes nothing the catalog is made of.
  std::shared_ptr<const Catalog> catalog;
};
// `catalog` is the newest one, of the commit assigned just before. Every index of a written table is
// maintained, in whatever state. Fails if a write names an unknown table.
Result<StampedCommit> stamp(PreparedCommit prepared, Timestamp ts, int64_t now_monotonic,
                            const std::shared_ptr<const Catalog>& catalog);

}  // namespace hull
