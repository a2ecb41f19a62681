// Command line of the executable (operations.md §2, §11).
#include <algorithm>
#include <array>
#include <string_view>

#include "cli/serve_flags.h"

namespace {

// Whether the command line is ours: a question about the program, or a word, known or mistyped. All others
// are that of the reference server: options, and the path of a database.
bool has_subcommand(int argc, char** argv) {
  constexpr std::array<std::string_view, 3> kOurs{"--help", "-h", "--version"};
  if (argc < 2 || std::find(kOurs.begin(), kOurs.end(), argv[1]) != kOurs.end()) return true;
  const std::string_view first = argv[1];
  return !first.starts_with('-') && first.find_first_of("./") == std::string_view::npos;
}

}  // namespace

int main(int argc, char** argv) {
  if (!has_subcommand(argc, argv)) return hull::serve_like_the_reference(argc, argv);
  CLI::App app{"Hull: a self-hosted backend for Convex apps"};
  app.set_version_flag("--version", std::string("hull ") + HULL_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Without a subcommand it takes the options of convex-local-backend; see `hull --port 3210 --help`.");

  hull::ServeOptions serve;
  CLI::App* serve_command = app.add_subcommand("serve", "Run the server");
  hull::ServeFlags serve_flags(*serve_command, serve);
  serve_command->add_option("--data-dir", serve.data_dir, "Directory of the data; created on first start")
      ->envname("HULL_DATA_DIR")
      ->required();
  bool check = false;
  serve_command->add_flag("--check-config", check, "Check the settings, report and exit");

  hull::ServeOptions dev;
  dev.interface = "127.0.0.1";
  CLI::App* dev_command = app.add_subcommand(
      "dev", "Run a server for the project in this directory, which `npx convex` then uses");
  hull::ServeFlags dev_flags(*dev_command, dev);

  hull::InstallLocalOptions install;
  install.version = "precompiled-2026-08-01-hull";
  CLI::App* install_command =
      app.add_subcommand("install-local", "Let `npx convex dev` start this program as its local backend");
  install_command->add_option("--as", install.version, "The version to install as")->capture_default_str();
  install_command->add_option("--project", install.project,
                              "A project to prepare, so that not even its first start needs the network");

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

  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  auto is_named = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' && std::none_of(commands.begin(), commands.end(), is_named)) {
    std::cerr << "There is no command '" << argv[1] << "'.\nRun with --help for more information.\n";
    return 2;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    if (*serve_command) {
      if (auto code = serve_flags.finish()) return *code;
      return check ? hull::check_config(serve) : hull::serve(serve);
    }
    if (*dev_command) {
      if (auto code = dev_flags.finish()) return *code;
      return hull::serve_project(dev);
    }
    if (*install_command) return hull::install_local(install);
    if (*key_command) return hull::print_admin_key(key);
    return hull::print_key_for(keygen_name, keygen_secret, keygen_read_only);
  } catch (const std::exception& e) {
    return hull::fail(e.what());
  }
}
