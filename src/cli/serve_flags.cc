#include "cli/serve_flags.h"

#include <cstdlib>

namespace hull {
namespace {

std::string check_origin(const std::string& what, const std::string& value) {
  if (value.empty() || value.starts_with("http://") || value.starts_with("https://")) return "";
  return what + " url should start with https:// or http:// but got '" + value + "'";
}

// A flag, else a non-empty variable.
std::optional<std::string> choose(const CLI::Option* flag, const std::string& value, const char* variable) {
  if (flag->count() > 0) return value;
  if (has_variable(variable)) return std::getenv(variable);
  return std::nullopt;
}

int usage_error(const std::string& cause) {
  std::cerr << cause << "\n";
  return 2;
}

}  // namespace

bool has_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0;
}

ServeFlags::ServeFlags(CLI::App& command, ServeOptions& options) : options_(options) {
  command.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  command.add_option("-i,--interface", options.interface, "IP address to listen on")->capture_default_str();
  command.add_option("-p,--port", options.port, "Port of the API")->capture_default_str();
  command.add_option("--site-port,--site-proxy-port", options.site_port, "Port of HTTP actions")
      ->capture_default_str();
  name_flag_ = command.add_option("--instance-name", name_, "Name of the deployment [INSTANCE_NAME]");
  secret_flag_ = command.add_option("--instance-secret", secret_,
                                    "Secret, 64 hex digits [INSTANCE_SECRET]; made on first start");
  cloud_flag_ =
      command.add_option("--convex-origin", cloud_origin_, "Public URL of the API [CONVEX_CLOUD_ORIGIN]");
  site_flag_ =
      command.add_option("--convex-site", site_origin_, "Public URL of HTTP actions [CONVEX_SITE_ORIGIN]");
  command.add_option("--local-storage", options.storage_dir,
                     "Directory of files and code; storage in the data directory unless given");
  command.add_flag("--redact-logs-to-client", options.redact_logs,
                   "Hide log lines and error details from clients [REDACT_LOGS_TO_CLIENT]");
  command
      .add_option(
          "--durability", durability_,
          "sync: a write is answered when it is on the disk. relaxed: the disk follows within about a "
          "second; a power cut may lose the last moments, a crash of the server nothing")
      ->envname("HULL_DURABILITY")
      ->check(CLI::IsMember({"sync", "relaxed"}))
      ->capture_default_str();
  command.add_option("--local-log-sink", options.local_log_sink,
                     "File that every log line and function execution is appended to, as JSON lines");
  // What scripts and the CLI pass to the reference server; it has no meaning here.
  for (const char* name : {"--beacon-tag", "--beacon-fields", "--sentry-identifier", "--control-plane-url",
                           "--control-plane-access-token", "--convex-http-proxy"})
    command.add_option(name, ignored_text_, "Accepted and ignored")->group("");
  command.add_flag("--disable-beacon", ignored_flag_, "Accepted: there is no beacon")->group("");
  command.add_flag("--do-not-require-ssl", ignored_flag_, "Accepted and ignored")->group("");
}

std::optional<int> ServeFlags::finish() {
  if (name_flag_->count() > 0 && !name_.empty()) options_.instance_name = name_;
  if (secret_flag_->count() > 0 && !secret_.empty()) options_.instance_secret = secret_;
  options_.cloud_origin = choose(cloud_flag_, cloud_origin_, "CONVEX_CLOUD_ORIGIN");
  options_.site_origin = choose(site_flag_, site_origin_, "CONVEX_SITE_ORIGIN");
  options_.redact_logs = options_.redact_logs || has_variable("REDACT_LOGS_TO_CLIENT");
  options_.relaxed_durability = durability_ == "relaxed";
  if (name_flag_->count() > 0 && secret_flag_->count() == 0 && !has_variable("INSTANCE_SECRET"))
    return usage_error("--instance-name must be given together with --instance-secret");
  if (secret_flag_->count() > 0 && name_flag_->count() == 0 && !has_variable("INSTANCE_NAME"))
    return usage_error("--instance-secret must be given together with --instance-name");
  if (options_.port == options_.site_port && options_.port != 0)
    return usage_error("--port and --site-port must be two different ports");
  if (options_.cloud_origin.has_value() != options_.site_origin.has_value())
    return usage_error("--convex-origin and --convex-site must be given together");
  for (const auto& [what, value] :
       {std::pair("Origin", options_.cloud_origin), std::pair("Site", options_.site_origin)}) {
    if (std::string problem = check_origin(what, value.value_or("")); !problem.empty()) return fail(problem);
  }
  return std::nullopt;
}

}  // namespace hull
