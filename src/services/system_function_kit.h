// Small helpers shared by the system functions (system-functions.md). Pure, thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "functions/runner.h"
#include "value/validator.h"

namespace hull::sys {

// Name -> validator JSON; a name with a trailing '?' is optional.
using ArgFields = std::vector<std::pair<std::string_view, std::string_view>>;
// An object validator.
std::shared_ptr<const Validator> args_validator(const ArgFields& fields);

inline constexpr std::string_view kString = R"({"type":"string"})";
inline constexpr std::string_view kAny = R"({"type":"any"})";
inline constexpr std::string_view kStrings = R"({"type":"array","value":{"type":"string"}})";
inline constexpr std::string_view kNumber = R"({"type":"number"})";
inline constexpr std::string_view kNullableString =
    R"({"type":"union","value":[{"type":"string"},{"type":"null"}]})";
inline constexpr std::string_view kOrder =
    R"({"type":"union","value":[{"type":"literal","value":"asc"},{"type":"literal","value":"desc"}]})";

using Handler = std::function<Result<Value>(Transaction&, ValueView args)>;
// Registers a query. `args` null = no arguments.
void add_query(SystemFunctions& functions, std::string path, std::string operation, Handler handler,
               std::shared_ptr<const Validator> args = args_validator({}));

void add_mutation(SystemFunctions& functions, std::string path, std::string operation, Handler handler,
                  std::shared_ptr<const Validator> args);
// A query whose page may be pinned by the journal of an earlier run.
using PageHandler =
    std::function<Result<Value>(Transaction&, ValueView args, std::optional<std::string_view> journal_end)>;
void add_page_query(SystemFunctions& functions, std::string path, std::string operation, PageHandler handler,
                    std::shared_ptr<const Validator> args);

// The same with `componentId`: null or absent = the root component. A function added here whose arguments
// name another one fails.
std::shared_ptr<const Validator> component_args(ArgFields fields = {});

// The table behind a name that a caller gives: user tables and, under their virtual names, the two system
// tables that users may see. nullopt: it must look like a table that does not exist.
std::optional<std::string> reachable_table(const std::string& name);

// Where `paginationOpts` of the arguments says to go on (system-functions.md §1.5), within the limits of
// system pages; the query of the result is still empty.
Result<PageSpec> page_spec(ValueView args);

// A page as pagination clients expect it.
Value page_value(const Page& page);
Value empty_page();

}  // namespace hull::sys
