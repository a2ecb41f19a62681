#include "server/network_limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "base/log.h"

namespace hull {
namespace {

// Files, workers and the like; the rest is for connections.
constexpr size_t kReservedDescriptors = 256;
constexpr double kBurstSeconds = 10;

const char* variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == 0 ? nullptr : text;
}

// Non-negative.
void read(const char* name, double& value) {
  const char* text = variable(name);
  if (text == nullptr) return;
  const std::string_view view = text;
  double parsed = 0;
  auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), parsed);
  if (error != std::errc() || end != view.data() + view.size() || !(parsed >= 0 && parsed <= 1e12)) {
    spdlog::warn("Invalid value for {} in environment, keeping {}", name, value);
    return;
  }
  if (parsed != value) spdlog::info("Overriding {} to {} from environment", name, parsed);
  value = parsed;
}

void read(const char* name, size_t& value) {
  auto number = static_cast<double>(value);
  read(name, number);
  value = static_cast<size_t>(number);
}

void read(const char* name, Rate& rate) {
  read(name, rate.per_second);
  rate.burst = std::max(1.0, std::ceil(rate.per_second * kBurstSeconds));
}

void read(const char* name, std::chrono::milliseconds& time) {
  double seconds = static_cast<double>(time.count()) / 1000;
  read(name, seconds);
  time = std::chrono::milliseconds(static_cast<int64_t>(std::min(seconds, 1e6) * 1000));
}

}  // namespace

const TrustedProxies& NetworkLimits::proxies_for_limits() const {
  static const TrustedProxies kLoopback = TrustedProxies::loopback();
  return trusted_proxies ? *trusted_proxies : kLoopback;
}

NetworkLimits NetworkLimits::from_environment() {
  NetworkLimits limits;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
    limits.max_connections =
        std::max<size_t>(64, files.rlim_cur - std::min<size_t>(files.rlim_cur, kReservedDescriptors));
  read("HULL_MAX_CONNECTIONS", limits.max_connections);
  read("HULL_MAX_CONNECTIONS_PER_ADDRESS", limits.max_connections_per_address);
  read("HULL_MAX_WEBSOCKETS_PER_ADDRESS", limits.max_websockets_per_address);
  read("HULL_CONNECTION_RATE_PER_ADDRESS", limits.connections);
  read("HULL_UPGRADE_RATE_PER_ADDRESS", limits.upgrades);
  read("HULL_REQUEST_RATE_PER_ADDRESS", limits.requests);
  read("HULL_MESSAGE_RATE_PER_WEBSOCKET", limits.messages);
  read("HULL_HTTP_IDLE_SECONDS", limits.idle_time);
  read("HULL_HTTP_HEAD_SECONDS", limits.head_time);
  read("HULL_HTTP_BODY_GRACE_SECONDS", limits.body_grace);
  read("HULL_HTTP_MIN_BODY_RATE", limits.min_body_rate);
  limits.min_body_rate = std::max(limits.min_body_rate, 1.0);
  if (const char* list = variable("TRUSTED_PROXIES")) {
    limits.trusted_proxies = TrustedProxies::parse(list);
    if (!limits.trusted_proxies)
      spdlog::warn("TRUSTED_PROXIES must be a list of addresses and networks like 10.0.0.0/8; it is ignored");
  }
  return limits;
}

}  // namespace hull
