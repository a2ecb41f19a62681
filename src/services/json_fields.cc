#include "services/json_fields.h"

namespace hull::json {

Error missing_field(std::string_view name) {
  return Error::bad_request("BadJsonBody", "missing field `" + std::string(name) + "`");
}

Error wrong_type(std::string_view name, std::string_view expected) {
  return Error::bad_request(
      "BadJsonBody", "invalid type of field `" + std::string(name) + "`: expected " + std::string(expected));
}

std::optional<ValueView> optional_field(ValueView object, std::string_view name) {
  auto field = object.find(name);
  if (!field || field->is_null()) return std::nullopt;
  return field;
}

Result<std::string> string_field(ValueView object, std::string_view name) {
  auto field = object.find(name);
  if (!field) return missing_field(name);
  if (!field->is_string()) return wrong_type(name, "a string");
  return std::string(field->as_string());
}

Result<std::optional<std::string>> optional_string_field(ValueView object, std::string_view name) {
  auto field = optional_field(object, name);
  if (!field) return std::optional<std::string>();
  if (!field->is_string()) return wrong_type(name, "a string");
  return std::optional<std::string>(field->as_string());
}

Result<bool> bool_field(ValueView object, std::string_view name, bool fallback) {
  auto field = optional_field(object, name);
  if (!field) return fallback;
  if (!field->is_bool()) return wrong_type(name, "a boolean");
  return field->as_bool();
}

Result<ValueView> array_field(ValueView object, std::string_view name) {
  auto field = object.find(name);
  if (!field) return missing_field(name);
  if (!field->is_array()) return wrong_type(name, "an array");
  return *field;
}

Result<ValueView> object_field(ValueView object, std::string_view name) {
  auto field = object.find(name);
  if (!field) return missing_field(name);
  if (!field->is_object()) return wrong_type(name, "an object");
  return *field;
}

std::string text_or_empty(ValueView object, std::string_view name) {
  auto field = object.find(name);
  return field && field->is_string() ? std::string(field->as_string()) : std::string();
}

}  // namespace hull::json
