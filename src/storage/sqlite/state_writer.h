// Applies commits to the latest state: many commits in one SQL transaction, each document and index row
// written once, in the order of the B-trees. Not thread-safe; borrows the connection.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "storage/sqlite/sqlite_connection.h"
#include "storage/store.h"

namespace hull {

class StateWriter {
 public:
  static Result<StateWriter> open(SqliteConnection& connection);

  // `commits` in timestamp order. All or nothing; the new applied timestamp is part of it.
  Result<void> apply(std::span<const StoredCommit* const> commits);

 private:
  StateWriter(SqliteConnection& connection, int64_t next_doc_no)
      : connection_(&connection), next_doc_no_(next_doc_no) {}

  struct DocumentChange;
  Result<void> resolve(std::vector<DocumentChange>& changes);
  Result<std::optional<int64_t>> find_doc_no(TabletId tablet, InternalId id);
  Result<void> write_documents(std::vector<DocumentChange>& changes);
  Result<void> write_index_rows(std::span<const StoredCommit* const> commits,
                                std::span<const DocumentChange> changes);
  Result<void> write_summaries(std::span<const StoredCommit* const> commits);

  SqliteConnection* connection_;
  int64_t next_doc_no_;  // never goes back, also after a rollback
};

}  // namespace hull
