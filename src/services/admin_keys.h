// Admin keys in the reference's format (auth-and-node.md §4): minted and checked with the instance secret.
// Immutable, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/envelope.h"
#include "base/result.h"
#include "functions/identity.h"

namespace hull {

struct AdminKeyClaims {
  bool read_only = false;
  bool system = false;
  uint64_t member_id = 0;
  uint64_t issued_s = 0;
};

// "<instance_name>|<hex>"; "<hex>" with the name inside if it is not fit for an HTTP header or has a colon.
std::string mint_admin_key(const InstanceSecret& secret, std::string_view instance_name,
                           const AdminKeyClaims& claims);
// Accepts every form of §4.2. Error: 401 BadAdminKey "The provided admin key was invalid for this instance";
// the log says why: undecodable, wrong secret, or another name.
Result<AdminKeyClaims> check_admin_key(const InstanceSecret& secret, std::string_view instance_name,
                                       std::string_view key);

}  // namespace hull
