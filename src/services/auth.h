// Turns credentials into identities (http-api.md §2, auth-and-node.md §3). Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/envelope.h"
#include "base/result.h"
#include "functions/fetch.h"
#include "functions/identity.h"
#include "services/token_verifier.h"

namespace hull {

class Authenticator {
 public:
  using OnIdentity = TokenVerifier::OnIdentity;

  // Without `tokens` there are no auth providers, and every user token is refused.
  Authenticator(const InstanceSecret* secret, std::string instance_name,
                std::unique_ptr<TokenVerifier> tokens = nullptr)
      : secret_(secret), name_(std::move(instance_name)), tokens_(std::move(tokens)) {}

  // Gives requests for keys a way to the deployment's own origins that needs no network. Call before the
  // first token.
  void answer_locally(FetchService::Local local);
  // Answers those who wait for keys with an error; nobody may come any more.
  void stop();

  // `header`: the Authorization header, if any; `query_key`: the adminKey query parameter, looked at without
  // a header. `done` runs before this returns, unless keys have to be fetched to verify a user's token: then
  // it runs later on another thread, and must not block.
  void from_http(std::optional<std::string_view> header, std::optional<std::string_view> query_key,
                 OnIdentity done) const;
  // The JWT of a user; `done` as above.
  void from_jwt(std::string_view token, OnIdentity done) const;

  // A header that presents an admin key; BadDeployKey for one of a user.
  Result<IdentityPtr> from_admin_header(std::string_view header) const;
  // Text of the header form "Convex <key>[:base64 attributes]" without the scheme.
  Result<IdentityPtr> from_admin_text(std::string_view text) const;
  Result<IdentityPtr> from_admin_key(std::string_view key) const;
  // Websocket Authenticate{Admin, impersonating}.
  Result<IdentityPtr> from_admin_key(std::string_view key, ValueView impersonating) const;
  // Whether the credential that made `identity` an admin is still good: for those that hold it for long.
  Result<void> check_again(const Identity& identity) const;

 private:
  const InstanceSecret* secret_;
  std::string name_;
  std::unique_ptr<TokenVerifier> tokens_;
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
