#include "server/client_version.h"

#include <charconv>

namespace hull {
namespace {

bool parse_number(std::string_view& text, uint64_t& out) {
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  if (digits == 0 || (digits > 1 && text[0] == '0')) return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + digits, out);
  text.remove_prefix(digits);
  return error == std::errc();
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool is_identifier_list(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  char previous = 0;
  for (char c : text) {
    bool ok =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
    if (!ok || (c == '.' && previous == '.')) return false;
    previous = c;
  }
  return true;
}

}  // namespace

std::optional<Semver> Semver::parse(std::string_view text) {
  Semver v;
  if (!parse_number(text, v.major) || !take(text, '.') || !parse_number(text, v.minor) || !take(text, '.') ||
      !parse_number(text, v.patch)) {
    return std::nullopt;
  }
  if (take(text, '-')) {
    size_t plus = text.find('+');
    v.prerelease = text.substr(0, plus);
    if (!is_identifier_list(v.prerelease)) return std::nullopt;
    text.remove_prefix(plus == std::string_view::npos ? text.size() : plus);
  }
  if (take(text, '+')) {
    if (!is_identifier_list(text)) return std::nullopt;
    text = {};
  }
  if (!text.empty()) return std::nullopt;
  return v;
}

std::string Semver::text() const {
  std::string out = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  if (!prerelease.empty()) out += "-" + prerelease;
  return out;
}

bool Semver::operator<(const Semver& other) const {
  if (major != other.major) return major < other.major;
  if (minor != other.minor) return minor < other.minor;
  if (patch != other.patch) return patch < other.patch;
  if (prerelease.empty() || other.prerelease.empty()) return !prerelease.empty() && other.prerelease.empty();
  return prerelease < other.prerelease;
}

Result<ClientVersion> ClientVersion::parse(std::string_view header) {
  if (header.find('-') == std::string_view::npos) {
    return Error::bad_request(
        "InvalidClientVersion",
        "Failed to parse client version string: '" + std::string(header) +
            "'. Expected format is {client_name}-{semver}, e.g. my-esolang-client-0.0.1");
  }
  ClientVersion out;
  for (size_t dash = header.find('-'); dash != std::string_view::npos; dash = header.find('-', dash + 1)) {
    std::string_view rest = header.substr(dash + 1);
    if (auto version = Semver::parse(rest)) {
      out.client = lower_case(header.substr(0, dash));
      out.version = version;
      out.version_text = rest;
      return out;
    }
  }
  size_t dash = header.find('-');
  out.client = lower_case(header.substr(0, dash));
  out.version_text = header.substr(dash + 1);
  return out;
}

Result<ClientVersion> ClientVersion::of(const HttpRequest& request,
                                        std::optional<std::string_view> path_version) {
  std::optional<ClientVersion> from_path;
  if (path_version) {
    auto version = Semver::parse(*path_version);
    if (!version) {
      return Error::bad_request("InvalidClientVersion", "Failed to parse client version: '" +
                                                            std::string(*path_version) + "' is not a semver");
    }
    from_path = ClientVersion{"npm", version, std::string(*path_version)};
  }
  if (auto header = request.header("Convex-Client")) return parse(*header);
  if (from_path) return *from_path;
  return ClientVersion{};
}

ClientVersion::State ClientVersion::state() const {
  auto at_most = [this](const Semver& v) { return !version || *version <= v; };
  if (is_npm_family()) return at_most(Semver{0, 19, 1, ""}) ? State::kUnsupported : State::kSupported;
  if (client == "python" || client == "python-convex") {
    if (at_most(Semver{0, 0, 2, ""})) return State::kUnsupported;
    if (at_most(Semver{0, 2, 0, ""})) return State::kDeprecated;
  }
  if (client == "rust" && at_most(Semver{0, 0, 1, ""})) return State::kUnsupported;
  return State::kSupported;
}

std::string ClientVersion::deprecation_message() const {
  std::string how = is_npm_family()
                        ? "Update your Convex npm version with `npx convex update` or `npm update`."
                        : "Update the Convex package of your client.";
  if (state() == State::kUnsupported) {
    return "The Convex " + client + " package at version " + version_text + " is no longer supported. " + how;
  }
  return "The Convex " + client + " package at " + version_text +
         " is deprecated and will no longer be supported soon. " + how;
}

bool ClientVersion::default_format_is_encoded() const {
  if (is_npm_family()) return below(Semver{1, 4, 1, ""});
  if (client == "python" || client == "python-convex") return below(Semver{0, 5, 0, ""});
  return false;
}

bool ClientVersion::wants_structured_log_lines() const {
  return client == "npm-cli" || client == "dashboard";
}

bool ClientVersion::accepts_transition_chunks() const {
  return client == "npm" && version && !(*version < Semver{1, 28, 0, ""});
}

}  // namespace hull
