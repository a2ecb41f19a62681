#include "server/host_check.h"

#include "base/log.h"

namespace hull {
namespace {

// "api.example.com" of "api.example.com:3210" and of "https://api.example.com/x".
std::string_view host_name(std::string_view text) {
  if (size_t scheme = text.find("://"); scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  text = text.substr(0, text.find('/'));
  if (text.starts_with('[')) return text.substr(0, text.find(']') + 1);
  return text.substr(0, text.find(':'));
}

}  // namespace

void HostCheck::look(const HttpRequest& request, const std::string& origin) {
  std::atomic<bool>& warned = warned_[request.site_port ? 1 : 0];
  if (origin.empty() || warned.load(std::memory_order_relaxed)) return;
  auto header = request.header("Host");
  if (!header) return;
  const std::string_view host = host_name(*header);
  // Health checks and tools on this machine.
  if (host.empty() || host == "localhost" || host.starts_with("127.") || host == "[::1]") return;
  if (equals_ignoring_case(host, host_name(origin)) || warned.exchange(true)) return;
  spdlog::warn(
      "A request came for the host '{}', but the configured origin is {}. If clients use that host, set {}.",
      host.substr(0, 253), origin, request.site_port ? "CONVEX_SITE_ORIGIN" : "CONVEX_CLOUD_ORIGIN");
}

}  // namespace hull
