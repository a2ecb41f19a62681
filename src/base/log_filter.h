// RUST_LOG (operations.md §5): which lines are logged. "info", "warn,convex-cloud-http=off", "off".
// Plain data.
#pragma once

#include <spdlog/common.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hull {

struct LogFilter {
  using Level = spdlog::level::level_enum;
  Level level = Level::info;
  std::map<std::string, Level, std::less<>> targets;

  // nullopt: malformed. A target alone is malformed too: it cannot be told from a misspelt level.
  static std::optional<LogFilter> parse(std::string_view directives);
  // A directive for "a" also counts for "a::b".
  Level level_of(std::string_view target) const;
};

}  // namespace hull
