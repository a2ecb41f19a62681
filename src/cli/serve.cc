// `hull serve`: puts the rooms together, in the order of operations.md §7, and takes them apart again.
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/log.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/file_limit.h"
#include "cli/signals.h"
#include "cli/start_checks.h"
#include "database/maintenance.h"
#include "deploy/deploy.h"
#include "functions/file_store.h"
#include "server/server.h"
#include "services/admin_keys.h"
#include "services/credentials.h"
#include "services/cron_runner.h"
#include "services/file_sweeper.h"
#include "services/job_runner.h"
#include "services/log_streams.h"
#include "services/scheduler.h"
#include "services/system_files.h"
#include "services/system_functions.h"
#include "services/usage_meter.h"
#include "storage/sqlite/sqlite_store.h"

namespace hull {
namespace {

bool truthy(const char* value) {
  if (value == nullptr) return false;
  std::string text = value;
  return text == "1" || text == "true" || text == "yes" || text == "on" || text == "TRUE" || text == "True";
}

double seconds_from_environment(const char* name, double fallback) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == 0) return fallback;
  char* end = nullptr;
  double value = std::strtod(text, &end);
  if (*end == 0 && value >= 0) return value;
  spdlog::warn("Invalid value for {} in environment, keeping {}", name, fallback);
  return fallback;
}

std::string release_version() {
  const char* dev = std::getenv("CONVEX_RELEASE_VERSION_DEV");
  if (dev != nullptr && *dev != 0) return dev;
  return HULL_VERSION;
}

// Everything behind the network, in order of construction; destroyed in reverse.
struct Backend {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<FileStore> files;
  std::unique_ptr<Server> server;  // outlives the runner, which may still deliver results to it
  std::unique_ptr<FunctionRunner> runner;
  std::unique_ptr<Maintenance> maintenance;
  std::unique_ptr<JobRunner> jobs;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<CronRunner> crons;
  std::unique_ptr<Authenticator> auth;
  std::unique_ptr<LogStreams> log_streams;
  std::unique_ptr<UsageMeter> usage;
  std::unique_ptr<FileSweeper> file_sweeper;
  std::unique_ptr<Deploy> deploy;
};

Result<void> start(const ServeOptions& options, const Knobs& knobs, const Credentials& credentials,
                   Backend& backend) {
  ServerOptions network;
  network.address = options.interface;
  network.port = options.port;
  network.site_port = options.site_port;
  network.knobs = &knobs;
  network.version = release_version();
  network.redact_logs = options.redact_logs;
  network.metrics_endpoint = !truthy(std::getenv("DISABLE_METRICS_ENDPOINT"));
  network.not_found_is_404 = truthy(std::getenv("UDF_404_ON_BAD_PATH"));
  network.limits = NetworkLimits::from_environment();
  network.drain_timeout_s = seconds_from_environment("BACKEND_REQUEST_DRAIN_TIMEOUT", 15);
  HULL_TRY(backend.server, Server::open(std::move(network)));
  uint16_t port = backend.server->port(), site_port = backend.server->site_port();
  std::string cloud_origin = options.cloud_origin.value_or("http://127.0.0.1:" + std::to_string(port));
  std::string site_origin = options.site_origin.value_or("http://127.0.0.1:" + std::to_string(site_port));

  SqliteOptions sqlite;
  sqlite.path = options.data_dir + "/hull.sqlite3";
  sqlite.page_cache_bytes = knobs.page_cache_bytes;
  if (options.relaxed_durability) {
    sqlite.durability = Durability::kRelaxed;
    spdlog::warn("Durability is relaxed: a power cut may lose the last moments of acknowledged writes");
  }
  spdlog::info("Opening the database {}", sqlite.path);
  HULL_TRY(auto store, open_sqlite_store(sqlite));
  HULL_CHECK_OK(store_credentials(options.data_dir, credentials));
  HULL_TRY(Timestamp newest, store->max_timestamp());
  log_credentials(credentials, options.data_dir, newest.ns > 0);
  HULL_TRY(backend.engine, Engine::open(std::move(store), knobs));
  const std::string storage =
      options.storage_dir.empty() ? options.data_dir + "/storage" : options.storage_dir;
  HULL_TRY(backend.blobs, open_local_blob_store(storage, knobs.disk_reserve_bytes));
  spdlog::info("Files are kept in {}", storage);

  FileStoreOptions files;
  files.engine = backend.engine.get();
  files.blobs = backend.blobs.get();
  files.knobs = &knobs;
  files.secret = &credentials.secret;
  files.instance_name = credentials.instance_name;
  files.cloud_origin = cloud_origin;
  backend.files = std::make_unique<FileStore>(std::move(files));

  RunnerOptions functions;
  functions.engine = backend.engine.get();
  functions.blobs = backend.blobs.get();
  functions.files = backend.files.get();
  functions.knobs = &knobs;
  functions.secret = &credentials.secret;
  functions.instance_name = credentials.instance_name;
  functions.lib_dir = library_directory();
  functions.scratch_dir = options.data_dir + "/scratch";
  functions.node_packages_dir = options.data_dir + "/node_packages";
  if (const char* node = std::getenv("HULL_NODE_EXECUTABLE")) functions.node_executable = node;
  functions.cloud_origin = cloud_origin;
  functions.site_origin = site_origin;
  functions.redact_logs = options.redact_logs;
  functions.log_to_stdout = truthy(std::getenv("FUNCTION_LOGS_TO_STDOUT"));
  HULL_CHECK_OK(check_library(functions.lib_dir));
  spdlog::info("Starting function workers from {}", functions.lib_dir);
  HULL_TRY(backend.runner, FunctionRunner::start(std::move(functions)));
  register_system_functions(*backend.runner);
  register_file_functions(*backend.runner, *backend.files);
  backend.maintenance = Maintenance::start(*backend.engine, knobs);
  TokenVerifier::Options tokens;
  tokens.providers = [engine = backend.engine.get()] {
    return stored_auth_providers(*engine->snapshot()->catalog());
  };
  tokens.redact = options.redact_logs;
  tokens.now_unix_ns = unix_nanos;
  tokens.now_monotonic_ns = monotonic_nanos;
  backend.auth = std::make_unique<Authenticator>(&credentials.secret, credentials.instance_name,
                                                 std::make_unique<TokenVerifier>(std::move(tokens)));

  DeployOptions deploy;
  deploy.runner = backend.runner.get();
  deploy.blobs = backend.blobs.get();
  deploy.maintenance = backend.maintenance.get();
  deploy.auth = backend.auth.get();
  deploy.knobs = &knobs;
  deploy.instance_name = credentials.instance_name;
  backend.deploy = Deploy::create(std::move(deploy));

  backend.log_streams = std::make_unique<LogStreams>(
      LogStreamOptions{backend.runner.get(), &knobs, credentials.instance_name, options.local_log_sink});
  backend.usage = std::make_unique<UsageMeter>(
      UsageOptions{backend.runner.get(), &knobs, options.data_dir + "/usage.json"});

  FileSweeperOptions sweeper;
  sweeper.engine = backend.engine.get();
  sweeper.blobs = backend.blobs.get();
  sweeper.age_s = seconds_from_environment("HULL_FILE_SWEEP_AGE_SECONDS", sweeper.age_s);
  sweeper.snapshot_life_s = knobs.write_log_max_retention_s;
  backend.file_sweeper = std::make_unique<FileSweeper>(sweeper);

  ServerBackend attached;
  attached.runner = backend.runner.get();
  attached.deploy = backend.deploy.get();
  attached.auth = backend.auth.get();
  attached.files = backend.files.get();
  attached.log_streams = backend.log_streams.get();
  attached.usage = backend.usage.get();
  attached.start_jobs = [&]() -> ServerBackend::Jobs {
    backend.jobs = job_runner(*backend.runner);
    backend.scheduler = Scheduler::start({backend.engine.get(), &knobs, backend.jobs.get(),
                                          std::max<size_t>(1, std::thread::hardware_concurrency())});
    backend.crons = CronRunner::start(
        {backend.engine.get(), &knobs, backend.jobs.get(),
         [log = &backend.runner->log()](FunctionLogEntry entry) { log->append(std::move(entry)); }});
    return {backend.scheduler.get(), backend.crons.get()};
  };
  attached.instance_name = credentials.instance_name;
  attached.cloud_origin = cloud_origin;
  attached.site_origin = site_origin;
  backend.server->attach(std::move(attached));
  spdlog::info("backend listening on {}:{}", options.interface, port);
  return {};
}

// Quietest first: no more jobs and requests, then no more calls, then no more commits.
void stop(Backend& backend) {
  if (backend.server) backend.server->stop();
  backend.file_sweeper.reset();
  backend.usage.reset();
  backend.log_streams.reset();
  backend.deploy.reset();
  backend.maintenance.reset();
  backend.crons.reset();
  backend.scheduler.reset();
  if (backend.auth) backend.auth->stop();
  backend.runner.reset();
  backend.jobs.reset();
  // Its threads answer on connections, which go with the server; what is left of transfers refers to it.
  if (backend.files) backend.files->stop();
  backend.server.reset();
  backend.auth.reset();
  backend.files.reset();
  backend.blobs.reset();
  backend.engine.reset();
}

CredentialOptions credential_options(const ServeOptions& options, bool create) {
  CredentialOptions where;
  where.data_dir = options.data_dir;
  where.instance_name = options.instance_name;
  where.instance_secret = options.instance_secret;
  where.create = create;
  return where;
}

// The cause is the last line of the log as well as of stderr.
int give_up(const Error& error) {
  spdlog::error("Cannot start: {}", error.message);
  spdlog::shutdown();
  return fail(error.message);
}

}  // namespace

int check_config(const ServeOptions& options) {
  init_logging();
  Knobs::from_environment();
  NetworkLimits::from_environment();
  warn_about_ignored_settings();
  bool sound = true;
  auto report = [&sound](const char* what, const Result<void>& checked) {
    sound = sound && checked.ok();
    std::printf("%-16s %s\n", what, checked.ok() ? "ok" : checked.error().message.c_str());
  };
  auto checked = check_data_dir(options.data_dir);
  report("data directory", checked);
  if (checked.ok()) {
    auto credentials = resolve_credentials(credential_options(options, false));
    const bool first_start = !credentials.ok() && credentials.error().code == "MissingInstanceSecret";
    report("credentials", credentials.ok() || first_start ? Result<void>() : credentials.error());
  }
  report("library", check_library(library_directory()));
  ServerOptions network;
  const Knobs knobs;
  network.knobs = &knobs;
  network.address = options.interface;
  network.port = options.port;
  network.site_port = options.site_port;
  auto server = Server::open(std::move(network));
  report("ports", server.ok() ? Result<void>() : server.error());
  std::fflush(stdout);
  return sound ? 0 : 1;
}

int serve(const ServeOptions& options) {
  int64_t begin_ns = monotonic_nanos();
  init_logging(options.log_file);
  install_stop_signals();
  spdlog::info("Hull {}", HULL_VERSION);
  raise_file_limit();
  Knobs knobs = Knobs::from_environment();
  warn_about_ignored_settings();
  spdlog::info("Actions may take {} s, in Node.js {} s; requests {} s", knobs.action_user_timeout_s,
               knobs.node_action_user_timeout_s, knobs.http_timeout_s);

  if (auto checked = check_foreign_database(options); !checked.ok()) return give_up(checked.error());
  if (auto checked = check_data_dir(options.data_dir); !checked.ok()) return give_up(checked.error());
  auto credentials = resolve_credentials(credential_options(options, true));
  if (!credentials.ok()) return give_up(credentials.error());

  Backend backend;
  auto started = start(options, knobs, *credentials, backend);
  if (started.ok() && options.on_ready) {
    AdminKeyClaims claims;
    claims.issued_s = static_cast<uint64_t>(unix_nanos() / 1'000'000'000);
    started = options.on_ready({backend.server->port(), backend.server->site_port(),
                                mint_admin_key(credentials->secret, credentials->instance_name, claims)});
  }
  if (!started.ok()) {
    stop(backend);
    return give_up(started.error());
  }
  spdlog::info("Ready in {} ms: API http://{}:{}, HTTP actions http://{}:{}",
               (monotonic_nanos() - begin_ns) / 1'000'000, options.interface, backend.server->port(),
               options.interface, backend.server->site_port());

  int number = wait_for_stop_signal();
  spdlog::info("Stopping after signal {}; a second one ends the process at once", number);
  stop(backend);
  spdlog::info("Stopped");
  spdlog::shutdown();
  return 0;
}

}  // namespace hull
