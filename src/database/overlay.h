// Overlay: a transaction's own writes, arranged so that reads can merge them over a snapshot in the order of
// every index (database.md §2). One entry per document; an undo log makes nested rollback cheap. Not
// thread-safe.
//
// Invariant: rows(i) holds, for every index i of a written document's table, the key of its pending revision
// (document) and the keys of the revisions it replaced (null), so a merged scan needs nothing else.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "database/catalog.h"
#include "database/document.h"

namespace hull {

class Overlay {
 public:
  struct Entry {
    DocumentId id;
    DocumentPtr before;  // revision in the snapshot, null if none
    DocumentPtr after;   // pending revision, null if deleted
  };
  using Key = std::pair<TabletId, InternalId>;
  using Rows = std::map<std::string, DocumentPtr, std::less<>>;

  bool empty() const { return entries_.empty(); }
  const Entry* find(TabletId tablet, const InternalId& id) const;
  const std::map<Key, Entry>& entries() const { return entries_; }
  // Null if the index has no pending rows.
  const Rows* rows(IndexId index) const;

  // Replaces the current revision (pending, or the snapshot's if this is the first write) by `after`.
  void put(const TableInfo& table, const DocumentId& id, const DocumentPtr& current,
           const DocumentPtr& after);
  // Adds the rows of an index created after documents of its table were written.
  void add_index(const IndexInfo& index);

  size_t mark() const { return undo_.size(); }
  void rollback(size_t mark);

 private:
  struct Undo {
    std::optional<IndexId> index;  // a row of this index, else the entry of `key`
    std::string row_key;
    std::optional<DocumentPtr> row;
    Key key;
    std::optional<Entry> entry;
  };
  void set_row(IndexId index, std::string key, DocumentPtr document);

  std::map<Key, Entry> entries_;
  std::map<IndexId, Rows> rows_;
  std::vector<Undo> undo_;
};

}  // namespace hull
