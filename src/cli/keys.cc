#include <cstdio>
#include <iostream>

#include "base/time.h"
#include "cli/commands.h"
#include "services/admin_keys.h"
#include "services/credentials.h"

namespace hull {
namespace {

int print_key(const InstanceSecret& secret, const std::string& name, bool read_only) {
  AdminKeyClaims claims;
  claims.read_only = read_only;
  claims.issued_s = static_cast<uint64_t>(unix_nanos() / 1'000'000'000);
  std::cout << mint_admin_key(secret, name, claims) << std::endl;
  return std::cout.good() ? 0 : fail("cannot write to stdout");
}

}  // namespace

int fail(const std::string& cause) {
  std::cout.flush();
  std::fprintf(stderr, "hull: %s\n", cause.c_str());
  return 1;
}

int print_admin_key(const AdminKeyOptions& options) {
  CredentialOptions where;
  where.data_dir = options.data_dir;
  where.create = false;
  auto credentials = resolve_credentials(where);
  if (!credentials.ok()) return fail(credentials.error().message);
  return print_key(credentials->secret, credentials->instance_name, options.read_only);
}

int print_key_for(const std::string& instance_name, const std::string& instance_secret, bool read_only) {
  auto secret = InstanceSecret::from_hex(instance_secret);
  if (!secret.ok()) return fail(secret.error().message);
  return print_key(*secret, instance_name, read_only);
}

}  // namespace hull
