// ReadView: the Snapshot implementation, merging the Store's latest state with the rows that recent commits
// changed (recent_writes.h explains why the result is exact). The view itself is the pin: while it lives,
// PublishedState keeps the trim horizon at or below its timestamp. Immutable, thread-safe; shared by all
// readers of one timestamp.
#pragma once

#include <memory>
#include <utility>

#include "base/env.h"
#include "database/recent_writes.h"
#include "database/snapshot.h"

namespace hull {

// What reads need, kept alive by every view: a snapshot may outlive its engine.
struct ReadCore {
  ReadCore(std::unique_ptr<Store> s, Env& e, Timestamp start) : store(std::move(s)), env(e), recent(start) {}
  const std::unique_ptr<Store> store;
  Env& env;
  RecentWrites recent;
};

class ReadView final : public Snapshot {
 public:
  // `summaries` are as of `summarized`, which is not before `ts`.
  ReadView(std::shared_ptr<ReadCore> core, Timestamp ts, std::shared_ptr<const Catalog> catalog,
           TableSummaries summaries, Timestamp summarized)
      : core_(std::move(core)),
        ts_(ts),
        catalog_(std::move(catalog)),
        summaries_(std::move(summaries)),
        summarized_(summarized) {}

  Timestamp ts() const override { return ts_; }
  const std::shared_ptr<const Catalog>& catalog() const override { return catalog_; }
  Result<DocumentPtr> get(TabletId tablet, InternalId id) const override;
  Result<std::vector<IndexRow>> scan(const IndexInfo& index, const Interval& interval, Order order,
                                     size_t limit) const override;
  Result<TableSummary> summary(TabletId tablet) const override;
  const TableSummaries& summaries() const { return summaries_; }

 private:
  struct Batch {
    std::vector<IndexRow> rows;
    bool exhausted = false;  // nothing is left in the interval after these rows
  };
  Result<Batch> read_store(const IndexInfo& index, const TableInfo& table, const Interval& interval,
                           Order order, size_t limit) const;
  Result<Batch> read_tablet(const TableInfo& table, const Interval& interval, Order order,
                            size_t limit) const;

  const std::shared_ptr<ReadCore> core_;
  const Timestamp ts_;
  const std::shared_ptr<const Catalog> catalog_;
  const TableSummaries summaries_;
  const Timestamp summarized_;
};

// Key of a document in its table's by_id index.
std::string by_id_key(const DocumentId& id);

// The smallest id of a table whose by_id key is >= `key`; nullopt if there is none. By_id keys of one table
// sort like the internal ids, because id texts are order-preserving behind the table number.
std::optional<InternalId> first_id_at_or_after(TableNumber table, std::string_view key);

}  // namespace hull
