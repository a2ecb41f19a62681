// The commands of the executable (operations.md §2, §4, §7). Each returns the process exit code: 0 success, 1
// a configuration or fatal error whose cause is the last line on stderr, 2 usage (decided by main).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hull {

struct ServeOptions {
  std::string data_dir;
  std::string interface = "0.0.0.0";
  uint16_t port = 3210, site_port = 3211;
  std::optional<std::string> instance_name, instance_secret;
  std::optional<std::string> cloud_origin, site_origin;
  bool redact_logs = false;
  std::string local_log_sink;  // "" = none
  bool relaxed_durability = false;
};
int serve(const ServeOptions& options);
// Looks at everything that a start needs and reports it on stdout. The database is not opened.
int check_config(const ServeOptions& options);

struct AdminKeyOptions {
  std::string data_dir;
  bool read_only = false;
};
// Prints the key of a data directory, and nothing else, on stdout.
int print_admin_key(const AdminKeyOptions& options);
// The same from a name and a secret, without any data directory.
int print_key_for(const std::string& instance_name, const std::string& instance_secret, bool read_only);

// Writes the cause on stderr and returns 1.
int fail(const std::string& cause);

}  // namespace hull
