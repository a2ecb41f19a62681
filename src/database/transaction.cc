// Transaction: life cycle, nesting, the merged view of snapshot and overlay, and the outcome.
#include "database/transaction.h"

#include <algorithm>
#include <cmath>

#include "database/catalog_rows.h"
#include "database/transaction_impl.h"
#include "value/key.h"

namespace hull {

Transaction::Impl::Impl(Transaction& transaction, Options opts)
    : tx(transaction), options(std::move(opts)), knobs(options.knobs ? *options.knobs : Knobs{}) {
  int64_t ns = tx.snapshot_->ts().ns;
  double snapshot_ms = static_cast<double>(ns / 1'000'000) + static_cast<double>(ns % 1'000'000) / 1e6;
  clock = std::max({snapshot_ms, options.now_ms, 1.0});
}

Transaction::Transaction(SnapshotPtr snapshot, Options options)
    : snapshot_(std::move(snapshot)), catalog_(snapshot_->catalog()) {
  impl_ = std::make_unique<Impl>(*this, std::move(options));
}
Transaction::~Transaction() = default;

TableAccess Transaction::access() const { return impl_->options.access; }

// --- the merged view
// -----------------------------------------------------------------------------------------------------

void Transaction::Impl::depend(const MetadataKey& key) {
  std::string name = std::to_string(key.first.n) + ":" + key.second.start;
  if (dependencies.insert(std::move(name)).second) tx.reads_.add(key.first, key.second, false);
}

void Transaction::Impl::depend_on_schemas() {
  for (auto state : {SchemaState::kPending, SchemaState::kValidated, SchemaState::kActive})
    depend(schema_state_key(state));
}

Result<DocumentPtr> Transaction::Impl::current(TabletId tablet, const InternalId& id) {
  if (const auto* entry = overlay.find(tablet, id)) return entry->after;
  if (!tx.snapshot_->catalog()->table(tablet)) return DocumentPtr();
  return tx.snapshot_->get(tablet, id);
}

Result<std::vector<IndexRow>> Transaction::Impl::scan(const IndexInfo& index, const Interval& interval,
                                                      Order order, size_t limit) {
  std::vector<IndexRow> result;
  if (interval.empty() || limit == 0) return result;
  const Overlay::Rows* pending = overlay.rows(index.id);
  const IndexInfo* stored = tx.snapshot_->catalog()->index(index.id);
  if (!pending) {
    if (!stored) return result;
    return tx.snapshot_->scan(*stored, interval, order, limit);
  }

  // Pending rows inside the interval, walked in the order of the query.
  bool asc = order == Order::kAsc;
  auto first = pending->lower_bound(interval.start);
  auto last = interval.end ? pending->lower_bound(*interval.end) : pending->end();
  auto pending_done = [&] { return first == last; };
  auto pending_row = [&] { return asc ? first : std::prev(last); };
  auto pending_pop = [&] { asc ? void(++first) : void(--last); };

  std::vector<IndexRow> base;
  size_t next = 0;
  bool base_done = stored == nullptr;
  Interval rest = interval;
  while (result.size() < limit) {
    if (next == base.size() && !base_done) {
      size_t wanted = limit - result.size();
      HULL_TRY(base, tx.snapshot_->scan(*stored, rest, order, wanted));
      next = 0;
      base_done = base.size() < wanted;
      if (!base.empty()) {
        if (asc)
          rest.start = base.back().key + '\0';
        else
          rest.end = base.back().key;
      }
    }
    bool have_base = next < base.size();
    if (!have_base && pending_done()) break;
    int side = !have_base ? 1 : pending_done() ? -1 : base[next].key.compare(pending_row()->first);
    if (have_base && !pending_done() && !asc) side = -side;
    if (side < 0) {
      result.push_back(std::move(base[next++]));
      continue;
    }
    if (side == 0) ++next;
    auto row = pending_row();
    if (row->second) result.push_back({row->first, row->second});
    pending_pop();
  }
  return result;
}

void Transaction::Impl::record_point(const TableInfo& table, const DocumentId& id) {
  tx.reads_.add_point(table.by_id, key_of(Value::string(id.text())), !table.system);
}

Result<void> Transaction::Impl::check_reads() {
  size_t intervals = tx.reads_.user_intervals();
  return check_read_limits(tx.usage_, intervals, knobs);
}

Result<void> Transaction::Impl::charge_read(size_t documents, size_t bytes) {
  tx.usage_.documents_read += documents;
  tx.usage_.bytes_read += bytes;
  return check_reads();
}

Result<DocumentPtr> Transaction::Impl::read(const TableInfo& table, const DocumentId& id) {
  HULL_TRY(DocumentPtr document, current(table.tablet, id.internal));
  record_point(table, id);
  tables_read.insert(table.name);
  if (!table.system)
    HULL_CHECK_OK(charge_read(document ? 1 : 0, document ? convex_size(document->value) : 0));
  return document;
}

// --- nesting
// -------------------------------------------------------------------------------------------------------------

void Transaction::begin_nested() {
  impl_->savepoints.push_back({impl_->overlay.mark(), catalog_, impl_->schema_failure});
}
void Transaction::commit_nested() { impl_->savepoints.pop_back(); }
void Transaction::rollback_nested() {
  auto& savepoint = impl_->savepoints.back();
  impl_->overlay.rollback(savepoint.overlay_mark);
  catalog_ = std::move(savepoint.catalog);
  impl_->schema_failure = std::move(savepoint.schema_failure);
  impl_->savepoints.pop_back();
}

// --- outcome
// -------------------------------------------------------------------------------------------------------------

bool Transaction::has_writes() const {
  const auto& entries = impl_->overlay.entries();
  return std::any_of(entries.begin(), entries.end(),
                     [](const auto& item) { return item.second.before || item.second.after; });
}

const std::set<std::string>& Transaction::warnings() const {
  impl_->warnings.clear();
  add_limit_warnings(usage_, reads_.user_intervals(), impl_->knobs, impl_->warnings);
  return impl_->warnings;
}

std::set<std::string> Transaction::tables_read() const { return impl_->tables_read; }

Result<void> Transaction::finish() {
  if (!impl_->schema_failure) return {};
  SchemaFailure failure = *impl_->schema_failure;
  impl_->schema_failure.reset();
  const SchemaInfo* schema = catalog_->schema(failure.row);
  if (!schema || (schema->state != SchemaState::kPending && schema->state != SchemaState::kValidated))
    return {};
  DocumentPtr row = catalog_->system_row("_schemas", failure.row.internal);
  if (!row) return {};
  auto text = row->value.view().find("schema");
  Value fields =
      schema_row_fields(SchemaState::kFailed, text ? text->as_string() : "", failure.error, failure.table);
  return system_replace(failure.row, fields);
}

CommitRequest Transaction::commit_request(std::string source) {
  CommitRequest request;
  request.snapshot = snapshot_->ts();
  request.source = std::move(source);
  for (const auto& [key, entry] : impl_->overlay.entries()) {
    if (!entry.before && !entry.after) continue;
    // Documents of a table that was created and dropped again by this transaction.
    if (!catalog_->table(key.first) && !snapshot_->catalog()->table(key.first)) continue;
    request.writes.push_back({key.first, entry.id, entry.before, entry.after});
  }
  request.reads = std::move(reads_);
  impl_->overlay = Overlay{};
  return request;
}

}  // namespace hull
