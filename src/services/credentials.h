// Who this deployment is: its name and its secret (operations.md §4). Resolution: an explicit value, the
// environment (INSTANCE_NAME, INSTANCE_SECRET), the file below <data-dir>/credentials, the default (a new
// random secret). The server that holds the data directory writes the result back, mode 0600, atomically, so
// that a value given once sticks. Plain functions; call them once at start.
#pragma once

#include <optional>
#include <string>

#include "base/envelope.h"
#include "base/result.h"

namespace hull {

enum class CredentialSource { kExplicit, kEnvironment, kFile, kGenerated };
std::string_view credential_source_name(CredentialSource source);

struct Credentials {
  std::string instance_name;
  InstanceSecret secret;
  CredentialSource name_source, secret_source;
};

struct CredentialOptions {
  std::string data_dir;
  std::optional<std::string> instance_name;    // command line
  std::optional<std::string> instance_secret;  // command line, hex
  // False: a missing secret is an error (`hull admin-key`); else one is made up.
  bool create = true;
};
// Reads only.
Result<Credentials> resolve_credentials(const CredentialOptions& options);
// Only for who holds the data directory: another server may be using what is in the files.
Result<void> store_credentials(const std::string& data_dir, const Credentials& credentials);

// One log line: name, where the secret came from, its fingerprint. `database_has_data` with a generated
// secret warns that the old secret was lost and how to bring it back.
void log_credentials(const Credentials& credentials, const std::string& data_dir, bool database_has_data);

}  // namespace hull
