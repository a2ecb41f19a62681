// Operations that queries, mutations and actions share: facts about the call, and refusals of what is not
// built yet.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "functions/call.h"

namespace hull {

struct MetaContext {
  const FunctionCall* call = nullptr;
  const FunctionPath* path = nullptr;  // of the running function
  UdfType type = UdfType::kQuery;
  std::string_view instance_name;
};

// nullopt: not an operation of this kind.
std::optional<Result<std::string>> shared_op(const MetaContext& context, std::string_view name);

}  // namespace hull
