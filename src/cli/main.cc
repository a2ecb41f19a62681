// Command line of the executable (operations.md §2): flags win over environment variables, an empty variable
// counts as unset.
#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace {

// Flags that scripts and the CLI pass to the reference server; they have no meaning here.
struct IgnoredFlags {
  std::string text;
  bool flag = false;

  void add(CLI::App& command) {
    for (const char* name : {"--beacon-tag", "--beacon-fields", "--sentry-identifier", "--control-plane-url",
                             "--control-plane-access-token", "--convex-http-proxy"}) {
      command.add_option(name, text, "Accepted and ignored")->group("");
    }
    command.add_flag("--disable-beacon", flag, "Accepted: there is no beacon")->group("");
    command.add_flag("--do-not-require-ssl", flag, "Accepted and ignored")->group("");
  }
};

std::string check_origin(const std::string& what, const std::string& value) {
  if (value.empty() || value.starts_with("http://") || value.starts_with("https://")) return "";
  return what + " url should start with https:// or http:// but got '" + value + "'";
}

bool set_and_not_empty(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0;
}

// A flag, else a non-empty variable.
std::optional<std::string> choose(const CLI::Option* flag, const std::string& value, const char* variable) {
  if (flag->count() > 0) return value;
  if (set_and_not_empty(variable)) return std::getenv(variable);
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Hull: a self-hosted backend for Convex apps"};
  app.set_version_flag("--version", std::string("hull ") + HULL_VERSION);
  app.require_subcommand(1);

  hull::ServeOptions serve;
  std::string name, secret, cloud_origin, site_origin;
  IgnoredFlags ignored;
  CLI::App* serve_command = app.add_subcommand("serve", "Run the server");
  serve_command->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  serve_command->add_option("--data-dir", serve.data_dir, "Directory of the data; created on first start")
      ->envname("HULL_DATA_DIR")
      ->required();
  serve_command->add_option("-i,--interface", serve.interface, "IP address to listen on")
      ->capture_default_str();
  serve_command->add_option("-p,--port", serve.port, "Port of the API")->capture_default_str();
  serve_command->add_option("--site-port,--site-proxy-port", serve.site_port, "Port of HTTP actions")
      ->capture_default_str();
  CLI::Option* name_flag =
      serve_command->add_option("--instance-name", name, "Name of the deployment [INSTANCE_NAME]");
  CLI::Option* secret_flag = serve_command->add_option(
      "--instance-secret", secret, "Secret, 64 hex digits [INSTANCE_SECRET]; made on first start");
  CLI::Option* cloud_flag = serve_command->add_option("--convex-origin", cloud_origin,
                                                      "Public URL of the API [CONVEX_CLOUD_ORIGIN]");
  CLI::Option* site_flag = serve_command->add_option("--convex-site", site_origin,
                                                     "Public URL of HTTP actions [CONVEX_SITE_ORIGIN]");
  serve_command->add_flag("--redact-logs-to-client", serve.redact_logs,
                          "Hide log lines and error details from clients [REDACT_LOGS_TO_CLIENT]");
  std::string durability = "sync";
  serve_command
      ->add_option(
          "--durability", durability,
          "sync: a write is answered when it is on the disk. relaxed: the disk follows within about a "
          "second; a power cut may lose the last moments, a crash of the server nothing")
      ->envname("HULL_DURABILITY")
      ->check(CLI::IsMember({"sync", "relaxed"}))
      ->capture_default_str();
  bool check = false;
  serve_command->add_flag("--check-config", check, "Check the settings, report and exit");
  serve_command->add_option("--local-log-sink", serve.local_log_sink,
                            "File that every log line and function execution is appended to, as JSON lines");
  ignored.add(*serve_command);

  hull::AdminKeyOptions key;
  CLI::App* key_command = app.add_subcommand("admin-key", "Print an admin key for a data directory");
  key_command->add_option("--data-dir", key.data_dir, "Directory of the data")
      ->envname("HULL_DATA_DIR")
      ->required();
  key_command->add_flag("--read-only", key.read_only, "A key that cannot change anything");

  std::string keygen_name, keygen_secret;
  bool keygen_read_only = false;
  CLI::App* keygen_command = app.add_subcommand("keygen", "Make keys without a data directory");
  keygen_command->require_subcommand(1);
  CLI::App* keygen_admin = keygen_command->add_subcommand("admin-key", "Print an admin key");
  keygen_admin->add_option("--instance-name", keygen_name, "Name of the deployment")->required();
  keygen_admin->add_option("--instance-secret", keygen_secret, "Secret, 64 hex digits")->required();
  keygen_admin->add_flag("--read-only", keygen_read_only, "A key that cannot change anything");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    if (*serve_command) {
      if (name_flag->count() > 0 && !name.empty()) serve.instance_name = name;
      if (secret_flag->count() > 0 && !secret.empty()) serve.instance_secret = secret;
      serve.cloud_origin = choose(cloud_flag, cloud_origin, "CONVEX_CLOUD_ORIGIN");
      serve.site_origin = choose(site_flag, site_origin, "CONVEX_SITE_ORIGIN");
      serve.redact_logs = serve.redact_logs || set_and_not_empty("REDACT_LOGS_TO_CLIENT");
      serve.relaxed_durability = durability == "relaxed";
      if (name_flag->count() > 0 && secret_flag->count() == 0 && !set_and_not_empty("INSTANCE_SECRET")) {
        std::cerr << "--instance-name must be given together with --instance-secret\n";
        return 2;
      }
      if (secret_flag->count() > 0 && name_flag->count() == 0 && !set_and_not_empty("INSTANCE_NAME")) {
        std::cerr << "--instance-secret must be given together with --instance-name\n";
        return 2;
      }
      if (serve.cloud_origin.has_value() != serve.site_origin.has_value()) {
        std::cerr << "--convex-origin and --convex-site must be given together\n";
        return 2;
      }
      for (const auto& [what, value] :
           {std::pair("Origin", serve.cloud_origin), std::pair("Site", serve.site_origin)}) {
        if (std::string problem = check_origin(what, value.value_or("")); !problem.empty())
          return hull::fail(problem);
      }
      return check ? hull::check_config(serve) : hull::serve(serve);
    }
    if (*key_command) return hull::print_admin_key(key);
    return hull::print_key_for(keygen_name, keygen_secret, keygen_read_only);
  } catch (const std::exception& e) {
    return hull::fail(e.what());
  }
}
