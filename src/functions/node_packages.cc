#include "functions/node_packages.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "value/json.h"

namespace hull {

namespace {

namespace fs = std::filesystem;

constexpr double kInstallTimeoutS = 600;
constexpr uintmax_t kMaxUnpacked = 230'000'000;
constexpr size_t kMaxKept = 8;
constexpr std::string_view kUnfinished = ".installing-";

Error invalid(const std::string& what) {
  return Error::bad_request("InvalidExternalModules",
                            "Loading the pushed modules encountered the following error:\n" + what);
}

std::string package_json(const NodeSettings& settings) {
  std::string out = "{\"private\":true,\"dependencies\":{";
  for (const NodeDependency& each : settings.dependencies) {
    if (out.back() != '{') out += ',';
    out += json_string(each.name) + ":" + json_string(each.version);
  }
  return out + "}}";
}

uintmax_t size_of(const fs::path& directory) {
  uintmax_t total = 0;
  std::error_code ignored;
  for (auto it = fs::recursive_directory_iterator(directory, ignored);
       it != fs::recursive_directory_iterator(); it.increment(ignored)) {
    if (it->is_regular_file(ignored) && !it->is_symlink(ignored)) total += it->file_size(ignored);
  }
  return total;
}

// What npm needs of the server's environment: its configuration, proxies and certificates. Not the rest,
// since install scripts of packages see it too.
std::vector<std::string> npm_environment(const NodeExecutable& node) {
  std::vector<std::string> variables = inherited_environment(
      {"HOME", "LANG", "TMPDIR", "npm_config_registry", "npm_config_cache", "npm_config_userconfig",
       "NPM_CONFIG_REGISTRY", "NPM_CONFIG_CACHE", "NPM_CONFIG_USERCONFIG", "HTTP_PROXY", "HTTPS_PROXY",
       "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE",
       "SSL_CERT_DIR"});
  // npm and the install scripts run on the Node.js that will load the packages.
  const char* path = std::getenv("PATH");
  variables.push_back("PATH=" + node.directory() + ":" + (path ? path : "/usr/local/bin:/usr/bin:/bin"));
  return variables;
}

}  // namespace

NodePackages::NodePackages(ForkThread* forks, std::string directory)
    : forks_(forks), directory_(std::move(directory)) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    if (entry.path().filename().string().find(kUnfinished) != std::string::npos)
      fs::remove_all(entry.path(), ignored);
  }
}

Result<std::string> NodePackages::ensure(const NodeSettings& settings, const NodeExecutable& node) {
  if (settings.dependencies.empty()) return std::string();
  std::string target = directory_ + "/" + settings.dependencies_key() + "-node" + std::to_string(node.major);
  std::error_code ignored;
  if (!fs::exists(target, ignored)) {
    std::lock_guard lock(installing_);
    if (!fs::exists(target, ignored)) HULL_CHECK_OK(install(settings, node, target));
    forget_oldest();
  }
  fs::last_write_time(target, fs::file_time_type::clock::now(), ignored);
  return target + "/node_modules";
}

Result<void> NodePackages::install(const NodeSettings& settings, const NodeExecutable& node,
                                   const std::string& target) {
  const std::string npm = find_on_path("npm");
  if (npm.empty()) {
    return invalid(
        "npm is not installed on the server: external packages cannot be installed. Install npm, or remove "
        "`node.externalPackages` from convex.json so that the packages are bundled.");
  }
  std::string place = target + std::string(kUnfinished) + random_hex(8);
  std::error_code error;
  fs::create_directories(place, error);
  if (error) return Error::internal("cannot create " + place + ": " + error.message());
  auto abandon = [&place](Error failure) -> Result<void> {
    std::error_code ignored;
    fs::remove_all(place, ignored);
    return failure;
  };
  std::ofstream(place + "/package.json") << package_json(settings);
  ChildSpec spec;
  spec.program = npm;
  spec.arguments = {"install",   "--omit=dev",           "--no-audit",
                    "--no-fund", "--no-update-notifier", "--no-progress"};
  spec.environment = npm_environment(node);
  spec.directory = place;
  spdlog::info("installing external packages of Node.js actions count={}", settings.dependencies.size());
  auto outcome = run_command(*forks_, std::move(spec), kInstallTimeoutS);
  if (!outcome.ok()) return abandon(outcome.error());
  if (outcome->timed_out) return abandon(invalid("npm install took longer than 600 seconds"));
  if (!outcome->succeeded) return abandon(invalid(outcome->output));
  uintmax_t size = size_of(place);
  if (size >= kMaxUnpacked) {
    return abandon(Error::bad_request("ModulesTooLarge",
                                      "Total module size exceeded the unzipped maximum (" +
                                          display_bytes(static_cast<size_t>(size)) + " > maximum size " +
                                          display_bytes(static_cast<size_t>(kMaxUnpacked)) + ")"));
  }
  fs::create_directories(place + "/node_modules", error);  // of packages for other platforms only
  fs::rename(place, target, error);
  if (error) return abandon(Error::internal("cannot keep " + target + ": " + error.message()));
  return {};
}

// Lists that no process was started with for the longest time.
void NodePackages::forget_oldest() {
  std::vector<std::pair<fs::file_time_type, fs::path>> kept;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_, ignored))
    kept.emplace_back(entry.last_write_time(ignored), entry.path());
  std::sort(kept.rbegin(), kept.rend());
  for (size_t i = kMaxKept; i < kept.size(); ++i) fs::remove_all(kept[i].second, ignored);
}

}  // namespace hull
