#include <cmath>

#include "value/json.h"
#include "value/names.h"
#include "value/validator.h"

namespace hull {
namespace {

using Kind = Validator::Kind;
using Pointer = std::shared_ptr<const Validator>;

Error malformed(std::string message) { return Error::bad_request("InvalidValidator", std::move(message)); }

Result<std::string> text_member(ValueView json, std::string_view name) {
  std::optional<ValueView> member = json.find(name);
  if (!member || !member->is_string()) return malformed("missing field `" + std::string(name) + "`");
  return std::string(member->as_string());
}

std::optional<Kind> simple_kind(std::string_view type) {
  // Sets and maps were once values; their validators are still found in old deployments.
  if (type == "any" || type == "map" || type == "set") return Kind::kAny;
  if (type == "null") return Kind::kNull;
  if (type == "number") return Kind::kNumber;
  if (type == "bigint") return Kind::kBigint;
  if (type == "commitTs") return Kind::kCommitTs;
  if (type == "boolean") return Kind::kBoolean;
  if (type == "string") return Kind::kString;
  if (type == "bytes") return Kind::kBytes;
  return std::nullopt;
}

bool has_string_literal(const Validator& v) {
  if (v.kind() == Kind::kLiteral) return v.literal()->is_string();
  for (const Pointer& member : v.members()) {
    if (has_string_literal(*member)) return true;
  }
  return false;
}

}  // namespace

class ValidatorParser {
 public:
  static Result<Pointer> parse(ValueView json) {
    if (!json.is_object()) return malformed("Validator must be an object");
    HULL_TRY(std::string type, text_member(json, "type"));
    if (std::optional<Kind> kind = simple_kind(type)) return Pointer(make(*kind));
    if (type == "id") {
      auto out = make(Kind::kId);
      HULL_TRY(out->table_, text_member(json, "tableName"));
      return Pointer(std::move(out));
    }
    if (type == "record") return parse_record(json);
    if (type != "literal" && type != "array" && type != "object" && type != "union")
      return malformed("Unknown validator type `" + type + "`");
    std::optional<ValueView> value = json.find("value");
    if (!value) return malformed("missing field `value`");
    if (type == "literal") return parse_literal(*value);
    if (type == "object") return parse_object(*value);
    if (type == "union") return parse_union(*value);
    auto out = make(Kind::kArray);
    HULL_TRY(Pointer element, parse(*value));
    out->members_.push_back(std::move(element));
    return Pointer(std::move(out));
  }

 private:
  static std::shared_ptr<Validator> make(Kind kind) {
    auto out = std::make_shared<Validator>();
    out->kind_ = kind;
    return out;
  }

  static Result<Pointer> parse_literal(ValueView value) {
    HULL_TRY(Value literal, decode_convex(value));
    if (literal->is_float64() && !std::isfinite(literal->as_float64())) {
      return Error::bad_request("UnsupportedFloatLiteral",
                                "Infinite or NaN values are not supported in literal validators.");
    }
    if (!literal->is_string() && !literal->is_float64() && !literal->is_int64() && !literal->is_bool())
      return malformed("Literal validators must hold a string, number, bigint or boolean");
    auto out = make(Kind::kLiteral);
    out->literal_ = std::move(literal);
    return Pointer(std::move(out));
  }

  static Result<Validator::Field> parse_field(ValueView json) {
    std::optional<ValueView> type = json.find("fieldType");
    if (!type) return malformed("missing field `fieldType`");
    std::optional<ValueView> optional = json.find("optional");
    if (!optional || !optional->is_bool()) return malformed("missing field `optional`");
    HULL_TRY(Pointer parsed, parse(*type));
    return Validator::Field{std::move(parsed), optional->as_bool()};
  }

  static Result<Pointer> parse_object(ValueView fields) {
    if (!fields.is_object()) return malformed("The value of an object validator must be an object");
    auto out = make(Kind::kObject);
    for (size_t i = 0; i < fields.count(); ++i) {
      auto [name, json] = fields.field(i);
      HULL_CHECK_OK(check_identifier(name));
      Result<Validator::Field> field = parse_field(json);
      if (!field.ok()) {
        Error error = std::move(field).error();
        error.message = "Invalid validator for key `" + std::string(name) + "`: " + error.message;
        return error;
      }
      out->fields_.emplace(name, std::move(*field));
    }
    return Pointer(std::move(out));
  }

  static Result<Pointer> parse_union(ValueView members) {
    if (!members.is_array()) return malformed("The value of a union validator must be an array");
    auto out = make(Kind::kUnion);
    for (size_t i = 0; i < members.count(); ++i) {
      HULL_TRY(Pointer member, parse(members.element(i)));
      out->members_.push_back(std::move(member));
    }
    return Pointer(std::move(out));
  }

  static Result<Pointer> parse_record(ValueView json) {
    std::optional<ValueView> keys_json = json.find("keys"), values_json = json.find("values");
    if (!keys_json) return malformed("missing field `keys`");
    if (!values_json) return malformed("missing field `values`");
    HULL_TRY(Pointer keys, parse(*keys_json));
    HULL_TRY(Validator::Field values, parse_field(*values_json));
    auto error = [](std::string message) {
      return Error::bad_request("InvalidRecordType", std::move(message));
    };
    if (!keys->is_subset_of(*make(Kind::kString))) {
      return error("Records can only have string keys. Your validator contains a record with key typed as `" +
                   keys->text() + "`, which is not a subtype of `v.string()`");
    }
    if (has_string_literal(*keys)) return error("Records cannot have string literal keys");
    if (values.optional) return error("Records cannot have optional values");
    auto out = make(Kind::kRecord);
    out->members_ = {std::move(keys), std::move(values.type)};
    return Pointer(std::move(out));
  }
};

Result<Pointer> Validator::parse(std::string_view json) {
  HULL_TRY(Value value, parse_plain_json(json));
  return from_value(value);
}

Result<Pointer> Validator::from_value(ValueView json) { return ValidatorParser::parse(json); }

Pointer Validator::any() {
  static const auto shared = std::make_shared<const Validator>();
  return shared;
}

}  // namespace hull
