// Turns a validated CommitRequest into everything its timestamp decides: log revisions, index rows, touched
// keys, version chain entries and the next catalog. Pure: changes nothing but its result.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "database/catalog.h"
#include "database/engine.h"
#include "database/write_log.h"

namespace hull {

struct BuiltCommit {
  StoredCommit stored;
  LoggedCommitPtr logged;
  // Per logged->keys[i]: the row before and after (null = none).
  struct RowChange {
    DocumentPtr before, after;
  };
  std::vector<RowChange> rows;
  // Null if the commit changes nothing the catalog is made of.
  std::shared_ptr<const Catalog> catalog;
};

// `catalog` is the newest one, of the commit assigned just before; `by_id_keys` belong to request.writes one
// by one. Every index of a written table is maintained, in whatever state. Fails if a write names an unknown
// table.
Result<BuiltCommit> build_commit(CommitRequest request, const std::vector<std::string>& by_id_keys,
                                 Timestamp ts, int64_t now_monotonic, const Catalog& catalog);

}  // namespace hull
