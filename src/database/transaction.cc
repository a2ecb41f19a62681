// Transaction: life cycle, nesting, the merged view of snapshot and overlay, and the outcome.
#include "database/transaction.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "database/catalog_rows.h"
#include "database/transaction_impl.h"
#include "value/key.h"

namespace hull {

Transaction::Impl::Impl(Transaction& transaction, Options opts)
    : tx(transaction),
      options(std::move(opts)),
      limits(TransactionLimits::of(options.knobs ? *options.knobs : Knobs{})) {
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

// --- metadata reads
// -----------------------------------------------------------------------------------------------------

bool Transaction::Impl::note(Metadata kind, uint32_t n) {
  uint64_t entry = uint64_t{static_cast<uint8_t>(kind)} << 32 | n;
  auto at = std::lower_bound(noted.begin(), noted.end(), entry);
  if (at != noted.end() && *at == entry) return false;
  noted.insert(at, entry);
  return true;
}

void Transaction::Impl::depend(const MetadataKey& key) { tx.reads_.add(key.first, key.second, false); }

void Transaction::Impl::count_rows(std::string_view table, size_t rows) {
  auto it = std::find_if(rows_read.begin(), rows_read.end(),
                         [table](const auto& counted) { return counted.first == table; });
  if (it == rows_read.end()) it = rows_read.insert(it, {std::string(table), 0});
  it->second += rows;
}

const TableInfo* Transaction::Impl::depend_on_table_name(std::string_view name) {
  const TableInfo* table = tx.catalog_->table(name);
  if (!table || note(Metadata::kName, table->tablet.n)) depend(table_name_key(name));
  return table;
}

void Transaction::Impl::depend_on_table_number(TableNumber number) {
  if (note(Metadata::kNumber, number)) depend(table_number_key(number));
}

void Transaction::Impl::depend_on_indexes(TabletId tablet) {
  if (note(Metadata::kIndexList, tablet.n)) depend(index_list_key(tablet));
}

void Transaction::Impl::depend_on_schemas() {
  static const std::array<MetadataKey, 3> kKeys = {schema_state_key(SchemaState::kPending),
                                                   schema_state_key(SchemaState::kValidated),
                                                   schema_state_key(SchemaState::kActive)};
  if (!note(Metadata::kSchemas, 0)) return;
  for (const MetadataKey& key : kKeys) depend(key);
}

void Transaction::Impl::note_table_read(const TableInfo& table) {
  if (note(Metadata::kRead, table.tablet.n)) tables_read.insert(table.name);
}

// --- the merged view

Result<DocumentPtr> Transaction::Impl::current(TabletId tablet, const InternalId& id) {
  if (const auto* entry = overlay.find(tablet, id)) return entry->after;
  if (!tx.snapshot_->catalog()->table(tablet)) return DocumentPtr();
  return tx.snapshot_->get(tablet, id);
}

Result<std::vector<IndexRow>> Transaction::Impl::scan(const IndexInfo& index, const Interval& interval,
                                                      Order order, size_t limit) {
  std::vector<IndexRow> result;
  if (interval.empty() || limit == 0) return result;
  const Overlay::Rows* pending = overlay.rows(index);
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
  std::string key;
  append_string_key(id.short_text().view(), key);
  tx.reads_.add_point(table.by_id, std::move(key), !table.system);
}

Result<void> Transaction::Impl::check_reads() {
  size_t intervals = tx.reads_.user_intervals();
  return check_read_limits(tx.usage_, intervals, limits);
}

Result<void> Transaction::Impl::charge_read(std::string_view table, size_t documents, size_t bytes) {
  if (documents > 0) count_rows(table, documents);
  tx.usage_.documents_read += documents;
  tx.usage_.bytes_read += bytes;
  return check_reads();
}

Result<DocumentPtr> Transaction::Impl::read(const TableInfo& table, const DocumentId& id) {
  HULL_TRY(DocumentPtr document, current(table.tablet, id.internal));
  record_point(table, id);
  note_table_read(table);
  if (!table.system)
    HULL_CHECK_OK(charge_read(table.name, document ? 1 : 0, document ? convex_size(document->value) : 0));
  return document;
}

// --- nesting
// -------------------------------------------------------------------------------------------------------------

void Transaction::Impl::undo_to(size_t overlay_mark, std::shared_ptr<const Catalog> catalog) {
  overlay.rollback(overlay_mark);
  // The ids of indexes that are no more may be given out again.
  if (tx.catalog_ != catalog) overlay.forget_rows();
  tx.catalog_ = std::move(catalog);
}

void Transaction::begin_nested(const TransactionBudget& budget) {
  Impl& impl = *impl_;
  impl.savepoints.push_back({impl.overlay.mark(), catalog_, impl.schema_failure, impl.limits,
                             usage_.documents_written, usage_.bytes_written, usage_.jobs_scheduled,
                             usage_.job_args_bytes, impl.paginated});
  impl.limits = narrowed(impl.limits, usage_, reads_.user_intervals(), budget);
  impl.paginated = false;
}
void Transaction::commit_nested() {
  impl_->limits = impl_->savepoints.back().limits;
  impl_->paginated = impl_->savepoints.back().paginated;
  impl_->savepoints.pop_back();
}
void Transaction::rollback_nested() {
  auto& savepoint = impl_->savepoints.back();
  impl_->undo_to(savepoint.overlay_mark, std::move(savepoint.catalog));
  impl_->schema_failure = std::move(savepoint.schema_failure);
  usage_.documents_written = savepoint.documents_written;
  usage_.bytes_written = savepoint.bytes_written;
  usage_.jobs_scheduled = savepoint.jobs_scheduled;
  usage_.job_args_bytes = savepoint.job_args_bytes;
  commit_nested();
}

void Transaction::charge_to(const Transaction& caller, const TransactionBudget& budget) {
  usage_ = caller.usage_;
  impl_->limits = narrowed(caller.impl_->limits, usage_, reads_.user_intervals(), budget);
}
void Transaction::take_charges(const Transaction& callee) {
  usage_ = callee.usage_;
  for (const auto& [table, rows] : callee.rows_read()) impl_->count_rows(table, rows);
}

// --- outcome
// -------------------------------------------------------------------------------------------------------------

bool Transaction::has_writes() const {
  const auto& entries = impl_->overlay.entries();
  return std::any_of(entries.begin(), entries.end(),
                     [](const auto& item) { return item.second.before || item.second.after; });
}

const TransactionLimits& Transaction::limits() const { return impl_->limits; }

std::vector<LimitWarning> Transaction::warnings() const {
  std::vector<LimitWarning> warnings;
  add_limit_warnings(usage_, reads_.user_intervals(), impl_->limits, warnings);
  for (const auto& [tablet, internal] : impl_->near_limits) {
    // As it stands now: the write may have been undone or followed by another.
    const Overlay::Entry* entry = impl_->overlay.find(tablet, internal);
    if (!entry || !entry->after) continue;
    ValueView value = entry->after->value;
    add_document_warnings(entry->id.text(), convex_size(value), nesting(value), warnings);
  }
  return warnings;
}

const std::set<std::string>& Transaction::tables_read() const { return impl_->tables_read; }
const std::vector<std::pair<std::string, size_t>>& Transaction::rows_read() const { return impl_->rows_read; }

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
  request.writes.reserve(impl_->overlay.entries().size());
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
