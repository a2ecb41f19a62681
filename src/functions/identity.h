// Who is calling (auth-and-node.md §2.1, §4.4). Immutable, shared, thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "value/value.h"

namespace hull {

struct Identity {
  enum class Kind {
    kAnonymous,
    kUser,
    kAdmin,
    kSystem,
    kUnknown /* HTTP action with a foreign Authorization header */
  };
  Kind kind = Kind::kAnonymous;
  bool read_only = false;                 // admin keys minted read-only
  std::optional<Value> attributes;        // kUser, or kAdmin acting as a user: the UserIdentity object
  std::optional<int64_t> expires_unix_s;  // kUser: the first second at which the token is no longer valid
  std::string credential;                 // the token of kUser, the key of an admin; must not be logged
  std::optional<Error> refusal;           // kUnknown: why the credentials were refused

  bool is_admin() const { return kind == Kind::kAdmin || kind == Kind::kSystem; }
  // What ctx.auth.getUserIdentity() returns, as JSON ("null" if there is no user), or throws.
  Result<std::string> user_json() const;
  // The token of a user, for ctx.meta.getRequestMetadata(); "" for other callers.
  const std::string& user_token() const;
  // Part of the query-cache key; equal for identities that functions cannot tell apart.
  std::string cache_key() const;
  // identityType of a log entry: "unknown", "user", "instance_admin", "system", "member_acting_user".
  std::string_view log_type() const;

  static std::shared_ptr<const Identity> anonymous();
  static std::shared_ptr<const Identity> user(Value attributes, int64_t expires_unix_s, std::string token);
  static std::shared_ptr<const Identity> system(std::string key);
  // The caller of an HTTP action whose Authorization header was refused.
  static std::shared_ptr<const Identity> unknown(Error refusal);
  static std::shared_ptr<const Identity> admin(bool read_only, std::optional<Value> acting_as,
                                               std::string key = {});
};
using IdentityPtr = std::shared_ptr<const Identity>;

}  // namespace hull
