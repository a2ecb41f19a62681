// Auth providers of auth.config.ts (auth-and-node.md §1): parsed from the evaluated module, stored as rows of
// `_auth`, shown in push answers and diffs. Plain data and pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "database/catalog.h"
#include "database/transaction.h"

namespace hull {

struct AuthProvider {
  bool custom_jwt = false;
  std::string issuer;                         // domain of an OIDC provider
  std::optional<std::string> application_id;  // always there for OIDC
  std::string jwks, algorithm;                // custom JWT only
  bool operator==(const AuthProvider&) const = default;

  std::string json() const;  // as in push answers and diffs
  Value row() const;         // fields of its `_auth` row
  static std::optional<AuthProvider> from_row(ValueView row);
  // "OIDC(domain=…, app_id=…)"
  std::string text() const;
  // Whether a token with this issuer and these audiences is meant for this provider (§2 step 2).
  bool matches(std::string_view token_issuer, const std::vector<std::string>& audiences) const;
};

// `json`: JSON.stringify of auth.config.js's default export. Errors carry the codes and details of §1 without
// a prefix.
Result<std::vector<AuthProvider>> parse_auth_config(std::string_view json);
std::vector<AuthProvider> stored_auth_providers(const Catalog& catalog);

struct AuthDiff {
  std::vector<std::string> added, removed;  // JSON of the providers
};
// Makes the rows of `_auth` exactly `providers`, in this order; touches nothing if they already are.
Result<AuthDiff> replace_auth_providers(Transaction& transaction, const std::vector<AuthProvider>& providers);

}  // namespace hull
