// What a schema changes about indexes (deploy-and-cli.md §2.8, §4.3; values-and-schema.md §11.4) and the two
// steps of carrying it out: prepare_indexes() in start_push (new definitions back-fill beside the old ones),
// commit_indexes() in finish_push (the switch). Works on the catalog of a transaction; pure apart from its
// writes.
//
// An index row is *serving* if a finished push made it so (enabled, or staged); otherwise it is a leftover of
// a push that was started and is not finished. Serving rows keep their definition until finish_push;
// leftovers that the new schema does not want are dropped when the next push starts, those it wants are taken
// over.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "database/transaction.h"
#include "value/schema.h"

namespace hull {

struct IndexDescription {
  std::string table, name, type;    // database, search, vector
  std::vector<std::string> fields;  // database: as stored; others: filter fields
  std::string field;                // searchField or vectorField
  uint32_t dimensions = 0;
  bool staged = false;
  bool same_definition(const IndexDescription& other) const;
  std::string json() const;  // element of a diff
};

struct IndexDiff {
  std::vector<IndexDescription> added, removed, enabled, disabled;
  std::string json() const;
};

// `schema` null: every index goes.
IndexDiff index_diff(const Catalog& catalog, const Schema* schema);

// What a push would do to every index of before and after it, changed ones twice.
struct IndexPrediction {
  IndexDescription description;
  std::string_view change;  // added, identical, enabled, disabled, dropped
  bool needs_backfill = false;
};
std::vector<IndexPrediction> predict_indexes(const Catalog& catalog, const Schema* schema);

// start_push: adds back-filling indexes, drops superseded leftovers, marks staged indexes that become normal.
Result<void> prepare_indexes(Transaction& transaction, const Schema* schema);
// finish_push: enables, disables and drops. Error 400 IndexNotReady if a wanted index still back-fills.
Result<void> commit_indexes(Transaction& transaction, const Schema* schema);

// All wanted database indexes of user tables that are not staged: how many are complete, of how many.
struct IndexProgress {
  size_t complete = 0, total = 0;
};
IndexProgress index_progress(const Catalog& catalog);

}  // namespace hull
