// Reads members of protocol bodies parsed by parse_plain_json. A missing or mistyped member is the caller's
// mistake: 400 BadJsonBody with the member's name. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "value/value.h"

namespace hull::json {

Error missing_field(std::string_view name);
Error wrong_type(std::string_view name, std::string_view expected);

// Null counts as absent.
std::optional<ValueView> optional_field(ValueView object, std::string_view name);
Result<std::string> string_field(ValueView object, std::string_view name);
Result<std::optional<std::string>> optional_string_field(ValueView object, std::string_view name);
Result<bool> bool_field(ValueView object, std::string_view name, bool fallback);
Result<ValueView> array_field(ValueView object, std::string_view name);
Result<ValueView> object_field(ValueView object, std::string_view name);

// The string member, or "" if it is absent or of another type.
std::string text_or_empty(ValueView object, std::string_view name);

}  // namespace hull::json
