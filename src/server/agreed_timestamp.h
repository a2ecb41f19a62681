// The timestamp that sessions agree on when their queries were run at different ones (sync-protocol.md §13).
//
// A computation first takes every result at whatever snapshot it was run. If commits came in between, no
// timestamp may fit all of them; then what does not fit is run again at one timestamp exactly. Runs at
// different timestamps cannot be shared, so sessions that get into this at about the same time are given the
// same one: then each query runs once for all of them, not once per session. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>

#include "database/engine.h"

namespace hull {

class AgreedTimestamp {
 public:
  // How long others may still join: they are shown a state that is so much older.
  static constexpr int64_t kJoinNs = 50'000'000;

  // A published timestamp at or after `bound`, which must be published.
  Timestamp at_or_after(Timestamp bound, const Engine& engine, int64_t now_monotonic_ns) {
    std::lock_guard lock(mutex_);
    if (ts_ < bound || now_monotonic_ns - since_ns_ > kJoinNs) {
      ts_ = engine.latest();
      since_ns_ = now_monotonic_ns;
    }
    return ts_;
  }

 private:
  std::mutex mutex_;
  Timestamp ts_;
  int64_t since_ns_ = 0;
};

}  // namespace hull
