#include "database/read_view.h"

#include <algorithm>

#include "database/read_set.h"
#include "value/key.h"

namespace hull {
namespace {

constexpr size_t kFirstRetryRows = 16;
constexpr size_t kMaxRetryRows = 1024;

DocumentPtr make_document(const TableInfo& table, StoredDocument stored) {
  return std::make_shared<Document>(
      Document{DocumentId{table.number, stored.id}, table.tablet, stored.ts, std::move(stored.value)});
}

// id + 1; nullopt on overflow.
std::optional<InternalId> next_id(InternalId id) {
  for (size_t i = id.bytes.size(); i-- > 0;) {
    if (++id.bytes[i] != 0) return id;
  }
  return std::nullopt;
}

// id - 1; nullopt below zero.
std::optional<InternalId> previous_id(InternalId id) {
  for (size_t i = id.bytes.size(); i-- > 0;) {
    if (id.bytes[i]-- != 0) return id;
  }
  return std::nullopt;
}

// The id whose by_id key is `key`, possibly followed by one 00 byte (the bound just behind it).
std::optional<DocumentId> exact_id(TableNumber table, std::string_view key) {
  if (key.empty()) return std::nullopt;
  size_t end = 1;
  while (end < key.size() && ((key[end] >= '0' && key[end] <= '9') || (key[end] >= 'a' && key[end] <= 'z')))
    ++end;
  auto parsed = DocumentId::parse(key.substr(1, end - 1));
  if (!parsed.ok() || parsed->table != table) return std::nullopt;
  return *parsed;
}

}  // namespace

std::string by_id_key(const DocumentId& id) { return key_of(Value::string(id.text())); }

std::optional<InternalId> first_id_at_or_after(TableNumber table, std::string_view key) {
  if (key <= by_id_key({table, InternalId{}})) return InternalId{};
  if (auto id = exact_id(table, key)) {
    std::string exact = by_id_key(*id);
    if (key == exact) return id->internal;
    if (key.size() == exact.size() + 1 && key.back() == '\0' && key.starts_with(exact))
      return next_id(id->internal);
  }
  // The largest id below `key`, bit by bit from the top.
  DocumentId below{table, InternalId{}};
  for (size_t bit = 0; bit < 128; ++bit) {
    DocumentId candidate = below;
    candidate.internal.bytes[bit / 8] |= static_cast<uint8_t>(0x80u >> (bit % 8));
    if (by_id_key(candidate) < key) below = candidate;
  }
  return next_id(below.internal);
}

Result<DocumentPtr> ReadView::get(TabletId tablet, InternalId id) const {
  const TableInfo* table = catalog_->table(tablet);
  if (table == nullptr) return DocumentPtr();
  const std::string key = by_id_key({table->number, id});
  RecentWrites::Capture capture = core_->recent.capture(ts_, core_->store->applied());
  if (auto row = RecentWrites::find(capture, table->by_id, key)) return *row;
  core_->env.pause("read.before_store");
  HULL_TRY(auto stored, core_->store->get(tablet, id));
  core_->env.pause("read.after_store");
  core_->recent.extend(capture);
  if (auto row = RecentWrites::find(capture, table->by_id, key)) return *row;
  if (!stored) return DocumentPtr();
  return make_document(*table, std::move(*stored));
}

Result<TableSummary> ReadView::summary(TabletId tablet) const {
  TableSummary sum = summaries_.of(tablet);
  if (summarized_ == ts_) return sum;
  const TableSummary since =
      RecentWrites::change_of(core_->recent.capture(ts_, Timestamp::max()), tablet, summarized_);
  return TableSummary{sum.documents - since.documents, sum.bytes - since.bytes};
}

Result<std::vector<IndexRow>> ReadView::scan(const IndexInfo& index, const Interval& interval, Order order,
                                             size_t limit) const {
  std::vector<IndexRow> result;
  const TableInfo* table = catalog_->table(index.tablet);
  if (table == nullptr || limit == 0) return result;
  const bool ascending = order == Order::kAsc;
  Interval rest = interval;
  size_t retry_rows = 0;
  while (!rest.empty()) {
    const size_t want = limit - result.size();
    // Rounds after the first happen when rows written after our snapshot took up the batch; they ask for more
    // at a time.
    const size_t ask = std::max(want, retry_rows);
    RecentWrites::Capture capture = core_->recent.capture(ts_, core_->store->applied());
    core_->env.pause("read.before_store");
    HULL_TRY(Batch batch, read_store(index, *table, rest, order, ask));
    core_->env.pause("read.after_store");
    core_->recent.extend(capture);
    Interval covered = rest;
    if (!batch.exhausted) {
      if (ascending) {
        covered.end = batch.rows.back().key + '\0';
      } else {
        covered.start = batch.rows.back().key;
      }
    }
    // When collect() stops early it has `want` documents, so the merge below is full before it passes the
    // last of them.
    std::vector<RecentWrites::Row> changed = RecentWrites::collect(capture, index.id, covered, order, want);

    auto comes_first = [&](const std::string& a, const std::string& b) { return ascending ? a < b : a > b; };
    auto row = batch.rows.begin();
    auto change = changed.begin();
    while (result.size() < limit && (row != batch.rows.end() || change != changed.end())) {
      if (change == changed.end() || (row != batch.rows.end() && comes_first(row->key, change->key))) {
        result.push_back(std::move(*row++));
        continue;
      }
      if (row != batch.rows.end() && row->key == change->key) ++row;  // overruled by the recent write
      if (change->document) result.push_back({std::move(change->key), std::move(change->document)});
      ++change;
    }
    if (batch.exhausted || result.size() >= limit) break;
    if (ascending) {
      rest.start = std::move(*covered.end);
    } else {
      rest.end = std::move(covered.start);
    }
    retry_rows = std::min(std::max(kFirstRetryRows, retry_rows * 2), kMaxRetryRows);
  }
  return result;
}

Result<ReadView::Batch> ReadView::read_store(const IndexInfo& index, const TableInfo& table,
                                             const Interval& interval, Order order, size_t limit) const {
  if (index.is_by_id()) return read_tablet(table, interval, order, limit);
  HULL_TRY(auto stored, core_->store->scan_index(index.id, interval, order, limit));
  Batch batch;
  batch.exhausted = stored.size() < limit;
  batch.rows.reserve(stored.size());
  for (StoredIndexRow& row : stored) {
    batch.rows.push_back({std::move(row.key), make_document(table, std::move(row.document))});
  }
  return batch;
}

Result<ReadView::Batch> ReadView::read_tablet(const TableInfo& table, const Interval& interval, Order order,
                                              size_t limit) const {
  Batch batch;
  if (is_point(interval.start, interval.end)) {
    batch.exhausted = true;
    auto id = exact_id(table.number, interval.start);
    if (!id || by_id_key(*id) != interval.start) return batch;
    HULL_TRY(auto stored, core_->store->get(table.tablet, id->internal));
    if (stored) batch.rows.push_back({interval.start, make_document(table, std::move(*stored))});
    return batch;
  }
  std::optional<InternalId> after;
  if (order == Order::kAsc) {
    auto first = first_id_at_or_after(table.number, interval.start);
    if (!first) {
      batch.exhausted = true;
      return batch;
    }
    after = previous_id(*first);
  } else if (interval.end) {
    after = first_id_at_or_after(table.number, *interval.end);
  }
  HULL_TRY(auto stored, core_->store->scan_tablet(table.tablet, after, order, limit));
  batch.exhausted = stored.size() < limit;
  batch.rows.reserve(stored.size());
  for (StoredDocument& document : stored) {
    std::string key = by_id_key({table.number, document.id});
    if (!interval.contains(key)) {
      batch.exhausted = true;
      break;
    }
    batch.rows.push_back({std::move(key), make_document(table, std::move(document))});
  }
  return batch;
}

}  // namespace hull
