// Parsing of query JSON (database.md §7.1, syscalls.md §4.5) and the JSON of a page.
#include "database/query.h"

#include <array>
#include <cmath>

#include "database/filter.h"
#include "value/json.h"
#include "value/names.h"

namespace hull {
namespace {

constexpr size_t kMaxOperators = 256;
using Members = std::vector<std::pair<std::string, std::string>>;

Error cause(std::string message) { return Error::bad_request("InvalidArgument", std::move(message)); }

const std::string* find(const Members& members, std::string_view name) {
  const std::string* found = nullptr;
  for (const auto& [key, json] : members)
    if (key == name) found = &json;
  return found;
}

Result<std::string> string_member(const Members& members, std::string_view name) {
  const std::string* json = find(members, name);
  if (!json) return cause("missing field `" + std::string(name) + "`");
  HULL_TRY(Value value, parse_plain_json(*json));
  if (!value.view().is_string()) return cause("`" + std::string(name) + "` must be a string");
  return std::string(value.view().as_string());
}

Result<Order> parse_order(const Members& source) {
  const std::string* json = find(source, "order");
  if (!json || *json == "null") return Order::kAsc;
  HULL_TRY(Value value, parse_plain_json(*json));
  if (value.view().is_null()) return Order::kAsc;
  if (value.view().is_string()) {
    if (value.view().as_string() == "asc") return Order::kAsc;
    if (value.view().as_string() == "desc") return Order::kDesc;
  }
  return cause("expected \"asc\" or \"desc\"");
}

Result<RangeBound> parse_bound(std::string_view json, bool commit_ts) {
  static constexpr std::array<std::pair<std::string_view, RangeBound::Op>, 6> kOps{
      {{"Eq", RangeBound::Op::kEq},
       {"Gt", RangeBound::Op::kGt},
       {"Gte", RangeBound::Op::kGte},
       {"Lt", RangeBound::Op::kLt},
       {"Lte", RangeBound::Op::kLte},
       {"Search", RangeBound::Op::kSearch}}};
  HULL_TRY(auto members, split_json_object(json));
  HULL_TRY(std::string type, string_member(members, "type"));
  RangeBound bound;
  bool known = false;
  for (const auto& [name, op] : kOps) {
    if (name != type) continue;
    bound.op = op;
    known = true;
  }
  if (!known) return cause("unknown range expression type `" + type + "`");
  HULL_TRY(std::string field, string_member(members, "fieldPath"));
  HULL_TRY(auto path, parse_field_path(field));
  for (const auto& part : path) bound.field += (bound.field.empty() ? "" : ".") + part;
  const std::string* value = find(members, "value");
  if (!value) return cause("missing field `value`");
  HULL_TRY(bound.value, parse_convex_json(*value, {.allow_undefined = true, .allow_commit_ts = commit_ts}));
  return bound;
}

// "table.index"
Result<void> parse_index_name(const std::string& text, QuerySpec& spec) {
  size_t dot = text.find('.');
  if (dot == std::string::npos)
    return Error::bad_request("IndexNotEnoughNameComponents",
                              "Insufficient components in index name " + text);
  if (text.find('.', dot + 1) != std::string::npos)
    return Error::bad_request("IndexTooManyNameComponents", "Too many components in index name " + text);
  spec.table = text.substr(0, dot);
  spec.index = text.substr(dot + 1);
  return {};
}

Result<void> parse_source(std::string_view json, bool commit_ts, QuerySpec& spec) {
  HULL_TRY(auto source, split_json_object(json));
  HULL_TRY(std::string type, string_member(source, "type"));
  if (type == "FullTableScan") {
    spec.source = QuerySpec::Source::kFullTableScan;
    HULL_TRY(spec.table, string_member(source, "tableName"));
    HULL_TRY(spec.order, parse_order(source));
  } else if (type == "IndexRange" || type == "Search") {
    bool search = type == "Search";
    spec.source = search ? QuerySpec::Source::kSearch : QuerySpec::Source::kIndexRange;
    HULL_TRY(std::string name, string_member(source, "indexName"));
    HULL_CHECK_OK(parse_index_name(name, spec));
    if (!search) {
      HULL_TRY(spec.order, parse_order(source));
    }
    const std::string* range = find(source, search ? "filters" : "range");
    if (!range) return cause(std::string("missing field `") + (search ? "filters" : "range") + "`");
    HULL_TRY(auto bounds, split_json_array(*range));
    for (const auto& text : bounds) {
      HULL_TRY(auto bound, parse_bound(text, commit_ts));
      bool allowed = search ? bound.op == RangeBound::Op::kSearch || bound.op == RangeBound::Op::kEq
                            : bound.op != RangeBound::Op::kSearch;
      if (!allowed) return cause("unexpected range expression in a query of type `" + type + "`");
      spec.range.push_back(std::move(bound));
    }
  } else {
    return cause("unknown query source type `" + type + "`");
  }
  return check_identifier(spec.table);
}

Result<QueryOperator> parse_operator(std::string_view json) {
  HULL_TRY(auto members, split_json_object(json));
  QueryOperator result;
  if (const std::string* filter = find(members, "filter")) {
    HULL_TRY(result.filter, FilterExpression::parse(*filter));
    return result;
  }
  const std::string* limit = find(members, "limit");
  if (!limit) return cause("an operator must be a `filter` or a `limit`");
  HULL_TRY(Value value, parse_plain_json(*limit));
  double n = value.view().is_float64() ? value.view().as_float64() : -1;
  if (!(n >= 0) || n != std::floor(n) || n > 9007199254740992.0)
    return cause("`limit` must be a non-negative integer");
  result.limit = static_cast<size_t>(n);
  return result;
}

Result<QuerySpec> parse_query(std::string_view json, bool commit_ts) {
  HULL_TRY(auto query, split_json_object(json));
  QuerySpec spec;
  const std::string* source = find(query, "source");
  if (!source) return cause("missing field `source`");
  HULL_CHECK_OK(parse_source(*source, commit_ts, spec));
  if (const std::string* operators = find(query, "operators")) {
    HULL_TRY(auto list, split_json_array(*operators));
    if (list.size() > kMaxOperators)
      return cause("Query has too many operators: " + std::to_string(list.size()));
    for (const auto& text : list) {
      HULL_TRY(auto op, parse_operator(text));
      spec.operators.push_back(std::move(op));
    }
  }
  spec.fingerprint_source = std::string(json);
  return spec;
}

}  // namespace

Result<QuerySpec> QuerySpec::parse(std::string_view json, std::string_view method, bool commit_ts) {
  auto result = parse_query(json, commit_ts);
  if (result.ok() || result.error().code.starts_with("Index")) return result;
  Error error = std::move(result).error();
  error.code = "InvalidArgument";
  error.message = "Invalid argument `query` for `" + std::string(method) + "`: " + error.message;
  return error;
}

std::string index_display_name(std::string_view table, std::string_view index) {
  return std::string(table) + "." + std::string(index);
}

std::string Page::to_json() const {
  std::string out = "{\"page\":[";
  for (size_t i = 0; i < documents.size(); ++i) {
    if (i) out += ',';
    append_json(documents[i]->value, out);
  }
  out += "],\"isDone\":";
  out += is_done ? "true" : "false";
  out += ",\"continueCursor\":";
  append_json_string(continue_cursor, out);
  out += ",\"splitCursor\":";
  if (split_cursor)
    append_json_string(*split_cursor, out);
  else
    out += "null";
  out += ",\"pageStatus\":";
  switch (status) {
    case Status::kNone:
      out += "null";
      break;
    case Status::kSplitRecommended:
      out += "\"SplitRecommended\"";
      break;
    case Status::kSplitRequired:
      out += "\"SplitRequired\"";
      break;
  }
  out += '}';
  return out;
}

}  // namespace hull
