#include "database/prepared_commit.h"

#include <utility>

#include "database/read_view.h"

namespace hull {
namespace {

// The rows and touched keys of one document in every index of its table.
class Builder {
 public:
  Builder(LoggedCommit& logged, StoredCommit& stored) : logged_(logged), stored_(stored) {}

  void add(const PendingWrite& write, const std::string& by_id_key, const TableInfo& table) {
    StoredWrite stored{write.tablet, write.id.internal, std::nullopt, std::nullopt};
    if (write.after) stored.value = write.after->value;
    if (write.before) stored.prev = write.before->ts;
    stored_.writes.push_back(std::move(stored));

    touch(table.by_id, by_id_key, write, write.before, write.after);
    for (const auto& index : table.indexes) {
      if (index->is_by_id()) continue;  // the documents themselves are its rows
      add_index(*index, write, true);
    }
    for (const auto& index : table.dropped_indexes) add_index(*index, write, false);
  }

  void add(const BackfillRow& row, const IndexInfo& index) {
    const Document& document = *row.document;
    stored_.index_writes.push_back({row.index, row.key, index.tablet, document.id.internal, false});
    // The index may be enabled before the row is applied.
    logged_.keys.push_back({row.index, row.key, index.tablet, document.id, nullptr, row.document});
  }

 private:
  void add_index(const IndexInfo& index, const PendingWrite& write, bool stored) {
    std::string old_key, new_key;
    if (write.before) old_key = index.key_for(write.before->value);
    if (write.after) new_key = index.key_for(write.after->value);
    if (write.before && write.after && old_key == new_key)
      return touch(index.id, std::move(new_key), write, write.before, write.after);
    if (write.before) {
      if (stored) store_row(index.id, old_key, write, true);
      touch(index.id, std::move(old_key), write, write.before, nullptr);
    }
    if (write.after) {
      if (stored) store_row(index.id, new_key, write, false);
      touch(index.id, std::move(new_key), write, nullptr, write.after);
    }
  }
  void touch(IndexId index, std::string key, const PendingWrite& write, DocumentPtr before,
             DocumentPtr after) {
    logged_.keys.push_back(
        {index, std::move(key), write.tablet, write.id, std::move(before), std::move(after)});
  }
  void store_row(IndexId index, const std::string& key, const PendingWrite& write, bool deleted) {
    stored_.index_writes.push_back({index, key, write.tablet, write.id.internal, deleted});
  }

  LoggedCommit& logged_;
  StoredCommit& stored_;
};

// `next`: the catalog with this commit's own changes.
Result<void> make_keys(PreparedCommit& commit, const Catalog& catalog, const Catalog& next) {
  commit.logged->keys.clear();
  commit.stored.writes.clear();
  commit.stored.index_writes.clear();
  Builder builder(*commit.logged, commit.stored);
  for (size_t i = 0; i < commit.writes.size(); ++i) {
    const PendingWrite& write = commit.writes[i];
    // With the new catalog, so that documents of a table created by this very commit are indexed; with the
    // old one for a table that this commit drops.
    const TableInfo* table = next.table(write.tablet);
    if (table == nullptr) table = catalog.table(write.tablet);
    if (table == nullptr)
      return Error::internal("commit writes to an unknown table (" + write.id.text() + ")");
    builder.add(write, commit.by_id_keys[i], *table);
  }
  for (const BackfillRow& row : commit.backfill) {
    if (const IndexInfo* index = next.index(row.index)) builder.add(row, *index);
  }
  return {};
}

// Keys can be made before the timestamp is known: neither the catalog nor a value depends on it.
bool timeless(const PreparedCommit& commit) {
  if (!commit.backfill.empty()) return false;
  for (const PendingWrite& write : commit.writes) {
    if (Catalog::is_in_memory(write.tablet)) return false;
    if (write.after && contains_commit_ts(write.after->value)) return false;
  }
  return true;
}

}  // namespace

PreparedCommit prepare_commit(CommitRequest request, std::shared_ptr<const Catalog> catalog) {
  PreparedCommit commit;
  commit.snapshot = request.snapshot;
  commit.reads = std::move(request.reads);
  commit.turn = std::move(request.turn);
  commit.queues = request.queues;
  commit.writes = std::move(request.writes);
  commit.backfill = std::move(request.backfill);
  commit.logged = std::make_shared<LoggedCommit>();
  commit.logged->source = std::move(request.source);
  commit.logged->deltas = summary_deltas(commit.writes);
  commit.by_id_keys.reserve(commit.writes.size());
  for (PendingWrite& write : commit.writes) {
    commit.by_id_keys.push_back(by_id_key(write.id));
    // A revision of its own, whose timestamp stamp() may still set.
    if (write.after)
      write.after = std::make_shared<Document>(
          Document{write.after->id, write.after->tablet, Timestamp{}, write.after->value});
  }
  if (timeless(commit) && make_keys(commit, *catalog, *catalog).ok()) commit.catalog = std::move(catalog);
  return commit;
}

Result<StampedCommit> stamp(PreparedCommit prepared, Timestamp ts, int64_t now_monotonic,
                            const std::shared_ptr<const Catalog>& catalog) {
  StampedCommit stamped;
  const bool keys_made = prepared.catalog == catalog;
  std::vector<Catalog::Change> changes;
  for (PendingWrite& write : prepared.writes) {
    if (!write.after) {
      if (!keys_made && Catalog::is_in_memory(write.tablet))
        changes.push_back({write.tablet, write.id, nullptr});
      continue;
    }
    if (!keys_made && contains_commit_ts(write.after->value)) {
      write.after = std::make_shared<Document>(
          Document{write.after->id, write.after->tablet, ts, resolve_commit_ts(write.after->value, ts.ns)});
    } else {
      // Nobody else has seen this revision: prepare_commit() made it.
      std::const_pointer_cast<Document>(write.after)->ts = ts;
    }
    if (!keys_made && Catalog::is_in_memory(write.tablet))
      changes.push_back({write.tablet, write.id, write.after});
  }
  if (!changes.empty()) stamped.catalog = catalog->with(changes);
  if (!keys_made) HULL_CHECK_OK(make_keys(prepared, *catalog, stamped.catalog ? *stamped.catalog : *catalog));
  prepared.logged->ts = ts;
  prepared.logged->appended_at = now_monotonic;
  prepared.stored.ts = ts;
  prepared.stored.deltas = prepared.logged->deltas;
  stamped.logged = std::move(prepared.logged);
  stamped.stored = std::move(prepared.stored);
  return stamped;
}

}  // namespace hull
