// Counts connections, upgrades and requests per client address against NetworkLimits.
//
// What is remembered of an address is bounded: at most kMaxAddresses that have nothing open, the least
// recently seen ones are forgotten first. IPv6 clients count by their /64. Connections from trusted proxies
// (or, without TRUSTED_PROXIES, from this machine) count for the total only: they carry many clients, who are
// told apart by X-Forwarded-For. Thread-safe.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/time.h"
#include "server/network_limits.h"

namespace hull {

class AddressLimiter {
 public:
  static constexpr size_t kMaxAddresses = 50'000;

  explicit AddressLimiter(NetworkLimits limits, std::function<int64_t()> now_ns = monotonic_nanos)
      : limits_(std::move(limits)), now_ns_(std::move(now_ns)) {}

  const NetworkLimits& limits() const { return limits_; }

  // What a live connection or websocket holds; it must not outlive the limiter.
  using Permit = std::shared_ptr<void>;
  struct Refusal {
    double retry_after_s = 1;
  };
  struct Admission {
    Permit permit;  // or
    std::optional<Refusal> refusal;
  };
  // `peer`: the address of the connection.
  Admission connect(const std::string& peer);
  // `client`: of the request, as client_of() says.
  Admission upgrade(const std::string& client);
  std::optional<Refusal> request(const std::string& client);

  // The client of a request for limits.
  std::string client_of(const std::string& peer, std::optional<std::string_view> forwarded_for) const {
    return limits_.proxies_for_limits().client(peer, forwarded_for);
  }

  size_t open() const;  // connections
  size_t remembered() const;

 private:
  struct Address {
    TokenBucket connections, upgrades, requests;
    size_t open = 0, websockets = 0;
    std::optional<std::list<IpAddress>::iterator> idle;  // its place in idle_, if nothing is open
  };
  using Addresses = std::map<IpAddress, Address>;

  // Null for who is not limited.
  Address* find_locked(const std::string& address, IpAddress& key);
  void touch_locked(const IpAddress& key, Address& address);
  void close(std::optional<IpAddress> key, bool websocket);

  const NetworkLimits limits_;
  const std::function<int64_t()> now_ns_;
  mutable std::mutex mutex_;
  Addresses addresses_;
  std::list<IpAddress> idle_;  // least recently seen first
  size_t open_ = 0;
};

}  // namespace hull
