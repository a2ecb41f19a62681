// What clients may take of the network side (docs/operating.md, "Limits"), read from the environment once.
// An invalid value warns and keeps the default. Immutable, thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "server/client_address.h"
#include "server/token_bucket.h"

namespace hull {

struct NetworkLimits {
  // 0 = unlimited.
  size_t max_connections = 0;              // HULL_MAX_CONNECTIONS; else what file descriptors allow
  size_t max_connections_per_address = 0;  // HULL_MAX_CONNECTIONS_PER_ADDRESS
  size_t max_websockets_per_address = 0;   // HULL_MAX_WEBSOCKETS_PER_ADDRESS
  Rate connections, upgrades, requests;    // per address: HULL_{CONNECTION,UPGRADE,REQUEST}_RATE_PER_ADDRESS
  Rate messages;                           // per websocket: HULL_MESSAGE_RATE_PER_WEBSOCKET

  std::chrono::milliseconds idle_time{120'000};  // HULL_HTTP_IDLE_SECONDS: between requests
  std::chrono::milliseconds head_time{
      30'000};  // HULL_HTTP_HEAD_SECONDS: from a head's first byte to its last
  std::chrono::milliseconds body_grace{
      30'000};                  // HULL_HTTP_BODY_GRACE_SECONDS: waiting for a body, on top of
  double min_body_rate = 4096;  // HULL_HTTP_MIN_BODY_RATE: bytes per second

  // TRUSTED_PROXIES. Without it, functions and logs take X-Forwarded-For at its word, and limits only from
  // proxies on this machine.
  std::optional<TrustedProxies> trusted_proxies;
  const TrustedProxies& proxies_for_limits() const;

  static NetworkLimits from_environment();
};

}  // namespace hull
