// The limiters with a clock that stands still unless it is moved.
#include <gtest/gtest.h>

#include "server/address_limiter.h"
#include "server/body_pace.h"
#include "server/message_pace.h"

namespace hull {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

struct LimiterTest : ::testing::Test {
  std::unique_ptr<AddressLimiter> make(NetworkLimits limits) {
    return std::make_unique<AddressLimiter>(std::move(limits), [this] { return now_ns; });
  }
  int64_t now_ns = 5 * kSecond;
};

TEST_F(LimiterTest, ConnectionCaps) {
  NetworkLimits limits;
  limits.max_connections = 4;
  limits.max_connections_per_address = 2;
  auto limiter = make(limits);
  auto first = limiter->connect("203.0.113.1"), second = limiter->connect("203.0.113.1");
  EXPECT_TRUE(first.permit && second.permit);
  EXPECT_TRUE(limiter->connect("203.0.113.1").refusal);
  auto third = limiter->connect("2001:db8::1"), fourth = limiter->connect("2001:db8::2");
  EXPECT_TRUE(third.permit && fourth.permit);
  EXPECT_TRUE(limiter->connect("203.0.113.9").refusal);  // four in all
  first.permit.reset();
  EXPECT_TRUE(limiter->connect("2001:db8::3").refusal);  // the same /64 as two others
  EXPECT_TRUE(limiter->connect("203.0.113.1").permit);
}

TEST_F(LimiterTest, ProxiesCountForTheTotalOnly) {
  NetworkLimits limits;
  limits.max_connections = 3;
  limits.max_connections_per_address = 1;
  auto limiter = make(limits);
  auto a = limiter->connect("127.0.0.1"), b = limiter->connect("127.0.0.1"),
       c = limiter->connect("127.0.0.1");
  EXPECT_TRUE(a.permit && b.permit && c.permit);
  EXPECT_TRUE(limiter->connect("127.0.0.1").refusal);

  limits.trusted_proxies = TrustedProxies::parse("10.0.0.0/8");
  auto strict = make(limits);
  auto local = strict->connect("127.0.0.1");
  EXPECT_TRUE(local.permit);
  EXPECT_TRUE(strict->connect("127.0.0.1").refusal);  // only what the operator names is a proxy
}

TEST_F(LimiterTest, Rates) {
  NetworkLimits limits;
  limits.requests = {.per_second = 2, .burst = 3};
  limits.upgrades = {.per_second = 1, .burst = 1};
  auto limiter = make(limits);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter->request("203.0.113.1")) << i;
  auto refusal = limiter->request("203.0.113.1");
  ASSERT_TRUE(refusal);
  EXPECT_NEAR(refusal->retry_after_s, 0.5, 0.01);
  EXPECT_FALSE(limiter->request("203.0.113.2"));  // another client
  now_ns += kSecond / 2;
  EXPECT_FALSE(limiter->request("203.0.113.1"));
  EXPECT_TRUE(limiter->request("203.0.113.1"));
  now_ns += 100 * kSecond;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter->request("203.0.113.1")) << i;
  EXPECT_TRUE(limiter->request("203.0.113.1"));

  EXPECT_FALSE(limiter->upgrade("203.0.113.1").refusal);
  EXPECT_TRUE(limiter->upgrade("203.0.113.1").refusal);
}

TEST_F(LimiterTest, WebsocketCap) {
  NetworkLimits limits;
  limits.max_websockets_per_address = 1;
  auto limiter = make(limits);
  auto held = limiter->upgrade("203.0.113.1");
  EXPECT_TRUE(limiter->upgrade("203.0.113.1").refusal);
  held.permit.reset();
  EXPECT_TRUE(limiter->upgrade("203.0.113.1").permit);
}

TEST_F(LimiterTest, RemembersABoundedNumberOfAddresses) {
  NetworkLimits limits;
  limits.requests = {.per_second = 1, .burst = 1};
  auto limiter = make(limits);
  auto open = limiter->connect("198.51.100.1");
  limiter->request("198.51.100.1");
  for (size_t i = 0; i < AddressLimiter::kMaxAddresses + 1000; ++i) {
    limiter->request("10." + std::to_string(i >> 16 & 255) + "." + std::to_string(i >> 8 & 255) + "." +
                     std::to_string(i & 255));
  }
  EXPECT_LE(limiter->remembered(), AddressLimiter::kMaxAddresses + 1);
  // Who has something open is not forgotten, however long nothing was heard.
  EXPECT_TRUE(limiter->request("198.51.100.1"));
}

TEST(MessagePaceTest, PausesReadingThenGivesUp) {
  MessagePace pace({.per_second = 10, .burst = 20});
  int64_t now_ns = kSecond;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pace.received(now_ns)->count(), 0) << i;
  // Always one more as soon as it is read: the pause keeps it at the rate.
  int messages = 0;
  const int64_t began_ns = now_ns;
  while (auto pause = pace.received(now_ns)) {
    ASSERT_GT(pause->count(), 0);
    now_ns += pause->count() * 1'000'000;
    ++messages;
  }
  const double seconds = static_cast<double>(now_ns - began_ns) / kSecond;
  EXPECT_NEAR(seconds, 60, 1);
  EXPECT_NEAR(messages / seconds, 10, 0.2);
}

TEST(MessagePaceTest, BurstsWithRestsGoOnForEver) {
  MessagePace pace({.per_second = 10, .burst = 20});
  int64_t now_ns = kSecond;
  for (int burst = 0; burst < 100; ++burst) {
    for (int i = 0; i < 25; ++i) {
      auto pause = pace.received(now_ns);
      ASSERT_TRUE(pause) << burst;
      now_ns += pause->count() * 1'000'000;
    }
    now_ns += 3 * kSecond;
  }
}

TEST(BodyPaceTest, TricklingEndsAndUploadsGoOn) {
  using std::chrono::milliseconds;
  BodyPace trickle(milliseconds(30'000), 4096);
  int seconds = 0;
  for (; trickle.patience() > milliseconds(1000); ++seconds) trickle.received(1, milliseconds(1000));
  EXPECT_NEAR(seconds, 29, 1);

  BodyPace slow(milliseconds(30'000), 4096);
  for (int i = 0; i < 200; ++i) slow.received(5000, milliseconds(1000));
  EXPECT_GT(slow.patience(), milliseconds(30'000));
  // But not for ever.
  for (int i = 0; i < 3600; ++i) slow.received(5000, milliseconds(1000));
  EXPECT_EQ(slow.patience(), milliseconds(1));
}

}  // namespace
}  // namespace hull
