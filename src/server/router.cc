#include "server/router.h"

#include <simdjson.h>

#include <algorithm>

namespace hull {
namespace {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> out;
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (true) {
    size_t slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

bool is_param(std::string_view segment) { return segment.starts_with('{'); }

}  // namespace

void Router::add(std::string method, std::string pattern, Route::Handler handler, RouteOptions options) {
  Pattern compiled;
  for (std::string_view segment : split_path(pattern)) compiled.segments.emplace_back(segment);
  if (compiled.segments.back() == "{*}") {
    compiled.open_ended = true;
    compiled.segments.pop_back();
  }
  routes_.emplace_back(
      std::move(compiled),
      std::make_unique<Route>(Route{std::move(method), std::move(pattern), std::move(handler), options}));
}

void Router::for_each(const std::function<void(const Route&)>& use) const {
  for (const auto& [pattern, route] : routes_) use(*route);
}

bool Router::matches(const Pattern& pattern, const std::vector<std::string_view>& segments) {
  if (pattern.open_ended ? segments.size() <= pattern.segments.size()
                         : segments.size() != pattern.segments.size()) {
    return false;
  }
  for (size_t i = 0; i < pattern.segments.size(); ++i) {
    if (is_param(pattern.segments[i]) ? segments[i].empty() : pattern.segments[i] != segments[i])
      return false;
  }
  return true;
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  Match out;
  std::string_view wanted = method == "HEAD" ? "GET" : method;
  std::vector<std::string_view> segments = split_path(path);
  std::vector<std::string> allowed;
  for (const auto& [pattern, route] : routes_) {
    if (!matches(pattern, segments)) continue;
    if (route->method != "*" && route->method != wanted) {
      allowed.push_back(route->method);
      out.cors = route->options.cors;
      if (route->method == "GET") allowed.push_back("HEAD");
      continue;
    }
    out.route = route.get();
    for (size_t i = 0; i < segments.size(); ++i) {
      bool param = i < pattern.segments.size() ? is_param(pattern.segments[i]) : pattern.open_ended;
      if (!param) continue;
      auto decoded = route->options.raw_path ? std::string(segments[i]) : percent_decode(segments[i], false);
      if (!route->options.raw_path && decoded && !simdjson::validate_utf8(*decoded)) decoded.reset();
      if (!decoded) out.bad_param = std::string(segments[i]);
      out.params.push_back(decoded.value_or(""));
    }
    return out;
  }
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  for (const std::string& name : allowed) {
    if (!out.allow.empty()) out.allow += ',';
    out.allow += name;
  }
  return out;
}

}  // namespace hull
