#include "functions/node_runtime.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace hull {

namespace {

constexpr double kVersionTimeoutS = 10;

Error not_configured() {
  return Error::bad_request(
      "DeploymentNotConfiguredForNodeActions",
      "Deployment is not configured to deploy \"use node\" actions. Node.js v20, 22, or 24 is not installed. "
      "Install a supported Node.js version with nvm (https://github.com/nvm-sh/nvm) to deploy Node.js "
      "actions.");
}

// 20, 22 or 24 from "v24.1.0\n", else 0.
int supported_major(const std::string& output) {
  for (int major : {20, 22, 24}) {
    if (output.starts_with("v" + std::to_string(major) + ".")) return major;
  }
  return 0;
}

// The newest of each supported major version that nvm has installed.
std::vector<std::string> nvm_executables() {
  std::vector<std::string> found;
  const char* home = std::getenv("HOME");
  if (!home) return found;
  std::error_code ignored;
  std::vector<std::pair<std::vector<int>, std::string>> versions;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(home) + "/.nvm/versions/node", ignored)) {
    std::string name = entry.path().filename().string();
    int major = 0, minor = 0, patch = 0;
    if (std::sscanf(name.c_str(), "v%d.%d.%d", &major, &minor, &patch) == 3)
      versions.push_back({{major, minor, patch}, (entry.path() / "bin/node").string()});
  }
  std::sort(versions.rbegin(), versions.rend());
  for (auto& [version, path] : versions) found.push_back(std::move(path));
  return found;
}

}  // namespace

int NodeRuntime::major_of(const std::string& path) {
  struct stat info {};
  if (path.empty() || stat(path.c_str(), &info) != 0) return 0;
  std::string key = path + "@" + std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_size);
  {
    std::lock_guard lock(mutex_);
    if (auto known = majors_.find(key); known != majors_.end()) return known->second;
  }
  ChildSpec spec;
  spec.program = path;
  spec.arguments = {"--version"};
  spec.directory = "/";
  auto outcome = run_command(*forks_, std::move(spec), kVersionTimeoutS);
  int major = outcome.ok() && outcome->succeeded ? supported_major(outcome->output) : 0;
  std::lock_guard lock(mutex_);
  majors_[key] = major;
  return major;
}

Result<NodeExecutable> NodeRuntime::find(const std::string& version) {
  std::vector<std::string> candidates = {chosen_};
  if (chosen_.empty()) {
    candidates = {pinned_};
    for (std::string& path : nvm_executables()) candidates.push_back(std::move(path));
    candidates.push_back(find_on_path("node"));
  }
  NodeExecutable any;
  for (const std::string& path : candidates) {
    int major = major_of(path);
    if (major == 0) continue;
    if (version.empty() || version == std::to_string(major)) return NodeExecutable{path, major};
    if (any.path.empty()) any = {path, major};
  }
  if (any.path.empty()) return not_configured();
  return any;
}

}  // namespace hull
