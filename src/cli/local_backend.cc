// The command line of the reference server, so that the CLI can start this one in its place (operations.md
// §2, §11). The CLI discards what its backend prints, so the log also goes to a file beside the database's
// path.
#include <filesystem>

#include "cli/serve_flags.h"

namespace hull {
namespace {

constexpr const char* kDefaultName = "carnitas";
constexpr const char* kMissingSecret =
    "--instance-secret is required. Generate one with `openssl rand -hex 32`";

// "x/convex_local_backend.sqlite3" -> "x/convex_local_backend" + suffix.
std::string beside(std::filesystem::path database, const std::string& suffix) {
  if (database.extension() == ".sqlite3") database.replace_extension();
  return database.string() + suffix;
}

}  // namespace

int serve_like_the_reference(int argc, char** argv) {
  CLI::App app{"Hull, with the command line of convex-local-backend. See also `hull --help`."};
  app.set_version_flag("--version", std::string("hull ") + HULL_VERSION);
  ServeOptions options;
  std::string database = "convex_local_backend.sqlite3", kind = "sqlite";
  bool s3 = false;
  ServeFlags flags(app, options);
  app.add_option("DB_SPEC", database,
                 "Path of the database; the data are kept in <path without .sqlite3>.hull beside it")
      ->capture_default_str();
  app.add_option("-d,--db", kind, "Kind of the database")->capture_default_str();
  app.add_flag("--s3-storage", s3, "Not supported")->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    if (auto code = flags.finish()) return *code;
    if (kind != "sqlite")
      return fail("--db " + kind + " is not supported: this server keeps its data in files. Use sqlite.");
    if (s3) return fail("--s3-storage is not supported: files are kept in --local-storage.");
    if (!options.instance_secret && !has_variable("INSTANCE_SECRET")) return fail(kMissingSecret);
    if (!options.instance_name && !has_variable("INSTANCE_NAME")) options.instance_name = kDefaultName;
    options.data_dir = beside(database, ".hull");
    options.log_file = beside(database, ".log");
    options.foreign_database = database;
    return serve(options);
  } catch (const std::exception& e) {
    return fail(e.what());
  }
}

}  // namespace hull
