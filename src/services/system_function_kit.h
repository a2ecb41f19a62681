// Small helpers shared by the system functions (system-functions.md). Pure, thread-safe.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "functions/runner.h"
#include "value/validator.h"

namespace hull::sys {

// An object validator: name -> validator JSON; a name with a trailing '?' is optional.
std::shared_ptr<const Validator> args_validator(
    std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

inline constexpr std::string_view kString = R"({"type":"string"})";
inline constexpr std::string_view kAny = R"({"type":"any"})";
inline constexpr std::string_view kNumber = R"({"type":"number"})";
inline constexpr std::string_view kNullableString =
    R"({"type":"union","value":[{"type":"string"},{"type":"null"}]})";
inline constexpr std::string_view kOrder =
    R"({"type":"union","value":[{"type":"literal","value":"asc"},{"type":"literal","value":"desc"}]})";

using Handler = std::function<Result<Value>(Transaction&, ValueView args)>;
// Registers a query. `args` null = no arguments.
void add_query(SystemFunctions& functions, std::string path, std::string operation, Handler handler,
               std::shared_ptr<const Validator> args = args_validator({}));

// `componentId` may only name the root component: null, absent, or its id.
std::shared_ptr<const Validator> component_args();

// A page as pagination clients expect it.
Value page_value(const Page& page);
Value empty_page();

}  // namespace hull::sys
