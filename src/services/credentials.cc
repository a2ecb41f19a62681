#include "services/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/log.h"

namespace hull {
namespace {

constexpr std::string_view kDefaultName = "convex-self-hosted";

Error io_error(const std::string& what, const std::string& path) {
  return Error::internal(what + " " + path + ": " + std::strerror(errno));
}

std::string trimmed(std::string text) {
  auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  size_t start = 0;
  while (start < text.size() && is_space(text[start])) ++start;
  return text.substr(start);
}

std::optional<std::string> from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) return std::nullopt;
  return trimmed(value);
}

// nullopt: there is no such file. An empty file counts as missing.
Result<std::optional<std::string>> read_credential(const std::string& path) {
  std::error_code ec;
  if (!std::filesystem::exists(path, ec)) return std::optional<std::string>();
  std::ifstream in(path, std::ios::binary);
  if (!in) return io_error("cannot read", path);
  std::ostringstream buffer;
  buffer << in.rdbuf();
  std::string text = trimmed(buffer.str());
  return text.empty() ? std::optional<std::string>() : std::optional<std::string>(std::move(text));
}

Result<void> write_all(int fd, const std::string& text, const std::string& path) {
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("cannot write", path);
    done += static_cast<size_t>(n);
  }
  if (::fsync(fd) != 0) return io_error("cannot sync", path);
  return {};
}

Result<void> write_credential(const std::string& directory, const std::string& name,
                              const std::string& text) {
  std::string path = directory + "/" + name;
  std::string temporary = path + ".new";
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return io_error("cannot create", temporary);
  ::fchmod(fd, 0600);
  auto written = write_all(fd, text, temporary);
  ::close(fd);
  HULL_CHECK_OK(written);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return io_error("cannot rename", temporary);
  int dir = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {
    ::fsync(dir);
    ::close(dir);
  }
  return {};
}

struct Resolved {
  std::string text;
  CredentialSource source;
};

// nullopt: neither given nor stored.
Result<std::optional<Resolved>> resolve(const std::optional<std::string>& given, const char* variable,
                                        const std::string& path) {
  auto resolved = [](std::string text, CredentialSource source) {
    return std::optional<Resolved>(Resolved{std::move(text), source});
  };
  if (given && !given->empty()) return resolved(*given, CredentialSource::kExplicit);
  if (auto value = from_environment(variable)) return resolved(*value, CredentialSource::kEnvironment);
  HULL_TRY(auto stored, read_credential(path));
  if (stored) return resolved(*stored, CredentialSource::kFile);
  return std::optional<Resolved>();
}

}  // namespace

std::string_view credential_source_name(CredentialSource source) {
  switch (source) {
    case CredentialSource::kExplicit:
      return "command line";
    case CredentialSource::kEnvironment:
      return "environment";
    case CredentialSource::kFile:
      return "file";
    case CredentialSource::kGenerated:
      return "generated";
  }
  return "unknown";
}

Result<Credentials> resolve_credentials(const CredentialOptions& options) {
  std::string directory = options.data_dir + "/credentials";
  HULL_TRY(auto name, resolve(options.instance_name, "INSTANCE_NAME", directory + "/instance_name"));
  HULL_TRY(auto secret, resolve(options.instance_secret, "INSTANCE_SECRET", directory + "/instance_secret"));
  if (!name) name = Resolved{std::string(kDefaultName), CredentialSource::kGenerated};
  if (!secret) {
    if (!options.create)
      return Error::bad_request(
          "MissingInstanceSecret",
          "No instance secret in " + directory + ". Start the server once, or set INSTANCE_SECRET.");
    secret = Resolved{InstanceSecret::generate().hex(), CredentialSource::kGenerated};
  }
  auto parsed = InstanceSecret::from_hex(secret->text);
  if (!parsed.ok()) {
    return Error::bad_request("BadInstanceSecret",
                              parsed.error().message + ". The instance secret must be 64 hex digits.");
  }
  return Credentials{name->text, *std::move(parsed), name->source, secret->source};
}

Result<void> store_credentials(const std::string& data_dir, const Credentials& credentials) {
  const std::string directory = data_dir + "/credentials";
  std::error_code ec;
  std::filesystem::create_directories(directory, ec);
  if (ec) return Error::internal("cannot create " + directory + ": " + ec.message());
  ::chmod(directory.c_str(), 0700);
  for (const auto& [name, text] : {std::pair("instance_name", credentials.instance_name),
                                   std::pair("instance_secret", credentials.secret.hex())}) {
    HULL_TRY(auto stored, read_credential(directory + "/" + name));
    if (stored != text) HULL_CHECK_OK(write_credential(directory, name, text));
  }
  return {};
}

void log_credentials(const Credentials& credentials, const std::string& data_dir, bool database_has_data) {
  spdlog::info("credentials instance_name={} secret_from={} secret_fingerprint={}", credentials.instance_name,
               credential_source_name(credentials.secret_source), credentials.secret.fingerprint());
  if (credentials.secret_source == CredentialSource::kGenerated && database_has_data)
    spdlog::warn(
        "a new instance secret was generated although the database already holds data: admin keys made "
        "before "
        "are no longer valid. Restore {}/credentials/instance_secret from a backup or set INSTANCE_SECRET to "
        "the old value, then restart",
        data_dir);
}

}  // namespace hull
