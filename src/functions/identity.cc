#include "functions/identity.h"

#include "value/json.h"

namespace hull {

Result<std::string> Identity::user_json() const {
  if (refusal) return *refusal;
  return attributes ? to_plain_json(*attributes) : std::string("null");
}

const std::string& Identity::user_token() const {
  static const std::string none;
  return kind == Kind::kUser ? credential : none;
}

std::string Identity::cache_key() const {
  if (attributes) return "user:" + to_plain_json(*attributes);
  switch (kind) {
    case Kind::kAnonymous:
      return "anonymous";
    case Kind::kUser:
      return "user:";
    case Kind::kAdmin:
      return read_only ? "admin:read" : "admin";
    case Kind::kSystem:
      return "system";
    case Kind::kUnknown:
      return refusal ? "unknown:" + refusal->code + ":" + refusal->message : "unknown";
  }
  return "unknown";
}

std::string_view Identity::log_type() const {
  switch (kind) {
    case Kind::kUser:
      return "user";
    case Kind::kAdmin:
      return attributes ? "member_acting_user" : "instance_admin";
    case Kind::kSystem:
      return "system";
    case Kind::kAnonymous:
    case Kind::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::shared_ptr<const Identity> Identity::anonymous() {
  static const auto identity = std::make_shared<const Identity>();
  return identity;
}

std::shared_ptr<const Identity> Identity::user(Value attributes, int64_t expires_unix_s, std::string token) {
  auto identity = std::make_shared<Identity>();
  identity->kind = Kind::kUser;
  identity->attributes = std::move(attributes);
  identity->expires_unix_s = expires_unix_s;
  identity->credential = std::move(token);
  return identity;
}

std::shared_ptr<const Identity> Identity::system(std::string key) {
  auto identity = std::make_shared<Identity>();
  identity->kind = Kind::kSystem;
  identity->credential = std::move(key);
  return identity;
}

std::shared_ptr<const Identity> Identity::unknown(Error refusal) {
  auto identity = std::make_shared<Identity>();
  identity->kind = Kind::kUnknown;
  identity->refusal = std::move(refusal);
  return identity;
}

std::shared_ptr<const Identity> Identity::admin(bool read_only, std::optional<Value> acting_as,
                                                std::string key) {
  auto identity = std::make_shared<Identity>();
  identity->kind = Kind::kAdmin;
  identity->read_only = read_only;
  identity->attributes = std::move(acting_as);
  identity->credential = std::move(key);
  return identity;
}

}  // namespace hull
