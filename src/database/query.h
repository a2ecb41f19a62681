// Queries over one table's index: parsed from the syscall JSON, compiled against the catalog, run as a stream
// or a page (database.md §7, syscalls.md §4).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "database/catalog.h"
#include "storage/store.h"
#include "value/value.h"

namespace hull {

struct RangeBound {
  enum class Op { kEq, kGt, kGte, kLt, kLte, kSearch } op = Op::kEq;  // kSearch only in search queries
  std::string field;
  Value value;  // may be undefined
};
struct FilterExpression;  // $eq ... $literal tree, filter.h
struct QueryOperator {
  std::shared_ptr<const FilterExpression> filter;  // or
  std::optional<size_t> limit;
};
struct QuerySpec {
  enum class Source { kFullTableScan, kIndexRange, kSearch } source = Source::kFullTableScan;
  std::string table;
  std::string index;  // empty for a full table scan
  Order order = Order::kAsc;
  std::vector<RangeBound> range;
  std::vector<QueryOperator> operators;
  std::string fingerprint_source;  // JSON of the query as it came, for cursors

  // `json`: the member "query" of a queryStream/queryPage call. Errors name `method` as syscalls.md §1.2
  // says. `commit_ts`: index ranges may hold the commit timestamp token, which only mutations have
  // (values-and-schema.md §1.6).
  static Result<QuerySpec> parse(std::string_view json, std::string_view method, bool commit_ts = false);
};

// "table.index" as messages print it.
std::string index_display_name(std::string_view table, std::string_view index);

// The key interval that a range expression selects in an index (database.md §7.2), or the spec's error.
Result<Interval> compile_range(const IndexInfo& index, std::string_view table,
                               const std::vector<RangeBound>& range);

// A page request (syscalls.md §4.6) after argument parsing.
struct PageSpec {
  QuerySpec query;
  std::optional<std::string> cursor, end_cursor;
  size_t page_size = 0;
  std::optional<size_t> maximum_rows_read, maximum_bytes_read;
};
struct Page {
  std::vector<DocumentPtr> documents;
  bool is_done = false;
  std::string continue_cursor;
  std::optional<std::string> split_cursor;
  enum class Status { kNone, kSplitRecommended, kSplitRequired } status = Status::kNone;
  std::string to_json() const;  // the syscall's result
};

}  // namespace hull
