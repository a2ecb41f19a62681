// Token bucket: lets `per_second` events through on average and a burst of so many at once. Times are
// monotonic nanoseconds. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

namespace hull {

struct Rate {
  double per_second = 0;  // 0 = unlimited
  double burst = 1;
  bool limited() const { return per_second > 0; }
};

class TokenBucket {
 public:
  // Seconds until the event may go ahead; 0: it may now, and is counted.
  double take(const Rate& rate, int64_t now_ns) {
    if (!rate.limited()) return 0;
    refill(rate, now_ns);
    if (tokens_ >= 1) {
      tokens_ -= 1;
      return 0;
    }
    return (1 - tokens_) / rate.per_second;
  }
  // Counts an event that has happened; seconds until the next one is due.
  double charge(const Rate& rate, int64_t now_ns) {
    if (!rate.limited()) return 0;
    refill(rate, now_ns);
    tokens_ -= 1;
    return std::max(0.0, -tokens_ / rate.per_second);
  }
  // As of the last call.
  double tokens() const { return tokens_; }

 private:
  void refill(const Rate& rate, int64_t now_ns) {
    if (!used_) tokens_ = rate.burst;
    if (used_) {
      const double seconds = static_cast<double>(std::max<int64_t>(0, now_ns - at_ns_)) / 1e9;
      tokens_ = std::min(rate.burst, tokens_ + seconds * rate.per_second);
    }
    used_ = true;
    at_ns_ = now_ns;
  }

  double tokens_ = 0;
  int64_t at_ns_ = 0;
  bool used_ = false;
};

}  // namespace hull
