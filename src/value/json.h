// Convex JSON and its relatives (values-and-schema.md §1, §2), parsed with simdjson straight into packed
// values: types, sizes, nesting and field names are checked in the same pass. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/value.h"

namespace hull {

struct JsonParseOptions {
  bool allow_undefined = false;         // {"$undefined":null} as the whole value: index range, filter literal
  bool allow_undefined_fields = false;  // and as a top-level field's value: patch
  bool allow_commit_ts = false;         // {"$commitTs":null} at any depth
  bool export_numbers = false;          // §2.2: an integer literal in the range of Int64 is an Int64
};

// Convex JSON -> value. Errors carry the spec's code (§1.5, §5); text that is not JSON at all has code
// "InvalidJson".
Result<Value> parse_convex_json(std::string_view json, JsonParseOptions options = {});

// Plain JSON of any shape -> value, with every `$key` and field name allowed as is and integers as float64.
// For protocol bodies (HTTP bodies, websocket messages, syscall arguments) whose Convex parts are then taken
// out with raw_json().
Result<Value> parse_plain_json(std::string_view json);

// The Convex value that a part of a plain value encodes: parse_convex_json(to_plain_json(plain)) without the
// detour over text.
Result<Value> decode_convex(ValueView plain, JsonParseOptions options = {});

// kPlain: parse_plain_json's inverse.
enum class JsonFormat { kConvex, kClean, kExport, kPlain };
void append_json(ValueView v, std::string& out, JsonFormat format = JsonFormat::kConvex);
std::string to_json(ValueView v, JsonFormat format = JsonFormat::kConvex);
// Plain JSON of a value made by parse_plain_json (no `$` encodings except for values JSON cannot express).
std::string to_plain_json(ValueView v);

void append_json_string(std::string_view s, std::string& out);  // quoted and escaped
std::string json_string(std::string_view s);

// Splits {"a":<json>,"b":<json>} at the top level without decoding the members: (name, raw JSON text) in
// document order.
Result<std::vector<std::pair<std::string, std::string>>> split_json_object(std::string_view json);
Result<std::vector<std::string>> split_json_array(std::string_view json);

}  // namespace hull
