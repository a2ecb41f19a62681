#include "cli/start_checks.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/log.h"

namespace hull {
namespace {

constexpr uintmax_t kLeastSpace = 16u << 20;

// Settings of operations.md §5 and §16 that this server knows and does not use.
constexpr std::array<const char*, 59> kIgnored = {"ANALYZE_CONCURRENCY",
                                                  "APPLICATION_FUNCTION_RUNNER_ACTION_SEMAPHORE_TIMEOUT",
                                                  "APPLICATION_FUNCTION_RUNNER_SEMAPHORE_TIMEOUT",
                                                  "APPLICATION_MAX_CONCURRENT_UPLOADS",
                                                  "AUTH_CACHE_TTL_SECONDS",
                                                  "AWS_REGION",
                                                  "CONVEX_METRICS_EVICTION_TTL_SECONDS",
                                                  "DATABASE_URL",
                                                  "DOCUMENT_RETENTION_DELAY",
                                                  "DOCUMENT_RETENTION_DELETE_CHUNK",
                                                  "DOCUMENT_RETENTION_RATE_LIMIT",
                                                  "FUNRUN_CODE_CACHE_SIZE",
                                                  "FUNRUN_INDEX_CACHE_SIZE",
                                                  "FUNRUN_ISOLATE_ACTIVE_THREADS",
                                                  "FUNRUN_MODULE_CACHE_SIZE",
                                                  "HTTP_SERVER_TCP_BACKLOG",
                                                  "INDEX_BACKFILL_CHUNK_RATE",
                                                  "INDEX_BACKFILL_CHUNK_SIZE",
                                                  "INDEX_BACKFILL_WORKERS",
                                                  "INDEX_CACHE_SIZE",
                                                  "INDEX_RETENTION_DELAY",
                                                  "ISOLATE_IDLE_TIMEOUT_SECONDS",
                                                  "ISOLATE_MAX_LIFETIME_SECONDS",
                                                  "ISOLATE_QUEUE_SIZE",
                                                  "ISOLATE_V8_FLAGS",
                                                  "MAX_BYTES_WRITTEN_PER_SECOND",
                                                  "MAX_EXPIRED_SNAPSHOT_AGE_DAYS",
                                                  "MAX_IMPORT_AGE_SECONDS",
                                                  "MAX_ISOLATE_WORKERS",
                                                  "MAX_USER_MODULES",
                                                  "MAX_ZIPPED_PACKAGES_SIZE",
                                                  "MYSQL_CA_FILE",
                                                  "MYSQL_MAX_CONNECTIONS",
                                                  "MYSQL_TIMEOUT_SECONDS",
                                                  "MYSQL_URL",
                                                  "PG_CA_FILE",
                                                  "POSTGRES_MAX_CONNECTIONS",
                                                  "POSTGRES_TIMEOUT_SECONDS",
                                                  "POSTGRES_URL",
                                                  "RETENTION_DELETE_BATCH",
                                                  "REUSE_ISOLATES",
                                                  "RUNTIME_WORKER_THREADS",
                                                  "S3_ENDPOINT_URL",
                                                  "S3_STORAGE_EXPORTS_BUCKET",
                                                  "S3_STORAGE_FILES_BUCKET",
                                                  "S3_STORAGE_MODULES_BUCKET",
                                                  "S3_STORAGE_SEARCH_BUCKET",
                                                  "S3_STORAGE_SNAPSHOT_IMPORTS_BUCKET",
                                                  "SEARCH_INDEX_SIZE_HARD_LIMIT",
                                                  "SEARCH_INDEX_SIZE_SOFT_LIMIT",
                                                  "SOURCE_MAP_CACHE_MAX_SIZE_BYTES",
                                                  "SSLKEYLOGFILE",
                                                  "STORAGE_MAX_INTERMEDIATE_PART_SIZE",
                                                  "SUBSCRIPTION_INVALIDATION_DELAY_MULTIPLIER",
                                                  "SUBSCRIPTION_INVALIDATION_DELAY_THRESHOLD",
                                                  "SYNC_MAX_SEND_TRANSITION_COUNT",
                                                  "V8_ACTION_SYSTEM_TIMEOUT_SECONDS",
                                                  "V8_THREADS",
                                                  "VECTOR_INDEX_SIZE_HARD_LIMIT"};

Error unusable(const std::string& what, const std::string& path, const std::string& advice) {
  return Error::bad_request("DataDirectory", what + " " + path + ": " + std::strerror(errno) + ". " + advice);
}

}  // namespace

std::string library_directory() {
  if (const char* dir = std::getenv("HULL_LIB_DIR"); dir != nullptr && *dir != 0) return dir;
  std::array<char, PATH_MAX> path{};
  ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  std::filesystem::path exe =
      length > 0 ? std::string(path.data(), static_cast<size_t>(length)) : std::string("./hull");
  return (exe.parent_path() / "lib" / "hull").string();
}

Result<void> check_data_dir(const std::string& data_dir) {
  std::error_code error;
  const auto status = std::filesystem::status(data_dir, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_directory(status)) {
    return Error::bad_request("DataDirectory", "the data directory " + data_dir +
                                                   " is not a directory. Choose another with --data-dir.");
  }
  std::filesystem::create_directories(data_dir, error);
  if (error) {
    return Error::bad_request("DataDirectory",
                              "cannot create the data directory " + data_dir + ": " + error.message() +
                                  ". Create it for the user of the server, or choose another.");
  }
  const std::string probe = data_dir + "/.write-test";
  const int fd = open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return unusable("cannot write to the data directory", data_dir,
                    "It must belong to the user of the server, or choose another with --data-dir.");
  }
  const bool written = write(fd, "x", 1) == 1;
  const int failure = errno;
  close(fd);
  unlink(probe.c_str());
  errno = failure;
  if (!written) return unusable("cannot write to the data directory", data_dir, "Make room on its disk.");
  const auto space = std::filesystem::space(data_dir, error);
  if (!error && space.available < kLeastSpace) {
    return Error::bad_request("DataDirectory", "the disk of the data directory " + data_dir +
                                                   " is full. Make room on it, then start again.");
  }
  return {};
}

Result<void> check_foreign_database(const ServeOptions& options) {
  const std::string& path = options.foreign_database;
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) return {};
  // Made by whoever prepares a place for the database.
  if (std::filesystem::is_regular_file(path, error) && std::filesystem::file_size(path, error) == 0)
    return {};
  return Error::bad_request("ForeignDatabase",
                            path +
                                " is the database of another server, which Hull neither reads nor changes; "
                                "it keeps its own data in " +
                                options.data_dir +
                                ". To take the data along, run `npx convex export` with the server that "
                                "made it, move the file away, and run `npx convex import` here.");
}

Result<void> check_library(const std::string& lib_dir) {
  for (const char* file : {"node", "worker.node", "runtime.js"}) {
    std::error_code error;
    if (!std::filesystem::exists(std::filesystem::path(lib_dir) / file, error)) {
      return Error::bad_request("LibraryDirectory", "cannot find " + lib_dir + "/" + file +
                                                        ". Install Hull with its lib directory beside the "
                                                        "executable, or set HULL_LIB_DIR.");
    }
  }
  return {};
}

void warn_about_ignored_settings() {
  std::string names;
  for (const char* name : kIgnored) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != 0) names += (names.empty() ? "" : ", ") + std::string(name);
  }
  if (!names.empty()) spdlog::warn("These settings are set but have no effect here: {}", names);
}

}  // namespace hull
