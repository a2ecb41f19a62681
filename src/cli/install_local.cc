// `hull install-local`: the executable where the CLI keeps its local backends (operations.md §11).
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/envelope.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/project_files.h"
#include "services/admin_keys.h"
#include "value/json.h"

namespace hull {
namespace {

// precompiled-YYYY-MM-DD-<word>, as the CLI wants it.
bool is_version(std::string_view text) {
  constexpr std::string_view kShape = "precompiled-dddd-dd-dd-";
  if (text.size() <= kShape.size()) return false;
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  for (size_t i = 0; i < kShape.size(); ++i)
    if (i >= 12 && kShape[i] == 'd' ? !digit(text[i]) : text[i] != kShape[i]) return false;
  return std::all_of(text.begin() + kShape.size(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_.-").find(c) != std::string_view::npos;
  });
}

std::string home_directory() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0) return home;
  const passwd* user = getpwuid(getuid());
  return user != nullptr ? user->pw_dir : "";
}

// For sh: in single quotes.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Result<void> install(const std::string& cache, const std::string& version) {
  std::error_code error;
  const auto executable = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Error::internal("cannot find this executable: " + error.message());
  // Not a link: the CLI sets the mode of what it finds, and the executable may belong to somebody else.
  HULL_CHECK_OK(write_file(cache + "/binaries/" + version + "/convex-local-backend",
                           "#!/bin/sh\nexec " + quoted(executable.string()) + " \"$@\"\n", true));
  // There is no dashboard to install; this keeps the CLI from looking for one.
  return write_file(cache + "/dashboard/config.json", "{\"version\":" + json_string(version) + "}");
}

// What the CLI writes about a project when it starts its backend for the first time, which takes the network.
Result<void> prepare(const std::string& project, const std::string& version) {
  std::error_code error;
  const auto directory = std::filesystem::canonical(project, error);
  if (error) return Error::internal("cannot find the project " + project + ": " + error.message());
  const std::string config = directory.string() + "/.convex/local/default/config.json";
  if (std::filesystem::exists(config, error)) {
    std::fprintf(stderr, "hull: %s is there already and stays as it is\n", config.c_str());
    return {};
  }
  const std::string name = "anonymous-" + directory.filename().string();
  const InstanceSecret secret = InstanceSecret::generate();
  AdminKeyClaims claims;
  claims.issued_s = static_cast<uint64_t>(unix_nanos() / 1'000'000'000);
  HULL_CHECK_OK(ignore_state(directory.string()));
  return write_file(config,
                    "{\"ports\":{\"cloud\":3210,\"site\":3211},\"backendVersion\":" + json_string(version) +
                        ",\"adminKey\":" + json_string(mint_admin_key(secret, name, claims)) +
                        ",\"instanceSecret\":" + json_string(secret.hex()) +
                        ",\"deploymentName\":" + json_string(name) + "}");
}

}  // namespace

int install_local(const InstallLocalOptions& options) {
  if (!is_version(options.version))
    return fail("'" + options.version + "' is not a version such as precompiled-2026-08-01-hull");
  const std::string home = home_directory();
  if (home.empty()) return fail("there is no home directory; set HOME");
  if (auto done = install(home + "/.cache/convex", options.version); !done.ok())
    return fail(done.error().message);
  if (!options.project.empty())
    if (auto done = prepare(options.project, options.version); !done.ok()) return fail(done.error().message);
  std::printf("npx convex dev --local-backend-version %s\n", options.version.c_str());
  return 0;
}

}  // namespace hull
