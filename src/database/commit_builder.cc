#include "database/commit_builder.h"

#include <utility>

namespace hull {
namespace {

bool in_catalog(TabletId tablet) {
  static const std::vector<bool> in_memory = [] {
    std::vector<bool> result;
    for (const SystemTable& table : system_tables()) {
      if (result.size() <= table.n) result.resize(table.n + 1);
      result[table.n] = table.in_memory;
    }
    return result;
  }();
  return tablet.n < in_memory.size() && in_memory[tablet.n];
}

DocumentPtr at_commit(const Document& document, Timestamp ts) {
  Value value =
      contains_commit_ts(document.value) ? resolve_commit_ts(document.value, ts.ns) : document.value;
  return std::make_shared<Document>(Document{document.id, document.tablet, ts, std::move(value)});
}

class Builder {
 public:
  Builder(Timestamp ts, LoggedCommit& logged, BuiltCommit& built) : logged_(logged), built_(built) {
    built_.stored.ts = ts;
  }

  void add(PendingWrite& write, const std::string& by_id_key, const TableInfo& table) {
    StoredWrite stored{write.tablet, write.id.internal, std::nullopt, std::nullopt};
    if (write.after) stored.value = write.after->value;
    if (write.before) stored.prev = write.before->ts;
    built_.stored.writes.push_back(std::move(stored));

    touch(table.by_id, by_id_key, write, write.before, write.after);
    for (const auto& index : table.indexes) {
      if (index->is_by_id()) continue;  // the documents themselves are its rows
      std::string old_key, new_key;
      if (write.before) old_key = index->key_for(write.before->value);
      if (write.after) new_key = index->key_for(write.after->value);
      if (write.before && write.after && old_key == new_key) {
        touch(index->id, new_key, write, write.before, write.after);
        store_row(index->id, std::move(new_key), write, false);
        continue;
      }
      if (write.before) {
        touch(index->id, old_key, write, write.before, nullptr);
        store_row(index->id, std::move(old_key), write, true);
      }
      if (write.after) {
        touch(index->id, new_key, write, nullptr, write.after);
        store_row(index->id, std::move(new_key), write, false);
      }
    }
  }

  void add(BackfillRow& row, const IndexInfo& index) {
    // No chain and no touch: nothing reads an index before it is enabled, which is a later commit.
    built_.stored.index_writes.push_back(
        {row.index, std::move(row.key), index.tablet, row.document->id.internal, false});
  }

 private:
  void touch(IndexId index, std::string key, const PendingWrite& write, DocumentPtr before,
             DocumentPtr after) {
    logged_.keys.push_back({index, std::move(key), write.tablet, write.id});
    built_.rows.push_back({std::move(before), std::move(after)});
  }
  void store_row(IndexId index, std::string key, const PendingWrite& write, bool deleted) {
    built_.stored.index_writes.push_back({index, std::move(key), write.tablet, write.id.internal, deleted});
  }

  LoggedCommit& logged_;
  BuiltCommit& built_;
};

}  // namespace

Result<BuiltCommit> build_commit(CommitRequest request, const std::vector<std::string>& by_id_keys,
                                 Timestamp ts, int64_t now_monotonic, const Catalog& catalog) {
  BuiltCommit built;
  std::vector<Catalog::Change> changes;
  for (PendingWrite& write : request.writes) {
    if (write.after) write.after = at_commit(*write.after, ts);
    if (in_catalog(write.tablet)) changes.push_back({write.tablet, write.id, write.after});
  }
  if (!changes.empty()) built.catalog = catalog.with(changes);
  const Catalog& next = built.catalog ? *built.catalog : catalog;

  auto logged = std::make_shared<LoggedCommit>();
  logged->ts = ts;
  logged->appended_at = now_monotonic;
  logged->source = std::move(request.source);
  Builder builder(ts, *logged, built);
  for (size_t i = 0; i < request.writes.size(); ++i) {
    PendingWrite& write = request.writes[i];
    // With the new catalog, so that documents of a table created by this very commit are indexed; with the
    // old one for a table that this commit drops.
    const TableInfo* table = next.table(write.tablet);
    if (table == nullptr) table = catalog.table(write.tablet);
    if (table == nullptr)
      return Error::internal("commit writes to an unknown table (" + write.id.text() + ")");
    builder.add(write, by_id_keys[i], *table);
  }
  for (BackfillRow& row : request.backfill) {
    if (const IndexInfo* index = next.index(row.index)) builder.add(row, *index);
  }
  built.logged = std::move(logged);
  return built;
}

}  // namespace hull
