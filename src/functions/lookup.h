// What happens around a call: finding the function, checking arguments and results, in the order and with the
// texts of runtime.md §6. Pure functions over a Code and a Catalog, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "functions/call.h"
#include "functions/code.h"

namespace hull {

// Text form of an error that has no frames.
FunctionError host_error(std::string text);
FunctionError host_error(const Error& error);

struct LookupOptions {
  bool allow_internal = false;
  bool public_not_found_text = true;
};
// `expected` empty: any kind.
Result<const FunctionInfo*> find_function(const Code& code, const FunctionPath& path,
                                          std::optional<UdfType> expected, LookupOptions options);
std::optional<UdfType> udf_type_of(const FunctionInfo& function);
std::string not_found_text(const FunctionPath& path, bool public_text);

// `args`: the array of positional arguments.
Result<void> check_args(const FunctionPath& path, const Validator* validator, ValueView args,
                        const Catalog& catalog, const Knobs& knobs);
// Parses and checks what the handler returned.
Result<Value> check_result(const FunctionPath& path, const Validator* validator, std::string_view json,
                           const Catalog& catalog, const Knobs& knobs, bool allow_commit_ts);

// Text of the stop state, nullopt while functions may run.
std::optional<std::string> stopped_text(const Catalog& catalog);

// Name of a function as client errors of the validator kind spell it.
std::string argument_error(std::string_view argument, std::string_view method, std::string_view cause);

}  // namespace hull
