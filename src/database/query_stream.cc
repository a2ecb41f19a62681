#include "database/query_stream.h"

#include <algorithm>

#include "database/filter.h"

namespace hull {

// --- RowReader
// -----------------------------------------------------------------------------------------------------------

RowReader::RowReader(Transaction::Impl& impl, std::shared_ptr<const IndexInfo> index, Interval interval,
                     Order order, size_t batch)
    : impl_(impl),
      index_(std::move(index)),
      rest_(std::move(interval)),
      order_(order),
      batch_(std::clamp<size_t>(batch, 1, kMaxBatch)) {}

Result<std::optional<IndexRow>> RowReader::next() {
  if (next_ == rows_.size()) {
    if (done_ || rest_.empty()) return std::optional<IndexRow>();
    HULL_TRY(rows_, impl_.scan(*index_, rest_, order_, batch_));
    next_ = 0;
    done_ = rows_.size() < batch_;
    if (rows_.empty()) return std::optional<IndexRow>();
    if (order_ == Order::kAsc)
      rest_.start = rows_.back().key + '\0';
    else
      rest_.end = rows_.back().key;
    batch_ = std::max(batch_, kDefaultBatch);
  }
  return std::optional(std::move(rows_[next_++]));
}

// --- OperatorChain
// -------------------------------------------------------------------------------------------------------

bool OperatorChain::finished() const {
  return std::any_of(operators_.begin(), operators_.end(),
                     [](const QueryOperator& op) { return op.limit == 0u; });
}
bool OperatorChain::has_filter() const {
  return std::any_of(operators_.begin(), operators_.end(),
                     [](const QueryOperator& op) { return op.filter != nullptr; });
}

size_t OperatorChain::batch_hint() const {
  size_t hint = kMaxBatch + 1;
  for (const auto& op : operators_) {
    if (op.filter) break;  // a limit behind a filter says nothing about rows read
    if (op.limit) hint = std::min(hint, *op.limit);
  }
  return hint > kMaxBatch ? kDefaultBatch : std::max<size_t>(hint, 1);
}

Result<bool> OperatorChain::passes(ValueView document) {
  for (auto& op : operators_) {
    if (op.filter) {
      HULL_TRY(bool pass, op.filter->passes(document));
      if (!pass) return false;
    } else if (op.limit) {
      --*op.limit;
    }
  }
  return true;
}

// --- ConsumedRange
// -------------------------------------------------------------------------------------------------------

void ConsumedRange::consumed_to(const std::string& key) {
  if (order_ == Order::kAsc) {
    std::string next = key + '\0';
    impl_.tx.reads_.add(index_, Interval{std::move(rest_.start), next}, user_);
    rest_.start = std::move(next);
  } else {
    impl_.tx.reads_.add(index_, Interval{key, std::move(rest_.end)}, user_);
    rest_.end = key;
  }
}

void ConsumedRange::consumed_all() {
  if (rest_.empty()) return;
  impl_.tx.reads_.add(index_, rest_, user_);
  rest_.end = rest_.start;
}

// --- the stream
// ----------------------------------------------------------------------------------------------------------

class QueryStreamImpl : public QueryStream {
 public:
  QueryStreamImpl(Transaction& tx, CompiledQuery query, Order order, OperatorChain operators)
      : tx_(tx),
        impl_(*tx.impl_),
        user_(query.user),
        show_(query.show),
        table_(std::move(query.table)),
        reader_(impl_, query.index, query.interval, order, operators.batch_hint()),
        consumed_(impl_, query.index->id, query.interval, order, query.user),
        operators_(std::move(operators)) {}

  Result<DocumentPtr> next() override {
    if (finished_) return DocumentPtr();
    if (ahead_.empty()) HULL_CHECK_OK(read_ahead());
    Item item = std::move(ahead_.front());
    ahead_.pop_front();
    ahead_documents_ -= item.documents;
    ahead_bytes_ -= item.bytes;
    if (item.exhausted)
      consumed_.consumed_all();
    else if (item.documents > 0)
      consumed_.consumed_to(item.last_key);
    finished_ = !item.document;
    if (user_) HULL_CHECK_OK(impl_.charge_read(table_, item.documents, item.bytes));
    if (item.error) return std::move(*item.error);
    return std::move(item.document);
  }

  Result<PeekedRows> peek(size_t limit) override {
    PeekedRows result;
    result.exhausted = finished_;
    for (size_t i = 0; !finished_; ++i) {
      if (i == ahead_.size()) {
        if (i >= limit) break;
        HULL_CHECK_OK(read_ahead());
      }
      const Item& item = ahead_[i];
      if (!item.document) {
        result.exhausted = item.end;
        break;
      }
      if (i < limit) result.rows.push_back({item.document, item.documents, item.bytes});
    }
    return result;
  }

 private:
  // What one next() consumes: rows that were filtered out and the row that passed, or the end.
  struct Item {
    DocumentPtr document;  // null: the end, an error, or more read than the limits allow
    std::string last_key;
    size_t documents = 0, bytes = 0;
    bool end = false;        // the stream ends here
    bool exhausted = false;  // and so does the range
    std::optional<Error> error;
  };

  bool over_budget(const Item& item) const {
    return tx_.usage_.documents_read + ahead_documents_ + item.documents > impl_.limits.documents_read ||
           tx_.usage_.bytes_read + ahead_bytes_ + item.bytes > impl_.limits.bytes_read;
  }

  Result<void> read_ahead() {
    Item item;
    while (!item.document && !item.error) {
      if (operators_.finished()) {
        item.end = true;
        break;
      }
      HULL_TRY(auto row, reader_.next());
      if (!row) {
        item.end = item.exhausted = true;
        break;
      }
      if (show_) {
        HULL_TRY(row->document, show_(tx_, row->document));
      }
      ++item.documents;
      item.bytes += convex_size(row->document->value);
      item.last_key = std::move(row->key);
      auto passes = operators_.passes(row->document->value);
      if (!passes.ok())
        item.error = std::move(passes).error();
      else if (*passes)
        item.document = std::move(row->document);
      else if (user_ && over_budget(item))
        break;
    }
    ahead_documents_ += item.documents;
    ahead_bytes_ += item.bytes;
    ahead_.push_back(std::move(item));
    return {};
  }

  Transaction& tx_;
  Transaction::Impl& impl_;
  bool user_;
  ShowRow show_;
  const std::string table_;
  RowReader reader_;
  ConsumedRange consumed_;
  OperatorChain operators_;
  std::deque<Item> ahead_;
  size_t ahead_documents_ = 0, ahead_bytes_ = 0;
  bool finished_ = false;
};

Result<std::unique_ptr<QueryStream>> make_query_stream(Transaction& transaction, CompiledQuery query,
                                                       const QuerySpec& spec) {
  if (query.interval.empty()) return std::unique_ptr<QueryStream>(std::make_unique<EmptyStream>());
  return std::unique_ptr<QueryStream>(std::make_unique<QueryStreamImpl>(
      transaction, std::move(query), spec.order, OperatorChain(spec.operators)));
}

}  // namespace hull
