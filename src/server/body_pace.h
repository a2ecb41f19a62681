// Ends bodies that trickle in: how long a connection may be waited for grows with what has arrived, so large
// uploads over slow links go through while a byte now and then does not help. Time in which the server does
// not read is not counted. Not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace hull {

class BodyPace {
 public:
  using Milliseconds = std::chrono::milliseconds;

  // `grace` at first, and a second more for every `bytes_per_second` received; at most an hour.
  BodyPace(Milliseconds grace, double bytes_per_second) : allowed_(grace), rate_(bytes_per_second) {}

  // How long the next bytes may take; at least a moment, so that what has arrived is read.
  Milliseconds patience() const { return std::max(allowed_ - waited_, Milliseconds(1)); }
  void received(size_t bytes, Milliseconds waited) {
    allowed_ += Milliseconds(static_cast<int64_t>(1000 * static_cast<double>(bytes) / rate_));
    allowed_ = std::min<Milliseconds>(allowed_, kMost);
    waited_ += waited;
  }

 private:
  static constexpr std::chrono::hours kMost{1};

  Milliseconds allowed_, waited_{0};
  double rate_;
};

}  // namespace hull
