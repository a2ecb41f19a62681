// One-shot timers without Boost: the I/O threads implement them, tests fake them. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace hull {

class IoTimers {
 public:
  virtual ~IoTimers() = default;
  // Calls `fire` on some I/O thread after `delay`. Dropping the handle cancels, if the call has not started.
  virtual std::shared_ptr<void> after(std::chrono::milliseconds delay, std::function<void()> fire) = 0;
};

}  // namespace hull
