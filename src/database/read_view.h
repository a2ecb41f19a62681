// ReadView: the Snapshot implementation, merging the Store's newest state with the version chains
// (version_store.h explains why the result is exact). The view itself is the pin: while it lives,
// PublishedState keeps the trim horizon at or below its timestamp. Immutable, thread-safe; shared by all
// readers of one timestamp.
#pragma once

#include <memory>
#include <utility>

#include "database/snapshot.h"
#include "database/version_store.h"

namespace hull {

// What reads need, kept alive by every view: a snapshot may outlive its engine.
struct ReadCore {
  explicit ReadCore(std::unique_ptr<Store> s) : store(std::move(s)) {}
  const std::unique_ptr<Store> store;
  VersionStore versions;
};

class ReadView final : public Snapshot {
 public:
  ReadView(std::shared_ptr<ReadCore> core, Timestamp ts, std::shared_ptr<const Catalog> catalog)
      : core_(std::move(core)), ts_(ts), catalog_(std::move(catalog)) {}

  Timestamp ts() const override { return ts_; }
  const std::shared_ptr<const Catalog>& catalog() const override { return catalog_; }
  Result<DocumentPtr> get(TabletId tablet, InternalId id) const override;
  Result<std::vector<IndexRow>> scan(const IndexInfo& index, const Interval& interval, Order order,
                                     size_t limit) const override;

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
};

// Key of a document in its table's by_id index.
std::string by_id_key(const DocumentId& id);

// The smallest id of a table whose by_id key is >= `key`; nullopt if there is none. By_id keys of one table
// sort like the internal ids, because id texts are order-preserving behind the table number.
std::optional<InternalId> first_id_at_or_after(TableNumber table, std::string_view key);

}  // namespace hull
