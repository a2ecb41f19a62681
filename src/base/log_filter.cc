#include "base/log_filter.h"

#include <algorithm>
#include <array>
#include <utility>

namespace hull {
namespace {

using Level = LogFilter::Level;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<Level> parse_level(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, Level>, 6> kLevels = {{{"trace", Level::trace},
                                                                                 {"debug", Level::debug},
                                                                                 {"info", Level::info},
                                                                                 {"warn", Level::warn},
                                                                                 {"error", Level::err},
                                                                                 {"off", Level::off}}};
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const auto& [name, level] : kLevels) {
    if (lower == name) return level;
  }
  return std::nullopt;
}

}  // namespace

std::optional<LogFilter> LogFilter::parse(std::string_view directives) {
  LogFilter filter;
  while (!directives.empty()) {
    const std::string_view directive = trimmed(directives.substr(0, directives.find(',')));
    directives.remove_prefix(std::min(directives.size(), directives.find(',')));
    if (!directives.empty()) directives.remove_prefix(1);
    if (directive.empty()) continue;
    const size_t equals = directive.rfind('=');
    const bool targeted = equals != std::string_view::npos;
    auto level = parse_level(trimmed(targeted ? directive.substr(equals + 1) : directive));
    const std::string_view target = targeted ? trimmed(directive.substr(0, equals)) : std::string_view();
    if (!level || (targeted && target.empty())) return std::nullopt;
    if (targeted) {
      filter.targets[std::string(target)] = *level;
    } else {
      filter.level = *level;
    }
  }
  return filter;
}

LogFilter::Level LogFilter::level_of(std::string_view target) const {
  for (std::string_view prefix = target;;) {
    if (auto it = targets.find(prefix); it != targets.end()) return it->second;
    const size_t colons = prefix.rfind("::");
    if (colons == std::string_view::npos) return level;
    prefix = prefix.substr(0, colons);
  }
}

}  // namespace hull
