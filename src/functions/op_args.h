// Arguments of host operations, with the error texts of syscalls.md §1.2. Absent and null mean "not given";
// unknown keys are ignored.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "database/limits.h"
#include "database/transaction.h"
#include "value/json.h"
#include "value/names.h"

namespace hull {

class OpArgs {
 public:
  static Result<OpArgs> parse(std::string_view json, std::string_view method);

  // Raw JSON text of a member; nullopt if absent or null.
  std::optional<std::string_view> raw(std::string_view name) const;
  Result<std::string> string(std::string_view name) const;
  Result<std::optional<std::string>> optional_string(std::string_view name) const;
  Result<size_t> count(std::string_view name) const;
  Result<std::optional<size_t>> optional_count(std::string_view name) const;
  double number(std::string_view name, double otherwise) const;
  bool flag(std::string_view name) const { return raw(name) == "true"; }
  // The member as a Convex value; errors are argument errors on `name`.
  Result<Value> value(std::string_view name, JsonParseOptions options) const;

  // The limits of a nested call, by the names of syscalls.md §8.2; what nothing counts yet is ignored.
  Result<TransactionBudget> transaction_budget(std::string_view name) const;

  // The function a calling op names: functionHandle, name or reference (syscalls.md §8.1). Handles are read
  // through the transaction.
  Result<FunctionPath> address(Transaction& transaction) const;

  Error invalid(std::string_view cause) const;                             // of the arguments as a whole
  Error invalid(std::string_view argument, std::string_view cause) const;  // of one argument
  std::string_view method() const { return method_; }

 private:
  std::string method_;
  std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace hull
