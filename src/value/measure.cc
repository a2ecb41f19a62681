// Order, size, nesting and commit-timestamp tokens of values.
#include <algorithm>
#include <bit>
#include <cmath>

#include "value/value.h"

namespace hull {
namespace {

int sign(auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; }

int sign_of(int order) { return sign(order, 0); }

// Position of a type among types. The tags already ascend in the right order but for the two tokens.
int rank(ValueType type) {
  switch (type) {
    case ValueType::kUndefined:
      return -1;
    case ValueType::kCommitTs:
      return static_cast<int>(ValueType::kInt64);
    default:
      return static_cast<int>(type);
  }
}

int64_t int64_or_token(ValueView v) { return v.is_int64() ? v.as_int64() : INT64_MAX; }

// IEEE total order as the order of signed integers.
int64_t total_order_bits(double d) {
  int64_t bits = std::bit_cast<int64_t>(d);
  return bits < 0 ? bits ^ INT64_MAX : bits;
}

int compare_arrays(ValueView a, ValueView b) {
  size_t common = std::min(a.count(), b.count());
  for (size_t i = 0; i < common; ++i) {
    if (int order = compare(a.element(i), b.element(i))) return order;
  }
  return sign(a.count(), b.count());
}

int compare_objects(ValueView a, ValueView b) {
  size_t common = std::min(a.count(), b.count());
  for (size_t i = 0; i < common; ++i) {
    auto [a_key, a_value] = a.field(i);
    auto [b_key, b_value] = b.field(i);
    if (int order = a_key.compare(b_key)) return sign_of(order);
    if (int order = compare(a_value, b_value)) return order;
  }
  return sign(a.count(), b.count());
}

void resolve_into(ValueView v, int64_t ts, ValueBuilder& out) {
  if (v.type() == ValueType::kCommitTs) {
    out.int64(ts);
  } else if (v.is_array() && contains_commit_ts(v)) {
    out.begin_array();
    for (size_t i = 0; i < v.count(); ++i) resolve_into(v.element(i), ts, out);
    out.end();
  } else if (v.is_object() && contains_commit_ts(v)) {
    out.begin_object();
    for (size_t i = 0; i < v.count(); ++i) {
      auto [key, value] = v.field(i);
      out.key(key);
      resolve_into(value, ts, out);
    }
    out.end();
  } else {
    out.value(v);
  }
}

}  // namespace

int compare(ValueView a, ValueView b) {
  if (a.data() == b.data()) return 0;
  if (int order = sign(rank(a.type()), rank(b.type()))) return order;
  switch (a.type()) {
    case ValueType::kInt64:
    case ValueType::kCommitTs:
      return sign(int64_or_token(a), int64_or_token(b));
    case ValueType::kFloat64:
      return sign(total_order_bits(a.as_float64()), total_order_bits(b.as_float64()));
    case ValueType::kString:
    case ValueType::kBytes:
      return sign_of(a.as_string().compare(b.as_string()));
    case ValueType::kArray:
      return compare_arrays(a, b);
    case ValueType::kObject:
      return compare_objects(a, b);
    default:
      return 0;
  }
}

size_t convex_size(ValueView v) {
  switch (v.type()) {
    case ValueType::kUndefined:
      return 0;
    case ValueType::kNull:
    case ValueType::kFalse:
    case ValueType::kTrue:
      return 1;
    case ValueType::kInt64:
    case ValueType::kFloat64:
    case ValueType::kCommitTs:
      return 9;
    case ValueType::kString:
    case ValueType::kBytes:
      return 2 + v.as_string().size();
    case ValueType::kArray: {
      size_t size = 2;
      for (size_t i = 0; i < v.count(); ++i) size += convex_size(v.element(i));
      return size;
    }
    case ValueType::kObject: {
      size_t size = 2;
      for (size_t i = 0; i < v.count(); ++i) {
        auto [key, value] = v.field(i);
        size += key.size() + 1 + convex_size(value);
      }
      return size;
    }
  }
  return 0;
}

size_t nesting(ValueView v) {
  size_t deepest = 0;
  if (v.is_array()) {
    for (size_t i = 0; i < v.count(); ++i) deepest = std::max(deepest, nesting(v.element(i)));
  } else if (v.is_object()) {
    for (size_t i = 0; i < v.count(); ++i) deepest = std::max(deepest, nesting(v.field(i).second));
  } else {
    return 0;
  }
  return 1 + deepest;
}

bool contains_commit_ts(ValueView v) {
  if (v.type() == ValueType::kCommitTs) return true;
  if (v.is_array()) {
    for (size_t i = 0; i < v.count(); ++i) {
      if (contains_commit_ts(v.element(i))) return true;
    }
  } else if (v.is_object()) {
    for (size_t i = 0; i < v.count(); ++i) {
      if (contains_commit_ts(v.field(i).second)) return true;
    }
  }
  return false;
}

Value resolve_commit_ts(ValueView v, int64_t ts) {
  ValueBuilder out;
  resolve_into(v, ts, out);
  return out.finish();
}

}  // namespace hull
