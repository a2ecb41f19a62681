// Filter expressions of queries (database.md §7.3): parsed once, evaluated per document. Immutable and shared
// after parsing, thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/value.h"

namespace hull {

struct FilterExpression {
  enum class Op {
    kEq,
    kNeq,
    kLt,
    kLte,
    kGt,
    kGte,  // any two values, total order
    kAdd,
    kSub,
    kMul,
    kDiv,
    kMod,
    kNeg,  // numbers of one type
    kAnd,
    kOr,
    kNot,  // booleans, short-circuit
    kField,
    kLiteral,
  };
  Op op = Op::kLiteral;
  std::vector<std::string> path;                                  // kField
  Value literal;                                                  // kLiteral, may be undefined
  std::vector<std::shared_ptr<const FilterExpression>> operands;  // the others

  // Error message is the cause only.
  static Result<std::shared_ptr<const FilterExpression>> parse(std::string_view json);
  // Whether the document passes; error code EvalError.
  Result<bool> passes(ValueView document) const;
};

}  // namespace hull
