// Overlay: a transaction's own writes, arranged so that reads can merge them over a snapshot in the order of
// every index (database.md §2). One entry per document; an undo log makes nested rollback cheap. Not
// thread-safe.
//
// An index's pending rows are only built when it is first read, since most transactions never read the
// indexes they write to; from then on every write and rollback keeps them. Invariant: built rows hold, for
// every entry of the index's table, the key of the snapshot's revision (null) and over it the key of the
// pending one (document), so a merged scan needs nothing else.
#pragma once

#include <map>
#include <memory>
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
  // Pending rows of an index; null if there are none. Valid until the next change.
  const Rows* rows(const IndexInfo& index);
  // Documents the writes add to a tablet, minus those they remove.
  int64_t document_delta(TabletId tablet) const;

  // Replaces the current revision (pending, or `current`, the snapshot's, if this is the first write) by
  // `after`.
  void put(const TableInfo& table, const DocumentId& id, const DocumentPtr& current, DocumentPtr after);

  size_t mark() const { return undo_.size(); }
  void rollback(size_t mark);
  // Index ids may stand for other definitions from now on: build rows anew when they are next read.
  void forget_rows() { built_.clear(); }

 private:
  struct Undo {
    Key key;
    std::optional<Entry> entry;  // nullopt: there was none
  };
  struct Built {
    IndexInfo index;  // a copy: the catalog it came from may go
    Rows rows;
  };
  static void add_rows(Built& built, const Entry& entry);
  static void remove_rows(Built& built, const Entry& entry);
  template <typename Change>
  void change_entry(const Key& key, const Change& change);
  void count(TabletId tablet, const Entry* old_entry, const Entry* new_entry);

  std::map<Key, Entry> entries_;
  std::map<IndexId, Built> built_;
  std::vector<std::pair<TabletId, int64_t>> deltas_;  // few: tables written to
  std::vector<Undo> undo_;
};

}  // namespace hull
