// The commands of the executable (operations.md §2, §4, §7, §11). Each returns the process exit code: 0
// success, 1 a configuration or fatal error whose cause is the last line on stderr, 2 usage.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace hull {

// A server that answers requests.
struct RunningServer {
  uint16_t port = 0, site_port = 0;
  std::string admin_key;
};

struct ServeOptions {
  std::string data_dir;
  std::string storage_dir;  // "" = <data_dir>/storage
  std::string interface = "0.0.0.0";
  uint16_t port = 3210, site_port = 3211;
  std::optional<std::string> instance_name, instance_secret;
  std::optional<std::string> cloud_origin, site_origin;
  bool redact_logs = false;
  std::string local_log_sink;  // "" = none
  bool relaxed_durability = false;
  std::string log_file;  // where the log also goes; "" = stdout only
  // Where the reference server would have its database; whatever lies there is refused and left alone.
  std::string foreign_database;
  // Called once, when requests are answered; an error stops the server. Empty = not called.
  std::function<Result<void>(const RunningServer&)> on_ready;
};
int serve(const ServeOptions& options);
// Looks at everything that a start needs and reports it on stdout. The database is not opened.
int check_config(const ServeOptions& options);

// The command line of the reference server: `[OPTIONS] [DB_SPEC]`, without a subcommand.
int serve_like_the_reference(int argc, char** argv);

struct AdminKeyOptions {
  std::string data_dir;
  bool read_only = false;
};
// Prints the key of a data directory, and nothing else, on stdout.
int print_admin_key(const AdminKeyOptions& options);
// The same from a name and a secret, without any data directory.
int print_key_for(const std::string& instance_name, const std::string& instance_secret, bool read_only);

// Runs a server for the project in the working directory: state in .convex/hull, address and key in
// .env.local.
int serve_project(ServeOptions options);

// Makes this executable a version of the CLI's local backend.
struct InstallLocalOptions {
  std::string version;
  // A project that is prepared for that version, so that not even its first start asks the network; "" =
  // none.
  std::string project;
};
int install_local(const InstallLocalOptions& options);

// Writes the cause on stderr and returns 1.
int fail(const std::string& cause);

}  // namespace hull
