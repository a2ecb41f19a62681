#include "server/client_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "server/http_types.h"

namespace hull {
namespace {

constexpr std::array<uint8_t, 12> kV4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kV4PrefixBits = 96;

bool same_bits(const IpAddress& a, const IpAddress& b, unsigned bits) {
  const unsigned whole = bits / 8, rest = bits % 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + whole, b.bytes.begin())) return false;
  return rest == 0 || ((a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest)) == 0;
}

std::string_view last_element(std::string_view& list) {
  const size_t comma = list.rfind(',');
  std::string_view element = trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  return element;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  IpAddress out;
  if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
  std::copy(kV4Prefix.begin(), kV4Prefix.end(), out.bytes.begin());
  if (inet_pton(AF_INET, copy.c_str(), out.bytes.data() + kV4Prefix.size()) == 1) return out;
  return std::nullopt;
}

bool IpAddress::is_v4() const { return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes.begin()); }

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[12] == 127;
  IpAddress one;
  one.bytes[15] = 1;
  return *this == one;
}

IpAddress IpAddress::limited_network() const {
  IpAddress out = *this;
  if (!is_v4()) std::fill(out.bytes.begin() + 8, out.bytes.end(), uint8_t{0});
  return out;
}

std::optional<TrustedProxies> TrustedProxies::parse(std::string_view list) {
  TrustedProxies out;
  while (!trim(list).empty()) {
    std::string_view element = last_element(list);
    if (element.empty()) continue;
    const size_t slash = element.find('/');
    auto address = IpAddress::parse(element.substr(0, slash));
    if (!address) return std::nullopt;
    const unsigned offset = address->is_v4() ? kV4PrefixBits : 0;
    unsigned bits = 128 - offset;
    if (slash != std::string_view::npos) {
      const std::string_view digits = element.substr(slash + 1);
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
      if (error != std::errc() || end != digits.data() + digits.size() || bits > 128 - offset)
        return std::nullopt;
    }
    out.networks_.push_back({*address, bits + offset});
  }
  return out;
}

TrustedProxies TrustedProxies::loopback() { return *parse("127.0.0.0/8,::1"); }

bool TrustedProxies::contains(const IpAddress& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&address](const Network& network) {
    return same_bits(network.address, address, network.bits);
  });
}

std::string TrustedProxies::client(const std::string& peer,
                                   std::optional<std::string_view> forwarded_for) const {
  auto address = IpAddress::parse(peer);
  if (!address || !forwarded_for || !contains(*address)) return peer;
  std::string_view rest = *forwarded_for;
  while (!trim(rest).empty()) {
    const std::string_view element = last_element(rest);
    auto hop = IpAddress::parse(element);
    if (!hop) return peer;  // not written by a proxy of ours
    if (!contains(*hop)) return std::string(element);
  }
  return peer;
}

}  // namespace hull
