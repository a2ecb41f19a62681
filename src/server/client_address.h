// Who a client is, for logs, functions and limits: the address of its connection, or what trusted proxies say
// (operations.md §8). Plain data.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hull {

// An IP address; IPv4 is kept as the IPv6 address it maps to.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const IpAddress&) const = default;

  static std::optional<IpAddress> parse(std::string_view text);
  bool is_v4() const;
  bool is_loopback() const;
  // What limits count by: an IPv4 address, or the /64 network that an IPv6 user can pick addresses from.
  IpAddress limited_network() const;
};

class TrustedProxies {
 public:
  // "10.0.0.0/8, 192.0.2.7, fd00::/8". nullopt: malformed.
  static std::optional<TrustedProxies> parse(std::string_view list);
  // Proxies on this machine, for where nothing was configured.
  static TrustedProxies loopback();

  bool contains(const IpAddress& address) const;
  // The client of a request that came over a connection from `peer`: if that is a proxy, the last element of
  // X-Forwarded-For that is not one, else the peer.
  std::string client(const std::string& peer, std::optional<std::string_view> forwarded_for) const;

 private:
  struct Network {
    IpAddress address;
    unsigned bits = 128;
  };
  std::vector<Network> networks_;
};

}  // namespace hull
