// Built-in functions under _system/ (system-functions.md): C++ handlers over a transaction, called, cached
// and subscribed like user functions. Registered at start by services/, then read-only.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "database/transaction.h"
#include "functions/call.h"

namespace hull {

struct SystemFunction {
  UdfType type = UdfType::kQuery;
  std::string operation;                  // needed operation, e.g. "ViewData"; "" = any admin key
  std::shared_ptr<const Validator> args;  // null = unvalidated
  // `journal_end`: end cursor for paginated queries.
  std::function<Result<Value>(Transaction&, ValueView args, std::optional<std::string_view> journal_end)> run;
};

class SystemFunctions {
 public:
  void add(std::string path, SystemFunction function) {
    functions_[std::move(path)] = std::move(function);
  }  // "_system/cli/tables.js:default"
  const SystemFunction* find(const std::string& canonical_path) const {
    auto it = functions_.find(canonical_path);
    return it == functions_.end() ? nullptr : &it->second;
  }

 private:
  std::map<std::string, SystemFunction> functions_;
};

}  // namespace hull
