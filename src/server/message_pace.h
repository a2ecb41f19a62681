// How fast one websocket may send messages (NetworkLimits::messages). Who is faster is read more slowly; who
// does not let up for a minute is to be closed. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "server/token_bucket.h"

namespace hull {

class MessagePace {
 public:
  explicit MessagePace(const Rate& rate) : rate_(rate) {}

  // For each message: how long to wait before the next one is read; nullopt: close with 1013.
  std::optional<std::chrono::milliseconds> received(int64_t now_ns) {
    const double wait_s = bucket_.charge(rate_, now_ns);
    if (bucket_.tokens() > rate_.burst / 2) throttled_since_ns_.reset();
    if (wait_s > 0 && !throttled_since_ns_) throttled_since_ns_ = now_ns;
    if (throttled_since_ns_ && now_ns - *throttled_since_ns_ > kPatienceNs) return std::nullopt;
    return std::chrono::milliseconds(static_cast<int64_t>(wait_s * 1000 + (wait_s > 0 ? 1 : 0)));
  }

 private:
  static constexpr int64_t kPatienceNs = 60'000'000'000;

  const Rate rate_;
  TokenBucket bucket_;
  std::optional<int64_t> throttled_since_ns_;  // more than half of the burst has not been there since
};

}  // namespace hull
