// The rules by which a token is accepted (auth-and-node.md §2): everything but where keys come from. Pure
// functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "services/auth_providers.h"
#include "services/jwk.h"
#include "services/jwt.h"

namespace hull {

// 401 InvalidAuthHeader.
Error invalid_token(std::string message);

// The first provider the token is meant for. Errors: no `iss`, NoAuthProvider; with `redact` without a list
// of the providers.
Result<AuthProvider> provider_for(const Jwt& token, const std::vector<AuthProvider>& providers, bool redact);

// Why the token need not be compared with any key.
std::optional<Error> refused_without_keys(const Jwt& token, const AuthProvider& provider);

struct VerifiedToken {
  Value user;  // the UserIdentity object
  int64_t expires_unix_s = 0;
};
struct Verification {
  Result<VerifiedToken> token;
  // None of the keys has made the signature: the issuer may have new ones.
  bool unknown_key = false;
};
// `token` must have passed refused_without_keys().
Verification verify_token(const Jwt& token, const AuthProvider& provider, const JwkSet& keys,
                          int64_t now_unix_s);

}  // namespace hull
