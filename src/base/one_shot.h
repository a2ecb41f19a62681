// OneShot: something that happens at most once, and those who want to hear of it. Thread-safe. Callbacks run
// outside the lock, on the thread that fires, or at once on the thread that subscribes too late; they must
// not block.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace hull {

class OneShot {
 public:
  // False if it has happened before.
  bool fire() {
    std::vector<std::function<void()>> callbacks;
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(fired_, true)) return false;
      callbacks.swap(callbacks_);
    }
    for (auto& callback : callbacks) callback();
    return true;
  }
  void when_fired(std::function<void()> callback) {
    {
      std::lock_guard lock(mutex_);
      if (!fired_) {
        callbacks_.push_back(std::move(callback));
        return;
      }
    }
    callback();
  }
  bool fired() const {
    std::lock_guard lock(mutex_);
    return fired_;
  }

 private:
  mutable std::mutex mutex_;
  bool fired_ = false;
  std::vector<std::function<void()>> callbacks_;
};

}  // namespace hull
