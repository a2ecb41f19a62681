#include "value/json_rules.h"

#include <cmath>
#include <string>

#include "base/encoding.h"
#include "value/packed.h"

namespace hull {
namespace {

Error bad_value(std::string message) { return Error::bad_request("InvalidValue", std::move(message)); }

}  // namespace

Error not_json(std::string_view cause) {
  return Error::bad_request("InvalidJson", "Invalid JSON: " + std::string(cause));
}

Error value_too_large(size_t size) {
  return Error::bad_request(
      "ValueTooLargeError",
      "Value is too large (" + display_bytes(size) + " > maximum size " + display_bytes(kMaxValueSize) + ")");
}

Error too_nested(size_t levels) {
  return Error::bad_request("TooNestedError", "Value is too nested (nested " + std::to_string(levels) +
                                                  " levels deep > maximum nesting " +
                                                  std::to_string(kMaxNesting) + ")");
}

Result<void> check_array_length(size_t count) {
  if (count <= kMaxArrayLength) return {};
  return Error::bad_request("ArrayTooLong", "Array length is too long (" + std::to_string(count) +
                                                " > maximum length " + std::to_string(kMaxArrayLength) + ")");
}

Result<void> check_field_count(size_t count) {
  if (count <= kMaxFields) return {};
  return Error::bad_request("TooManyFieldsError", "Object has too many fields (" + std::to_string(count) +
                                                      " > maximum number " + std::to_string(kMaxFields) +
                                                      ")");
}

Special special_of(std::string_view key, const JsonParseOptions& options, size_t depth, bool in_object) {
  if (!key.starts_with('$')) return Special::kNone;
  if (key == "$bytes") return Special::kBytes;
  if (key == "$integer") return Special::kInteger;
  if (key == "$float") return Special::kFloat;
  bool undefined_here =
      (depth == 0 && options.allow_undefined) || (depth == 1 && in_object && options.allow_undefined_fields);
  if (key == "$undefined" && undefined_here) return Special::kUndefined;
  if (key == "$commitTs" && options.allow_commit_ts) return Special::kCommitTs;
  return Special::kNone;
}

Error payload_not_text(std::string_view key) {
  return bad_value(std::string(key) + " value must be a string");
}

Error payload_not_null(std::string_view key) { return bad_value(std::string(key) + " value must be null"); }

Result<size_t> build_from_text(Special special, std::string_view text, ValueBuilder& out) {
  std::optional<std::string> bytes = base64_decode(text);
  if (!bytes) return bad_value("Invalid base64 \"" + std::string(text) + "\"");
  if (special == Special::kBytes) {
    out.bytes(*bytes);
    return 2 + bytes->size();
  }
  bool integer = special == Special::kInteger;
  if (bytes->size() != 8)
    return bad_value(std::string(integer ? "Int64" : "Float64") + " must be exactly eight bytes");
  if (integer) {
    out.int64(packed::load<int64_t>(bytes->data()));
    return 9;
  }
  double d = packed::load<double>(bytes->data());
  if (std::isfinite(d) && d != 0)
    return bad_value("Float64 " + display(Value::float64(d)) + " should be encoded as a number");
  out.float64(d);
  return 9;
}

size_t build_token(Special special, ValueBuilder& out) {
  if (special == Special::kUndefined) {
    out.undefined();
    return 0;
  }
  out.commit_ts();
  return 9;
}

}  // namespace hull
