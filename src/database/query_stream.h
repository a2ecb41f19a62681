// Query streams: rows of one index range, read ahead in batches, filtered and limited; consumption decides
// what is counted and recorded (database.md §3, §7.4). Not thread-safe; a stream must not outlive its
// transaction.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "database/transaction_impl.h"

namespace hull {

// Reads an index range of a transaction's merged view in batches.
class RowReader {
 public:
  RowReader(Transaction::Impl& impl, std::shared_ptr<const IndexInfo> index, Interval interval, Order order,
            size_t batch);
  // nullopt at the end of the range.
  Result<std::optional<IndexRow>> next();

 private:
  Transaction::Impl& impl_;
  std::shared_ptr<const IndexInfo> index_;
  Interval rest_;
  Order order_;
  size_t batch_;
  std::vector<IndexRow> rows_;
  size_t next_ = 0;
  bool done_ = false;
};

// Filters and limits in the order they were given.
class OperatorChain {
 public:
  explicit OperatorChain(std::vector<QueryOperator> operators) : operators_(std::move(operators)) {}
  // No further row can pass.
  bool finished() const;
  Result<bool> passes(ValueView document);
  bool has_filter() const;
  // Rows worth reading at once: what the limits leave, or the default.
  size_t batch_hint() const;

 private:
  std::vector<QueryOperator> operators_;  // limits count down
};

// Records the part of an interval consumed so far: from its start (in query order) to a key, or all of it.
class ConsumedRange {
 public:
  ConsumedRange(Transaction::Impl& impl, IndexId index, Interval interval, Order order, bool user)
      : impl_(impl), index_(index), rest_(std::move(interval)), order_(order), user_(user) {}
  void consumed_to(const std::string& key);
  void consumed_all();

 private:
  Transaction::Impl& impl_;
  IndexId index_;
  Interval rest_;
  Order order_;
  bool user_;
};

inline constexpr size_t kDefaultBatch = 100;
inline constexpr size_t kMaxBatch = 1024;

class EmptyStream : public QueryStream {
 public:
  Result<DocumentPtr> next() override { return DocumentPtr(); }
  Result<PeekedRows> peek(size_t) override { return PeekedRows{{}, true}; }
};

Result<std::unique_ptr<QueryStream>> make_query_stream(Transaction& transaction, CompiledQuery query,
                                                       const QuerySpec& spec);

}  // namespace hull
