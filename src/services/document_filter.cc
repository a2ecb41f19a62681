#include "services/document_filter.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/encoding.h"
#include "services/json_fields.h"
#include "value/id.h"
#include "value/json.h"

namespace hull {
namespace {

Error malformed(const std::string& why) {
  return Error::bad_request("InvalidFilters", "Invalid filters: " + why);
}

Result<Value> decode(std::string_view encoded) {
  std::string url_safe(encoded);
  std::replace(url_safe.begin(), url_safe.end(), '+', '-');
  std::replace(url_safe.begin(), url_safe.end(), '/', '_');
  auto json = base64url_decode(url_safe);
  if (!json) return malformed("they are not base64");
  auto parsed = parse_plain_json(*json);
  if (!parsed.ok()) return malformed(parsed.error().message);
  if (!parsed->view().is_object()) return malformed("they are not an object");
  return parsed;
}

// Whether JavaScript would take the value for true.
bool truthy(ValueView value) {
  if (value.is_null()) return false;
  if (value.is_bool()) return value.as_bool();
  if (value.is_float64()) return value.as_float64() != 0;
  return !value.is_string() || !value.as_string().empty();
}

bool is_enabled(ValueView clause) {
  auto flag = clause.find("enabled");
  return !flag || !flag->is_bool() || flag->as_bool();
}

// The literal of a filter or an index bound: value JSON, or undefined.
std::string literal(std::optional<ValueView> value) {
  if (!value || (value->is_string() && value->as_string() == kUndefinedPlaceholder))
    return "{\"$undefined\":null}";
  return to_plain_json(*value);
}

std::string comparison(std::string_view op, const std::string& field, std::optional<ValueView> value) {
  return "{\"$" + std::string(op) + "\":[{\"$field\":" + json_string(field) +
         "},{\"$literal\":" + literal(value) + "}]}";
}

std::string bound(std::string_view type, const std::string& field, std::optional<ValueView> value) {
  return "{\"type\":\"" + std::string(type) + "\",\"fieldPath\":" + json_string(field) +
         ",\"value\":" + literal(value) + "}";
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out = "[";
  for (const auto& part : parts) out += (out.size() > 1 ? "," : "") + part;
  return out + "]";
}

template <size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& known) {
  return std::find(known.begin(), known.end(), text) != known.end();
}

constexpr std::array<std::string_view, 6> kComparisons{"eq", "neq", "gt", "gte", "lt", "lte"};
constexpr std::array<std::string_view, 10> kTypes{"string", "boolean", "number", "bigint", "null",
                                                  "id",     "array",   "object", "bytes",  "unset"};

class Parser {
 public:
  Parser(ValueView json, const std::string& table, const TableDef* definition)
      : json_(json), table_(table), definition_(definition) {}

  Result<DocumentFilter> parse() {
    HULL_CHECK_OK(read_order());
    HULL_TRY(auto clauses, json::array_field(json_, "clauses"));
    for (size_t i = 0; i < clauses.count(); ++i)
      HULL_CHECK_OK(read_clause(static_cast<int>(i), clauses.element(i)));
    auto index = json::optional_field(json_, "index");
    std::string source = "{\"type\":\"FullTableScan\",\"tableName\":" + json_string(table_) +
                         ",\"order\":" + json_string(order_) + "}";
    if (index) {
      HULL_TRY(source, read_index(*index));
    }
    if (!filter_.problems.empty()) return std::move(filter_);
    if (!index_constrains_ && filters_.size() == 1 && only_id_ && filter_.types.empty())
      filter_.id = only_id_;
    std::string operators = filters_.empty() ? "[]" : "[{\"filter\":{\"$and\":" + joined(filters_) + "}}]";
    filter_.query_json = "{\"source\":" + source + ",\"operators\":" + operators + "}";
    return std::move(filter_);
  }

 private:
  Result<void> read_order() {
    auto order = json::optional_field(json_, "order");
    if (!order) return {};
    if (!order->is_string() || (order->as_string() != "asc" && order->as_string() != "desc"))
      return malformed("`order` is neither asc nor desc");
    order_ = std::string(order->as_string());
    return {};
  }

  bool check_value(int clause, std::optional<ValueView> value) {
    if (!value || !truthy(*value) || decode_convex(*value).ok()) return true;
    filter_.problems.push_back({clause, "Invalid value: " + to_plain_json(*value) + "."});
    return false;
  }

  Result<void> read_clause(int number, ValueView clause) {
    if (!clause.is_object()) return malformed("a clause is not an object");
    std::string op = json::text_or_empty(clause, "op");
    const bool by_type = op == "type" || op == "notype", any = op == "anyOf", none = op == "noneOf";
    if (!by_type && !any && !none && !one_of(op, kComparisons)) return malformed("unknown op \"" + op + "\"");
    auto value = clause.find("value");
    if ((any || none) && value && !value->is_array()) return malformed(op + " takes an array");
    if (by_type && value && (!value->is_string() || !one_of(value->as_string(), kTypes)))
      return malformed("unknown type");
    if (!check_value(number, value) || !is_enabled(clause)) return {};
    std::string field = json::text_or_empty(clause, "field");
    if (field.empty()) return {};
    if (by_type) {
      if (value) filter_.types.push_back({field, std::string(value->as_string()), op == "notype"});
    } else if (any || none) {
      std::vector<std::string> parts;
      for (size_t i = 0; value && i < value->count(); ++i)
        parts.push_back(comparison(any ? "eq" : "neq", field, value->element(i)));
      if (!parts.empty()) filters_.push_back((any ? "{\"$or\":" : "{\"$and\":") + joined(parts) + "}");
    } else {
      if (op == "eq" && field == "_id" && value && value->is_string())
        only_id_ = std::string(value->as_string());
      filters_.push_back(comparison(op, field, value));
    }
    return {};
  }

  std::string refuse_index(std::string why, int clause = -1) {
    filter_.problems.push_back({clause, std::move(why)});
    return "";
  }

  Result<std::string> read_index(ValueView index) {
    HULL_TRY(std::string name, json::string_field(index, "name"));
    HULL_TRY(auto clauses, json::array_field(index, "clauses"));
    const bool search = index.find("search").has_value();
    std::vector<std::string> fields;
    if (name == "by_creation_time") {
      fields = {"_creationTime"};
    } else if (name == "by_id") {
      fields = {"_id"};
    } else if (definition_ && definition_->indexes.contains(name)) {
      fields = definition_->indexes.at(name).fields;
    } else if (definition_ && definition_->search_indexes.contains(name)) {
      if (!search)
        return refuse_index("Index " + name +
                            " is a search index, but the query is trying to use it as a database index.");
      return search_source(name, definition_->search_indexes.at(name), index, clauses);
    } else {
      return refuse_index("Index " + name + " does not exist.");
    }
    if (search)
      return refuse_index("Index " + name +
                          " is not a search index, but the query is trying to use it as search index.");
    return database_source(name, fields, clauses);
  }

  Result<std::string> database_source(const std::string& name, const std::vector<std::string>& fields,
                                      ValueView clauses) {
    if (clauses.count() > fields.size())
      return refuse_index("Index " + name + " has " + std::to_string(fields.size()) +
                          " fields, but the query has " + std::to_string(clauses.count()) + " clauses.");
    std::vector<std::string> range;
    bool disabled = false, ranged = false;
    for (size_t i = 0; i < clauses.count(); ++i) {
      ValueView clause = clauses.element(i);
      std::string type = json::text_or_empty(clause, "type");
      if (type != "indexEq" && type != "indexRange") return malformed("unknown index clause");
      if (!is_enabled(clause)) {
        disabled = true;
        continue;
      }
      if (disabled)
        return refuse_index(
            "Invalid index filter selection: found an enabled clause after an disabled clause.");
      if (ranged)
        return refuse_index("Invalid index filter selection: found a range filter after a non-range filter.");
      ranged = type == "indexRange";
      if (!ranged) {
        range.push_back(bound("Eq", fields[i], clause.find("value")));
        continue;
      }
      std::string lower = json::text_or_empty(clause, "lowerOp"),
                  upper = json::text_or_empty(clause, "upperOp");
      if (!lower.empty())
        range.push_back(bound(lower == "gt" ? "Gt" : "Gte", fields[i], clause.find("lowerValue")));
      if (!upper.empty())
        range.push_back(bound(upper == "lt" ? "Lt" : "Lte", fields[i], clause.find("upperValue")));
    }
    index_constrains_ = !range.empty();
    return "{\"type\":\"IndexRange\",\"indexName\":" + json_string(table_ + "." + name) +
           ",\"range\":" + joined(range) + ",\"order\":" + json_string(order_) + "}";
  }

  Result<std::string> search_source(const std::string& name, const SearchIndexDef& index, ValueView request,
                                    ValueView clauses) {
    if (order_ != "asc")
      return refuse_index("Trying to query search index `" + name + "` in descending order.");
    std::vector<std::string> filters{
        bound("Search", index.search_field, Value::string(json::text_or_empty(request, "search")).view())};
    std::set<std::string> seen;
    for (size_t i = 0; i < clauses.count(); ++i) {
      ValueView clause = clauses.element(i);
      if (!is_enabled(clause)) continue;
      std::string field = json::text_or_empty(clause, "field");
      const auto& known = index.filter_fields;
      if (std::find(known.begin(), known.end(), field) == known.end())
        return refuse_index("Invalid index filter selection: found a filter for field `" + field +
                                "` which is not part of the filter fields of the search index `" + name +
                                "`.",
                            static_cast<int>(i));
      if (!seen.insert(field).second)
        return refuse_index("Invalid filter: there are multiple filters for field `" + field + "`.",
                            static_cast<int>(i));
      filters.push_back(bound("Eq", field, clause.find("value")));
    }
    index_constrains_ = true;
    return "{\"type\":\"Search\",\"indexName\":" + json_string(table_ + "." + name) +
           ",\"filters\":" + joined(filters) + "}";
  }

  ValueView json_;
  const std::string& table_;
  const TableDef* definition_;
  std::string order_ = "desc";
  std::vector<std::string> filters_;
  std::optional<std::string> only_id_;
  bool index_constrains_ = false;
  DocumentFilter filter_;
};

std::string_view type_of(std::optional<ValueView> value) {
  if (!value) return "unset";
  switch (value->type()) {
    case ValueType::kNull:
      return "null";
    case ValueType::kInt64:
      return "bigint";
    case ValueType::kFloat64:
      return "number";
    case ValueType::kString:
      return DocumentId::parse(value->as_string()).ok() ? "id" : "string";
    case ValueType::kBytes:
      return "bytes";
    case ValueType::kArray:
      return "array";
    case ValueType::kObject:
      return "object";
    default:
      return value->is_bool() ? "boolean" : "";
  }
}

}  // namespace

bool DocumentFilter::TypeClause::passes(ValueView document) const {
  std::string_view actual = type_of(document.find(field));
  // An id is a string as well.
  const bool same = actual == type || (type == "string" && actual == "id");
  return same != negated;
}

bool DocumentFilter::passes(ValueView document) const {
  return std::all_of(types.begin(), types.end(),
                     [&](const TypeClause& clause) { return clause.passes(document); });
}

Result<DocumentFilter> DocumentFilter::parse(std::string_view encoded, const std::string& table,
                                             const TableDef* definition) {
  Value json = *parse_plain_json("{\"clauses\":[]}");
  if (!encoded.empty()) {
    HULL_TRY(json, decode(encoded));
  }
  return Parser(json, table, definition).parse();
}

}  // namespace hull
