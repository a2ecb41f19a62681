#include "database/filter.h"

#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "value/json.h"
#include "value/names.h"

namespace hull {
namespace {

using Op = FilterExpression::Op;
constexpr int kMaxDepth = 256;

struct OpInfo {
  std::string_view key;
  Op op;
  std::string_view verb;  // arithmetic only
};
constexpr std::array<OpInfo, 17> kOps{{{"$eq", Op::kEq, ""},
                                       {"$neq", Op::kNeq, ""},
                                       {"$lt", Op::kLt, ""},
                                       {"$lte", Op::kLte, ""},
                                       {"$gt", Op::kGt, ""},
                                       {"$gte", Op::kGte, ""},
                                       {"$add", Op::kAdd, "add"},
                                       {"$sub", Op::kSub, "subtract"},
                                       {"$mul", Op::kMul, "multiply"},
                                       {"$div", Op::kDiv, "divide"},
                                       {"$mod", Op::kMod, "mod"},
                                       {"$neg", Op::kNeg, "negate"},
                                       {"$and", Op::kAnd, ""},
                                       {"$or", Op::kOr, ""},
                                       {"$not", Op::kNot, ""},
                                       {"$field", Op::kField, ""},
                                       {"$literal", Op::kLiteral, ""}}};

std::string_view verb_of(Op op) {
  for (const auto& info : kOps)
    if (info.op == op) return info.verb;
  return "";
}

Error malformed(std::string message) { return Error::bad_request("InvalidArgument", std::move(message)); }

Result<std::shared_ptr<const FilterExpression>> parse_at(std::string_view json, int depth) {
  if (depth > kMaxDepth) return malformed("filter expression is too deeply nested");
  HULL_TRY(auto members, split_json_object(json));
  if (members.size() != 1) return malformed("filter expression must be an object with exactly one key");
  const auto& [key, operand] = members[0];
  const OpInfo* info = nullptr;
  for (const auto& candidate : kOps)
    if (candidate.key == key) info = &candidate;
  if (!info) return malformed("unknown filter operator `" + key + "`");

  auto result = std::make_shared<FilterExpression>();
  result->op = info->op;
  switch (info->op) {
    case Op::kLiteral: {
      HULL_TRY(result->literal, parse_convex_json(operand, {.allow_undefined = true}));
      break;
    }
    case Op::kField: {
      HULL_TRY(Value name, parse_plain_json(operand));
      if (!name.view().is_string()) return malformed("`$field` must be a string");
      HULL_TRY(result->path, parse_field_path(name.view().as_string()));
      break;
    }
    case Op::kNeg:
    case Op::kNot: {
      HULL_TRY(auto inner, parse_at(operand, depth + 1));
      result->operands.push_back(std::move(inner));
      break;
    }
    default: {
      HULL_TRY(auto elements, split_json_array(operand));
      if (info->op != Op::kAnd && info->op != Op::kOr && elements.size() != 2)
        return malformed("`" + key + "` takes exactly two operands");
      for (const auto& element : elements) {
        HULL_TRY(auto inner, parse_at(element, depth + 1));
        result->operands.push_back(std::move(inner));
      }
    }
  }
  return std::shared_ptr<const FilterExpression>(std::move(result));
}

// A result of evaluation: a view into the document or the expression, or a computed value that owns its
// bytes.
struct Evaluated {
  ValueView view;
  std::optional<Value> owned;
  explicit Evaluated(ValueView v) : view(v) {}
  explicit Evaluated(Value v) : view(v.view()), owned(std::move(v)) {}
};

const Value& undefined_value() {
  static const Value value = ValueBuilder().undefined().finish();
  return value;
}

Error eval_error(std::string message) { return Error::bad_request("EvalError", std::move(message)); }

std::string with_type(ValueView v) { return display(v) + " (type " + std::string(type_name(v)) + ")"; }

Result<Evaluated> arithmetic(Op op, ValueView l, ValueView r) {
  std::string verb(verb_of(op));
  if (l.is_float64() && r.is_float64()) {
    double a = l.as_float64(), b = r.as_float64();
    double out = op == Op::kAdd   ? a + b
                 : op == Op::kSub ? a - b
                 : op == Op::kMul ? a * b
                 : op == Op::kDiv ? a / b
                                  : std::fmod(a, b);
    return Evaluated(Value::float64(out));
  }
  if (!l.is_int64() || !r.is_int64())
    return eval_error("Cannot " + verb + " " + with_type(l) + " and " + with_type(r));
  int64_t a = l.as_int64(), b = r.as_int64(), out = 0;
  bool overflow = false;
  switch (op) {
    case Op::kAdd:
      overflow = __builtin_add_overflow(a, b, &out);
      break;
    case Op::kSub:
      overflow = __builtin_sub_overflow(a, b, &out);
      break;
    case Op::kMul:
      overflow = __builtin_mul_overflow(a, b, &out);
      break;
    default:
      if (b == 0) return eval_error("Cannot " + verb + " " + display(l) + " by zero");
      overflow = a == std::numeric_limits<int64_t>::min() && b == -1;
      if (!overflow) out = op == Op::kDiv ? a / b : a % b;
  }
  if (overflow)
    return eval_error("Cannot " + verb + " " + display(l) + " and " + display(r) +
                      ": the result is out of range for Int64");
  return Evaluated(Value::int64(out));
}

Result<Evaluated> negate(ValueView v) {
  if (v.is_float64()) return Evaluated(Value::float64(-v.as_float64()));
  if (!v.is_int64()) return eval_error("Cannot negate " + with_type(v));
  if (v.as_int64() == std::numeric_limits<int64_t>::min())
    return eval_error("Cannot negate " + display(v) + ": the result is out of range for Int64");
  return Evaluated(Value::int64(-v.as_int64()));
}

Result<bool> as_boolean(ValueView v) {
  if (!v.is_bool()) return eval_error("Cannot use value " + with_type(v) + " as a Boolean");
  return v.as_bool();
}

Result<Evaluated> evaluate(const FilterExpression& e, ValueView document) {
  switch (e.op) {
    case Op::kLiteral:
      return Evaluated(e.literal.view());
    case Op::kField: {
      auto value = document.find_path(e.path);
      return Evaluated(value ? *value : undefined_value().view());
    }
    case Op::kNeg: {
      HULL_TRY(auto v, evaluate(*e.operands[0], document));
      return negate(v.view);
    }
    case Op::kNot: {
      HULL_TRY(auto v, evaluate(*e.operands[0], document));
      HULL_TRY(bool b, as_boolean(v.view));
      return Evaluated(Value::boolean(!b));
    }
    case Op::kAnd:
    case Op::kOr: {
      bool stop_at = e.op == Op::kOr;
      for (const auto& operand : e.operands) {
        HULL_TRY(auto v, evaluate(*operand, document));
        HULL_TRY(bool b, as_boolean(v.view));
        if (b == stop_at) return Evaluated(Value::boolean(stop_at));
      }
      return Evaluated(Value::boolean(!stop_at));
    }
    default:
      break;
  }
  HULL_TRY(auto l, evaluate(*e.operands[0], document));
  HULL_TRY(auto r, evaluate(*e.operands[1], document));
  if (e.op >= Op::kAdd && e.op <= Op::kMod) return arithmetic(e.op, l.view, r.view);
  int order = compare(l.view, r.view);
  bool holds = false;
  switch (e.op) {
    case Op::kEq:
      holds = order == 0;
      break;
    case Op::kNeq:
      holds = order != 0;
      break;
    case Op::kLt:
      holds = order < 0;
      break;
    case Op::kLte:
      holds = order <= 0;
      break;
    case Op::kGt:
      holds = order > 0;
      break;
    default:
      holds = order >= 0;
      break;
  }
  return Evaluated(Value::boolean(holds));
}

}  // namespace

Result<std::shared_ptr<const FilterExpression>> FilterExpression::parse(std::string_view json) {
  return parse_at(json, 0);
}

Result<bool> FilterExpression::passes(ValueView document) const {
  HULL_TRY(auto result, evaluate(*this, document));
  return as_boolean(result.view);
}

}  // namespace hull
