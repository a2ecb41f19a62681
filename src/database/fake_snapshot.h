// Test only: a database kept as a map of documents, without the engine. FakeDatabase applies commit requests
// at increasing timestamps and hands out snapshots; every scan sorts the table, so it is the naive model that
// indexes are compared with.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "database/engine.h"
#include "value/key.h"

namespace hull::testing {

using FakeRows = std::map<std::pair<TabletId, InternalId>, DocumentPtr>;

class FakeSnapshot : public Snapshot {
 public:
  FakeSnapshot(Timestamp ts, std::shared_ptr<const Catalog> catalog, FakeRows rows, TableSummaries summaries)
      : ts_(ts), catalog_(std::move(catalog)), rows_(std::move(rows)), summaries_(std::move(summaries)) {}
  Timestamp ts() const override { return ts_; }
  const std::shared_ptr<const Catalog>& catalog() const override { return catalog_; }
  Result<DocumentPtr> get(TabletId tablet, InternalId id) const override {
    auto it = rows_.find({tablet, id});
    return it == rows_.end() ? DocumentPtr() : it->second;
  }
  Result<std::vector<IndexRow>> scan(const IndexInfo& index, const Interval& interval, Order order,
                                     size_t limit) const override {
    std::vector<IndexRow> rows;
    for (auto it = rows_.lower_bound({index.tablet, InternalId{}});
         it != rows_.end() && it->first.first == index.tablet; ++it) {
      std::string key = index.key_for(it->second->value);
      if (interval.contains(key)) rows.push_back({std::move(key), it->second});
    }
    std::sort(rows.begin(), rows.end(), [](const IndexRow& a, const IndexRow& b) { return a.key < b.key; });
    if (order == Order::kDesc) std::reverse(rows.begin(), rows.end());
    if (rows.size() > limit) rows.resize(limit);
    return rows;
  }
  Result<TableSummary> summary(TabletId tablet) const override { return summaries_.of(tablet); }
  // By reading every document.
  Result<TableSummary> counted_summary(TabletId tablet) const { return Snapshot::summary(tablet); }

 private:
  Timestamp ts_;
  std::shared_ptr<const Catalog> catalog_;
  FakeRows rows_;
  TableSummaries summaries_;
};

class FakeDatabase {
 public:
  std::shared_ptr<const FakeSnapshot> snapshot() const {
    return std::make_shared<FakeSnapshot>(ts_, catalog_, rows_, summaries_);
  }

  // False if something the request read has changed since its snapshot.
  bool commit(CommitRequest request) {
    for (const auto& past : log_) {
      if (past.ts <= request.snapshot) continue;
      for (const auto& [index, key] : past.keys)
        if (request.reads.contains(index, key)) return false;
    }
    if (request.writes.empty()) return true;
    ts_.ns += 1'000'000;
    for (auto& write : request.writes) {
      if (!write.after || !contains_commit_ts(write.after->value)) continue;
      auto resolved = std::make_shared<Document>(*write.after);
      resolved->value = resolve_commit_ts(resolved->value, ts_.ns);
      write.after = std::move(resolved);
    }
    std::vector<Catalog::Change> changes;
    for (const auto& write : request.writes) changes.push_back({write.tablet, write.id, write.after});
    auto next = catalog_->with(changes);
    summaries_ = summaries_.with(summary_deltas(request.writes));
    Commit commit{ts_, {}};
    for (const auto& write : request.writes) {
      const TableInfo* table = next->table(write.tablet);
      if (!table) table = catalog_->table(write.tablet);
      for (const auto& index : table->indexes)
        for (const auto& document : {write.before, write.after})
          if (document) commit.keys.emplace_back(index->id, index->key_for(document->value));
      if (write.after) {
        auto document = std::make_shared<Document>(*write.after);
        document->ts = ts_;
        rows_[{write.tablet, write.id.internal}] = std::move(document);
      } else {
        rows_.erase({write.tablet, write.id.internal});
      }
    }
    catalog_ = std::move(next);
    log_.push_back(std::move(commit));
    return true;
  }

  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }

 private:
  struct Commit {
    Timestamp ts;
    std::vector<std::pair<IndexId, std::string>> keys;
  };
  Timestamp ts_{1'700'000'000'000'000'000};
  std::shared_ptr<const Catalog> catalog_ = Catalog::bootstrap();
  FakeRows rows_;
  TableSummaries summaries_;
  std::vector<Commit> log_;
};

}  // namespace hull::testing
