#include "server/client_address.h"

#include <gtest/gtest.h>

namespace hull {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

TEST(IpAddressTest, ParsingAndNetworks) {
  EXPECT_FALSE(IpAddress::parse("example.com"));
  EXPECT_FALSE(IpAddress::parse("1.2.3"));
  EXPECT_EQ(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
  EXPECT_TRUE(ip("127.8.9.1").is_loopback());
  EXPECT_TRUE(ip("::1").is_loopback());
  EXPECT_FALSE(ip("128.0.0.1").is_loopback());
  EXPECT_EQ(ip("2001:db8:1:2:aaaa::1").limited_network(), ip("2001:db8:1:2:bbbb::2").limited_network());
  EXPECT_NE(ip("2001:db8:1:2::1").limited_network(), ip("2001:db8:1:3::1").limited_network());
  EXPECT_NE(ip("10.0.0.1").limited_network(), ip("10.0.0.2").limited_network());
}

TEST(TrustedProxiesTest, Networks) {
  auto proxies = TrustedProxies::parse(" 10.0.0.0/9, 192.0.2.7,fd00::/8 ");
  ASSERT_TRUE(proxies);
  for (const char* inside : {"10.0.0.1", "10.127.255.255", "192.0.2.7", "fd12::1", "::ffff:10.1.1.1"})
    EXPECT_TRUE(proxies->contains(ip(inside))) << inside;
  for (const char* outside : {"10.128.0.0", "192.0.2.8", "fe00::1", "::1"})
    EXPECT_FALSE(proxies->contains(ip(outside))) << outside;
  for (const char* bad : {"10.0.0.0/33", "fd00::/129", "localhost", "10.0.0.0/", "10.0.0.0/8x"})
    EXPECT_FALSE(TrustedProxies::parse(bad)) << bad;
}

TEST(TrustedProxiesTest, TheClientIsWhoTheLastTrustedProxySaw) {
  auto proxies = *TrustedProxies::parse("10.0.0.0/8");
  EXPECT_EQ(proxies.client("10.0.0.1", "198.51.100.9, 203.0.113.5, 10.2.2.2"), "203.0.113.5");
  EXPECT_EQ(proxies.client("10.0.0.1", "10.3.3.3"), "10.0.0.1");  // nobody but proxies
  EXPECT_EQ(proxies.client("10.0.0.1", "203.0.113.5, nonsense"), "10.0.0.1");
  EXPECT_EQ(proxies.client("10.0.0.1", std::nullopt), "10.0.0.1");
  // A client that is no proxy cannot say who it is.
  EXPECT_EQ(proxies.client("203.0.113.5", "198.51.100.9"), "203.0.113.5");
}

}  // namespace
}  // namespace hull
