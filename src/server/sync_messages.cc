#include "server/sync_messages.h"

#include <cmath>
#include <cstring>
#include <map>

#include "base/encoding.h"
#include "server/http_types.h"
#include "value/json.h"

namespace hull {
namespace {

// The members of one JSON object as raw text, and typed access to them.
class Fields {
 public:
  static Result<Fields> parse(std::string_view json) {
    auto split = split_json_object(json);
    if (!split.ok()) return malformed(split.error().message);
    Fields out;
    for (auto& [name, raw] : *split) out.raw_[std::move(name)] = std::move(raw);
    return out;
  }

  static Error malformed(std::string detail) {
    return Error::bad_request("WSMessageInvalidJson", std::move(detail));
  }

  // Null for an absent member and for JSON null.
  const std::string* raw(const std::string& name) const {
    auto it = raw_.find(name);
    return it == raw_.end() || it->second == "null" ? nullptr : &it->second;
  }

  Result<uint32_t> integer(const std::string& name) const {
    HULL_TRY(auto number, optional_number(name));
    if (!number) return missing(name);
    if (!(*number >= 0) || *number > 4294967295.0 || *number != std::floor(*number)) {
      return malformed("invalid value for field `" + name + "`, expected an unsigned 32-bit integer");
    }
    return static_cast<uint32_t>(*number);
  }

  Result<std::optional<double>> optional_number(const std::string& name) const {
    HULL_TRY(auto value, optional_value(name));
    if (!value) return std::optional<double>();
    if (!(*value)->is_float64()) return malformed("invalid type for field `" + name + "`, expected a number");
    return std::optional<double>((*value)->as_float64());
  }

  Result<std::string> string(const std::string& name) const {
    HULL_TRY(auto value, optional_string(name));
    if (!value) return missing(name);
    return std::move(*value);
  }

  Result<std::optional<std::string>> optional_string(const std::string& name) const {
    HULL_TRY(auto value, optional_value(name));
    if (!value) return std::optional<std::string>();
    if (!(*value)->is_string()) return malformed("invalid type for field `" + name + "`, expected a string");
    return std::optional<std::string>(std::string((*value)->as_string()));
  }

  Result<std::optional<Value>> optional_value(const std::string& name) const {
    const std::string* text = raw(name);
    if (text == nullptr) return std::optional<Value>();
    auto value = parse_plain_json(*text);
    if (!value.ok()) return malformed(value.error().message);
    return std::optional<Value>(std::move(*value));
  }

  static Error missing(const std::string& name) { return malformed("missing field `" + name + "`"); }

 private:
  std::map<std::string, std::string> raw_;
};

std::string error_line(const Error& error) { return std::string(error.public_message()) + "\n"; }

Result<FunctionReference> parse_function(const Fields& fields) {
  FunctionReference out;
  HULL_TRY(std::string path, fields.string("udfPath"));
  HULL_TRY(auto component, fields.optional_string("componentPath"));
  out.component_path = component.value_or("");
  const std::string* args = fields.raw("args");
  if (args == nullptr) return Fields::missing("args");
  HULL_TRY(auto elements, split_json_array(*args));
  if (elements.size() != 1)
    return Fields::malformed("field `args` must be an array with exactly one element");

  auto parsed_path = FunctionPath::parse(path);
  if (!parsed_path.ok()) {
    out.failure = error_line(parsed_path.error());
    return out;
  }
  out.path = std::move(*parsed_path);
  auto value = parse_convex_json(*args);
  if (!value.ok()) {
    out.failure = "Invalid arguments for " + out.path.canonical() + ": " + error_line(value.error());
    return out;
  }
  out.args = std::move(*value);
  out.args_json = to_json(out.args);
  return out;
}

Result<ClientMessage> parse_connect(const Fields& fields) {
  ConnectMessage out;
  HULL_TRY(std::string session, fields.string("sessionId"));
  auto uuid = normalize_uuid(session);
  if (!uuid) return Fields::malformed("field `sessionId` is not a UUID");
  out.session_id = *uuid;
  HULL_TRY(auto observed, fields.optional_string("maxObservedTimestamp"));
  if (observed) {
    out.max_observed = decode_timestamp(*observed);
    if (!out.max_observed) return Fields::malformed("field `maxObservedTimestamp` is not a timestamp");
  }
  HULL_TRY(out.client_ts, fields.optional_number("clientTs"));
  return ClientMessage(std::move(out));
}

Result<ClientMessage> parse_modify(const Fields& fields) {
  ModifyQuerySetMessage out;
  HULL_TRY(out.base_version, fields.integer("baseVersion"));
  HULL_TRY(out.new_version, fields.integer("newVersion"));
  const std::string* modifications = fields.raw("modifications");
  if (modifications == nullptr) return Fields::missing("modifications");
  auto elements = split_json_array(*modifications);
  if (!elements.ok()) return Fields::malformed(elements.error().message);
  for (const std::string& element : *elements) {
    HULL_TRY(Fields item, Fields::parse(element));
    HULL_TRY(std::string type, item.string("type"));
    HULL_TRY(uint32_t id, item.integer("queryId"));
    if (type == "Add") {
      AddQuery add;
      add.query_id = id;
      HULL_TRY(add.function, parse_function(item));
      HULL_TRY(add.journal, item.optional_string("journal"));
      out.modifications.emplace_back(std::move(add));
    } else if (type == "Remove") {
      out.modifications.emplace_back(RemoveQuery{id});
    } else {
      return Fields::malformed("unknown modification type `" + type + "`");
    }
  }
  return ClientMessage(std::move(out));
}

// Fills in tokenIdentifier = issuer|subject.
Result<Value> complete_attributes(ValueView attributes) {
  if (!attributes.is_object()) return Fields::malformed("field `impersonating` must be an object");
  auto text = [&](std::string_view name) -> std::optional<std::string> {
    auto v = attributes.find(name);
    if (!v || !v->is_string()) return std::nullopt;
    return std::string(v->as_string());
  };
  if (text("tokenIdentifier")) return Value::copy_of(attributes);
  auto issuer = text("issuer"), subject = text("subject");
  if (!issuer || !subject) {
    return Fields::malformed("Either \"tokenIdentifier\" or \"issuer\" and \"subject\" must be set");
  }
  ValueBuilder builder;
  builder.begin_object();
  for (size_t i = 0; i < attributes.count(); ++i) {
    auto [key, value] = attributes.field(i);
    if (key != "tokenIdentifier") builder.key(key).value(value);
  }
  builder.key("tokenIdentifier").string(*issuer + "|" + *subject);
  builder.end();
  return builder.finish();
}

Result<ClientMessage> parse_authenticate(const Fields& fields) {
  AuthenticateMessage out;
  HULL_TRY(out.base_version, fields.integer("baseVersion"));
  HULL_TRY(std::string type, fields.string("tokenType"));
  if (type == "None") return ClientMessage(std::move(out));
  if (type == "User") {
    out.type = AuthenticateMessage::Type::kUser;
  } else if (type == "Admin") {
    out.type = AuthenticateMessage::Type::kAdmin;
  } else {
    return Fields::malformed("unknown tokenType `" + type + "`");
  }
  HULL_TRY(out.value, fields.string("value"));
  if (out.type == AuthenticateMessage::Type::kAdmin) {
    for (const char* name : {"impersonating", "acting_as"}) {
      HULL_TRY(auto attributes, fields.optional_value(name));
      if (!attributes) continue;
      HULL_TRY(out.acting_as, complete_attributes(*attributes));
      break;
    }
  }
  return ClientMessage(std::move(out));
}

}  // namespace

Result<ClientMessage> parse_client_message(std::string_view text) {
  HULL_TRY(Fields fields, Fields::parse(text));
  HULL_TRY(std::string type, fields.string("type"));
  if (type == "Connect") return parse_connect(fields);
  if (type == "ModifyQuerySet") return parse_modify(fields);
  if (type == "Authenticate") return parse_authenticate(fields);
  if (type == "Mutation" || type == "Action") {
    HULL_TRY(uint32_t request_id, fields.integer("requestId"));
    HULL_TRY(FunctionReference function, parse_function(fields));
    if (type == "Mutation") return ClientMessage(MutationMessage{request_id, std::move(function)});
    return ClientMessage(ActionMessage{request_id, std::move(function)});
  }
  return ClientMessage(IgnoredMessage{std::move(type)});
}

std::string encode_timestamp(Timestamp ts) {
  char bytes[8];
  uint64_t n = static_cast<uint64_t>(ts.ns);
  for (char& byte : bytes) {
    byte = static_cast<char>(n & 0xff);
    n >>= 8;
  }
  return base64_encode({bytes, sizeof bytes});
}

std::optional<Timestamp> decode_timestamp(std::string_view text) {
  auto bytes = base64_decode(text);
  if (!bytes || bytes->size() != 8) return std::nullopt;
  uint64_t n = 0;
  for (size_t i = 8; i-- > 0;) n = n << 8 | static_cast<uint8_t>((*bytes)[i]);
  if (n > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
  return Timestamp{static_cast<int64_t>(n)};
}

std::optional<std::string> normalize_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string out = lower_case(text);
  for (size_t i = 0; i < out.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    bool hex = (out[i] >= '0' && out[i] <= '9') || (out[i] >= 'a' && out[i] <= 'f');
    if (dash ? out[i] != '-' : !hex) return std::nullopt;
  }
  return out;
}

}  // namespace hull
