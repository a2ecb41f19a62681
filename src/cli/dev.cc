// `hull dev`: a server for the project in the working directory (operations.md §11).
#include <cstdio>

#include "cli/commands.h"
#include "cli/project_files.h"

namespace hull {
namespace {

constexpr const char* kEnvFile = ".env.local";
constexpr const char* kStateDir = ".convex/hull";

Result<void> point_cli_here(const RunningServer& server) {
  HULL_TRY(auto text, read_text(kEnvFile));
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port);
  HULL_CHECK_OK(
      write_file(kEnvFile, with_variables(text, {{"CONVEX_SELF_HOSTED_URL", url},
                                                 {"CONVEX_SELF_HOSTED_ADMIN_KEY", server.admin_key}})));
  std::fprintf(stderr, "hull: %s names %s; run `npx convex dev` in another terminal\n", kEnvFile,
               url.c_str());
  return {};
}

}  // namespace

int serve_project(ServeOptions options) {
  auto text = read_text(kEnvFile);
  if (!text.ok()) return fail(text.error().message);
  if (sets_variable(*text, "CONVEX_DEPLOYMENT"))
    return fail(std::string(kEnvFile) +
                " sets CONVEX_DEPLOYMENT, beside which the CLI refuses another backend. Remove that line "
                "first.");
  if (auto ignored = ignore_state("."); !ignored.ok()) return fail(ignored.error().message);
  options.data_dir = kStateDir;
  options.log_file = std::string(kStateDir) + "/hull.log";
  options.on_ready = point_cli_here;
  return serve(options);
}

}  // namespace hull
