// Turns credentials into identities (http-api.md §2, auth-and-node.md §3). Immutable after construction,
// thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/envelope.h"
#include "base/result.h"
#include "functions/identity.h"
#include "services/auth_providers.h"

namespace hull {

class Authenticator {
 public:
  // `providers` tells the configured auth providers (none if empty), for the texts of refused user tokens.
  Authenticator(const InstanceSecret* secret, std::string instance_name,
                std::function<std::vector<AuthProvider>()> providers = {})
      : secret_(secret), name_(std::move(instance_name)), providers_(std::move(providers)) {}

  // `header`: the Authorization header, if any; `query_key`: the adminKey query parameter, looked at without
  // a header.
  Result<IdentityPtr> from_http(std::optional<std::string_view> header,
                                std::optional<std::string_view> query_key) const;
  // Text of the header form "Convex <key>[:base64 attributes]" without the scheme.
  Result<IdentityPtr> from_admin_text(std::string_view text) const;
  Result<IdentityPtr> from_admin_key(std::string_view key) const;
  // Websocket Authenticate{Admin, impersonating}.
  Result<IdentityPtr> from_admin_key(std::string_view key, ValueView impersonating) const;
  // Errors of auth-and-node.md §2. Tokens are not verified yet, so none is accepted.
  Result<IdentityPtr> from_jwt(std::string_view token) const;

 private:
  const InstanceSecret* secret_;
  std::string name_;
  std::function<std::vector<AuthProvider>()> providers_;
};

// Operation checks (http-api.md §2): "Deploy", "ViewData", ... Anonymous or user -> 403 BadDeployKey;
// read-only key without the right -> 403 OperationNotPermitted.
Result<void> require_operation(const Identity& identity, std::string_view operation);

// Every operation with its name in texts ("deployment:data:view"); what a read-only key may do.
struct Operation {
  std::string_view name, text;
  bool read_only;
};
const std::vector<Operation>& operations();

}  // namespace hull
