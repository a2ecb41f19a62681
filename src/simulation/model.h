// Model: the database as it must be, naively: every revision of every document by commit timestamp. Index
// scans are made by sorting the table each time. It shares with the engine only the total order of values
// (value.h compare), not keys, ranges, catalog or storage. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "storage/store.h"
#include "value/id.h"
#include "value/value.h"

namespace hull::simulation {

struct ModelKey {
  TabletId tablet;
  InternalId id;
  auto operator<=>(const ModelKey&) const = default;
};
// Documents as one transaction left them so far; no value = deleted.
using ModelWrites = std::map<ModelKey, std::optional<Value>>;

// Where a row stands in an index: the indexed fields' values, then the id's text.
struct ModelPosition {
  std::vector<Value> fields;
  std::string id;
};
int compare(const ModelPosition& a, const ModelPosition& b);

struct ModelBound {
  enum class Op { kEq, kGt, kGte, kLt, kLte } op = Op::kEq;
  std::string field;
  Value value;
};
struct ModelQuery {
  TabletId tablet;
  std::vector<std::string> fields;  // of the index; none: by_id
  std::vector<ModelBound> bounds;
  Order order = Order::kAsc;
  std::function<bool(ValueView)> filter;  // null = all
};
struct ModelRow {
  ModelPosition position;
  Value value;
};

class Model {
 public:
  // Timestamps may come in any order, each once.
  void commit(Timestamp ts, const ModelWrites& writes);

  // The state at a timestamp, with the reader's own writes over it.
  struct View {
    Timestamp ts;
    const ModelWrites* own = nullptr;
  };
  std::optional<Value> get(ModelKey key, View view) const;
  // All rows of the query in its order.
  std::vector<ModelRow> rows(const ModelQuery& query, View view) const;
  size_t count(TabletId tablet, View view) const;

  // What paginate() gives: rows after `after` (null: from the start), up to and including `until` if given,
  // else until there are `size` results or `max_consumed` rows, filtered ones included. `end`: position of
  // the last row that was consumed; none when the range is exhausted.
  struct Page {
    std::vector<ModelRow> rows;
    std::optional<ModelPosition> end;
  };
  struct Limit {
    std::optional<ModelPosition> until;
    bool until_end = false;  // everything to the end of the range, the others do not count
    size_t size = 0;
    size_t max_consumed = SIZE_MAX;
  };
  Page page(const ModelQuery& query, const std::optional<ModelPosition>& after, const Limit& limit,
            View view) const;

  // Newest commit at or before `ts` that wrote the document; 0 if none.
  Timestamp written_at(ModelKey key, Timestamp ts) const;
  const std::map<Timestamp, ModelWrites>& commits() const { return commits_; }

 private:
  template <typename Visit>
  void for_each(TabletId tablet, View view, Visit visit) const;

  std::map<Timestamp, ModelWrites> commits_;
  std::map<ModelKey, std::map<Timestamp, std::optional<Value>>> documents_;
};

}  // namespace hull::simulation
