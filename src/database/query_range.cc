// Compilation of index range expressions to key intervals (database.md §7.2).
#include <algorithm>

#include "database/query.h"
#include "value/key.h"

namespace hull {
namespace {

using Op = RangeBound::Op;

std::string_view op_text(Op op) {
  switch (op) {
    case Op::kGt:
      return ">";
    case Op::kGte:
      return ">=";
    case Op::kLt:
      return "<";
    case Op::kLte:
      return "<=";
    default:
      return "==";
  }
}

std::string field_list(const std::vector<std::string>& fields) {
  std::string out = "[";
  for (size_t i = 0; i < fields.size(); ++i) out += (i ? ", \"" : "\"") + fields[i] + "\"";
  return out + "]";
}

Error already_defined(std::string_view kind, const RangeBound& bound) {
  return Error::bad_request("AlreadyDefinedBound", "Already defined " + std::string(kind) +
                                                       " bound in index range. Can't add \"" + bound.field +
                                                       "\" " + std::string(op_text(bound.op)) + " " +
                                                       display(bound.value) + ".");
}

// The bounds sorted by kind: one equality per field, at most one field with inequalities.
struct Sorted {
  std::vector<const RangeBound*> equal;
  const RangeBound* lower = nullptr;
  const RangeBound* upper = nullptr;
  const std::string* inequality_field() const {
    return lower ? &lower->field : upper ? &upper->field : nullptr;
  }
  const RangeBound* equality(const std::string& field) const {
    for (const auto* bound : equal)
      if (bound->field == field) return bound;
    return nullptr;
  }
};

Result<void> add_bound(Sorted& sorted, const RangeBound& bound, const std::string& index_name) {
  const std::string* inequality = sorted.inequality_field();
  if (sorted.equality(bound.field)) return already_defined("equality", bound);
  if (bound.op == Op::kEq) {
    if (inequality && *inequality == bound.field) return already_defined("inequality", bound);
    sorted.equal.push_back(&bound);
    return {};
  }
  if (inequality && *inequality != bound.field)
    return Error::bad_request(
        "BoundsOnMultipleFields",
        "Upper and lower bounds in `range` can only be applied to a single index field. This query against "
        "index " +
            index_name + " attempted to set a range bound on both \"" + *inequality + "\" and \"" +
            bound.field +
            "\". Consider using `filter` instead. See https://docs.convex.dev/using/indexes for more info.");
  bool is_lower = bound.op == Op::kGt || bound.op == Op::kGte;
  const RangeBound*& slot = is_lower ? sorted.lower : sorted.upper;
  if (slot) return already_defined(is_lower ? "lower" : "upper", bound);
  slot = &bound;
  return {};
}

}  // namespace

Result<Interval> compile_range(const IndexInfo& index, std::string_view table,
                               const std::vector<RangeBound>& range) {
  const std::string name = index_display_name(table, index.name);
  std::vector<std::string> fields = index.fields;
  fields.push_back("_id");
  auto position = [&](const std::string& field) {
    return static_cast<size_t>(std::find(fields.begin(), fields.end(), field) - fields.begin());
  };

  Sorted sorted;
  for (const auto& bound : range) {
    if (position(bound.field) == fields.size())
      return Error::bad_request("FieldNotInIndex", "The index range included a comparison with \"" +
                                                       bound.field + "\", but " + name + " with fields " +
                                                       field_list(index.fields) +
                                                       " doesn't index this field. For more information see "
                                                       "https://docs.convex.dev/using/indexes.");
    HULL_CHECK_OK(add_bound(sorted, bound, name));
  }

  // Equalities must be a prefix of the index fields and the inequality the next field.
  std::stable_sort(sorted.equal.begin(), sorted.equal.end(), [&](const RangeBound* a, const RangeBound* b) {
    return position(a->field) < position(b->field);
  });
  std::vector<std::string> used;
  for (const auto* bound : sorted.equal) used.push_back(bound->field);
  if (const std::string* field = sorted.inequality_field()) used.push_back(*field);
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i] == fields[i]) continue;
    return Error::bad_request("InvalidIndexRange",
                              "Tried to query index " + name +
                                  " but the query didn't use the index fields in order.\n"
                                  "Index fields: " +
                                  field_list(index.fields) + "\nQuery fields: " + field_list(used) +
                                  "\nFirst incorrect field: \"" + used[i] +
                                  "\"\nFor more information see "
                                  "https://docs.convex.dev/using/indexes.");
  }

  std::string prefix;
  for (const auto* bound : sorted.equal) append_key(bound->value, prefix);
  if (sorted.equal.size() == fields.size()) return Interval{prefix, prefix + '\0'};
  Interval interval{prefix, end_of_prefix(prefix)};
  auto with = [&](const RangeBound& bound) {
    std::string key = prefix;
    append_key(bound.value, key);
    return key;
  };
  if (sorted.lower) {
    std::string key = with(*sorted.lower);
    interval.start = sorted.lower->op == Op::kGte ? std::move(key) : *end_of_prefix(std::move(key));
  }
  if (sorted.upper) {
    std::string key = with(*sorted.upper);
    interval.end = sorted.upper->op == Op::kLt ? std::move(key) : end_of_prefix(std::move(key));
  }
  return interval;
}

}  // namespace hull
