#include "storage/sqlite/state_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <tuple>
#include <vector>

namespace hull {
namespace {

// Ids as two integers that compare as their bytes do.
struct DocumentKey {
  uint32_t tablet = 0;
  uint64_t high = 0, low = 0;
  DocumentKey(TabletId t, const InternalId& id) : tablet(t.n) {
    std::memcpy(&high, id.bytes.data(), 8);
    std::memcpy(&low, id.bytes.data() + 8, 8);
    high = __builtin_bswap64(high);
    low = __builtin_bswap64(low);
  }
  auto operator<=>(const DocumentKey&) const = default;
};

}  // namespace

// All writes to one document in a run of commits, as one.
struct StateWriter::DocumentChange {
  DocumentKey key;
  size_t order;              // of the first write
  const StoredWrite* write;  // the last one
  Timestamp ts;
  bool existed;        // before the run, as the log says
  int64_t doc_no = 0;  // 0: the document is and was not there
  enum { kNone, kInsert, kUpdate, kDelete } action = kNone;
};

Result<StateWriter> StateWriter::open(SqliteConnection& connection) {
  HULL_TRY(SqliteStatement s, connection.prepare("SELECT max(doc_no) FROM documents"));
  HULL_CHECK_OK(s.step());
  return StateWriter(connection, s.int_at(0) + 1);
}

Result<void> StateWriter::apply(std::span<const StoredCommit* const> commits) {
  std::vector<DocumentChange> changes;
  for (const StoredCommit* commit : commits) {
    for (const StoredWrite& write : commit->writes)
      changes.push_back(
          {DocumentKey(write.tablet, write.id), changes.size(), &write, commit->ts, write.prev.has_value()});
  }
  std::sort(changes.begin(), changes.end(), [](const DocumentChange& a, const DocumentChange& b) {
    return std::tie(a.key, a.order) < std::tie(b.key, b.order);
  });
  size_t kept = 0;
  for (const DocumentChange& change : changes) {
    if (kept > 0 && changes[kept - 1].key == change.key) {
      changes[kept - 1].write = change.write;
      changes[kept - 1].ts = change.ts;
    } else {
      changes[kept++] = change;
    }
  }
  changes.erase(changes.begin() + static_cast<ptrdiff_t>(kept), changes.end());

  HULL_TRY(SqliteTransaction transaction, SqliteTransaction::begin(*connection_));
  HULL_CHECK_OK(resolve(changes));
  HULL_CHECK_OK(write_index_rows(commits, changes));
  HULL_CHECK_OK(write_documents(changes));
  HULL_CHECK_OK(write_summaries(commits));
  {
    HULL_TRY(SqliteStatement s, connection_->prepare("REPLACE INTO globals VALUES ('applied_ts', ?)"));
    s.bind_int(1, commits.back()->ts.ns);
    HULL_CHECK_OK(s.run());
  }
  return transaction.commit();
}

Result<std::optional<int64_t>> StateWriter::find_doc_no(TabletId tablet, InternalId id) {
  HULL_TRY(SqliteStatement s,
           connection_->prepare("SELECT doc_no FROM document_ids WHERE tablet = ? AND id = ?"));
  s.bind_int(1, tablet.n);
  s.bind_blob(2, id.view());
  HULL_TRY(bool found, s.step());
  return found ? std::optional(s.int_at(0)) : std::nullopt;
}

// Numbers new documents in the order of the commits, and keeps document_ids.
Result<void> StateWriter::resolve(std::vector<DocumentChange>& changes) {
  std::vector<DocumentChange*> fresh;
  for (DocumentChange& change : changes) {
    if (change.existed) {
      HULL_TRY(auto doc_no, find_doc_no(change.write->tablet, change.write->id));
      change.doc_no = doc_no.value_or(0);
    }
    if (change.doc_no != 0) {
      change.action = change.write->value ? DocumentChange::kUpdate : DocumentChange::kDelete;
    } else if (change.write->value) {
      change.action = DocumentChange::kInsert;
      fresh.push_back(&change);
    }
  }
  std::sort(fresh.begin(), fresh.end(),
            [](const DocumentChange* a, const DocumentChange* b) { return a->order < b->order; });
  for (DocumentChange* change : fresh) change->doc_no = next_doc_no_++;

  HULL_TRY(SqliteStatement insert,
           connection_->prepare("INSERT INTO document_ids VALUES (?, ?, ?) ON CONFLICT DO NOTHING"));
  HULL_TRY(SqliteStatement remove,
           connection_->prepare("DELETE FROM document_ids WHERE tablet = ? AND id = ?"));
  for (DocumentChange& change : changes) {
    if (change.action == DocumentChange::kInsert) {
      insert.bind_int(1, change.write->tablet.n);
      insert.bind_blob(2, change.write->id.view());
      insert.bind_int(3, change.doc_no);
      HULL_CHECK_OK(insert.run());
      if (connection_->changes() > 0) continue;
      HULL_TRY(auto doc_no, find_doc_no(change.write->tablet, change.write->id));
      change.doc_no = doc_no.value_or(0);
      change.action = DocumentChange::kUpdate;
    } else if (change.action == DocumentChange::kDelete) {
      remove.bind_int(1, change.write->tablet.n);
      remove.bind_blob(2, change.write->id.view());
      HULL_CHECK_OK(remove.run());
    }
  }
  return {};
}

Result<void> StateWriter::write_documents(std::vector<DocumentChange>& changes) {
  std::sort(changes.begin(), changes.end(),
            [](const DocumentChange& a, const DocumentChange& b) { return a.doc_no < b.doc_no; });
  HULL_TRY(SqliteStatement insert, connection_->prepare("INSERT INTO documents VALUES (?, ?, ?, ?, ?)"));
  HULL_TRY(SqliteStatement update,
           connection_->prepare("UPDATE documents SET ts = ?, doc = ? WHERE doc_no = ?"));
  HULL_TRY(SqliteStatement remove, connection_->prepare("DELETE FROM documents WHERE doc_no = ?"));
  for (const DocumentChange& change : changes) {
    switch (change.action) {
      case DocumentChange::kInsert:
        insert.bind_int(1, change.doc_no);
        insert.bind_int(2, change.write->tablet.n);
        insert.bind_blob(3, change.write->id.view());
        insert.bind_int(4, change.ts.ns);
        insert.bind_blob(5, change.write->value->packed());
        HULL_CHECK_OK(insert.run());
        break;
      case DocumentChange::kUpdate:
        update.bind_int(1, change.ts.ns);
        update.bind_blob(2, change.write->value->packed());
        update.bind_int(3, change.doc_no);
        HULL_CHECK_OK(update.run());
        break;
      case DocumentChange::kDelete:
        remove.bind_int(1, change.doc_no);
        HULL_CHECK_OK(remove.run());
        break;
      case DocumentChange::kNone:
        break;
    }
  }
  return {};
}

// `changes` by key, resolved.
Result<void> StateWriter::write_index_rows(std::span<const StoredCommit* const> commits,
                                           std::span<const DocumentChange> changes) {
  struct Row {
    uint32_t index;
    size_t order;
    const StoredIndexWrite* write;
  };
  std::vector<Row> rows;
  for (const StoredCommit* commit : commits) {
    for (const StoredIndexWrite& write : commit->index_writes)
      rows.push_back({write.index.n, rows.size(), &write});
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (a.index != b.index) return a.index < b.index;
    const int keys = a.write->key.compare(b.write->key);
    return keys != 0 ? keys < 0 : a.order < b.order;
  });
  // REPLACE into a table whose only key is its B-tree needs no look-up first, and does not touch the page
  // when the row is there already.
  HULL_TRY(SqliteStatement put, connection_->prepare("REPLACE INTO index_rows VALUES (?, ?, ?)"));
  HULL_TRY(SqliteStatement remove,
           connection_->prepare("DELETE FROM index_rows WHERE index_id = ? AND key = ?"));
  for (size_t i = 0; i < rows.size(); ++i) {
    const StoredIndexWrite& write = *rows[i].write;
    if (i + 1 < rows.size() && rows[i + 1].index == rows[i].index && rows[i + 1].write->key == write.key)
      continue;  // a later write to the same row follows
    if (write.deleted) {
      remove.bind_int(1, write.index.n);
      remove.bind_blob(2, write.key);
      HULL_CHECK_OK(remove.run());
      continue;
    }
    const DocumentKey key(write.tablet, write.id);
    auto change = std::lower_bound(changes.begin(), changes.end(), key,
                                   [](const DocumentChange& a, const DocumentKey& b) { return a.key < b; });
    int64_t doc_no = 0;
    if (change != changes.end() && change->key == key) {
      if (change->write->value) doc_no = change->doc_no;
    } else {
      HULL_TRY(auto found, find_doc_no(write.tablet, write.id));
      doc_no = found.value_or(0);
    }
    if (doc_no == 0) continue;  // back-fill of a document that is gone
    put.bind_int(1, write.index.n);
    put.bind_blob(2, write.key);
    put.bind_int(3, doc_no);
    HULL_CHECK_OK(put.run());
  }
  return {};
}

Result<void> StateWriter::write_summaries(std::span<const StoredCommit* const> commits) {
  std::map<TabletId, TableSummary> sums;
  for (const StoredCommit* commit : commits) {
    for (const SummaryDelta& delta : commit->deltas) {
      TableSummary& sum = sums[delta.tablet];
      sum.documents += delta.change.documents;
      sum.bytes += delta.change.bytes;
    }
  }
  HULL_TRY(SqliteStatement s,
           connection_->prepare("INSERT INTO summaries VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET"
                                " documents = documents + ?2, bytes = bytes + ?3"));
  for (const auto& [tablet, sum] : sums) {
    s.bind_int(1, tablet.n);
    s.bind_int(2, sum.documents);
    s.bind_int(3, sum.bytes);
    HULL_CHECK_OK(s.run());
  }
  return {};
}

}  // namespace hull
