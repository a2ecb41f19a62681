// Plain JSON whose bulk is long texts (pushed modules): they are taken out while the document is read, so
// that a body of many megabytes is never held twice. Pure functions, thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "value/value.h"

namespace hull {

// As parse_plain_json() (value/json.h), but texts of at least `min_bytes` are not copied into the value: each
// is shown to `take`, in the order of the document, and an Int64 with the answer stands in its place (plain
// JSON makes no other Int64). `json` is freed on return.
using TakeText = std::function<int64_t(std::string_view text)>;
Result<Value> parse_plain_json_texts(std::string json, size_t min_bytes, const TakeText& take);

}  // namespace hull
