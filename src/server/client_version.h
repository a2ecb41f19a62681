// The Convex-Client header and what depends on it (http-api.md §3): the gate for old clients, the default
// value format, the shape of log lines and chunked transitions. Pure functions.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http_types.h"

namespace hull {

struct Semver {
  uint64_t major = 0, minor = 0, patch = 0;
  std::string prerelease;  // "" = a release

  static std::optional<Semver> parse(std::string_view text);
  std::string text() const;
  // Order of semver.org §11, except that pre-releases of one version compare as text.
  bool operator<(const Semver& other) const;
  bool operator<=(const Semver& other) const { return !(other < *this); }
};

struct ClientVersion {
  std::string client = "unknown";  // lower case
  std::optional<Semver> version;   // absent: not semver
  std::string version_text = "unknown";

  static Result<ClientVersion> parse(std::string_view header);
  // The header, else the version segment of the path (`path_version`), else unknown.
  static Result<ClientVersion> of(const HttpRequest& request, std::optional<std::string_view> path_version);

  bool is_npm_family() const { return client == "npm" || client == "npm-cli" || client == "actions"; }
  // Below `v`; an unrecognised version counts as below every threshold.
  bool below(const Semver& v) const { return !version || *version < v; }

  enum class State { kSupported, kDeprecated, kUnsupported };
  State state() const;
  std::string deprecation_message() const;
  bool default_format_is_encoded() const;   // §4.3
  bool wants_structured_log_lines() const;  // §8.1
  bool accepts_transition_chunks() const;   // sync-protocol.md §9.4
};

}  // namespace hull
