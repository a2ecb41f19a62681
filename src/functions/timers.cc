#include "functions/timers.h"

#include <algorithm>
#include <chrono>

#include "base/time.h"

namespace hull {

Timers::Timers() : thread_([this] { run(); }) {}

Timers::~Timers() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Timers::Id Timers::after(double ms, std::function<void()> callback) {
  constexpr double kMaxMs = 1e12;
  int64_t due = monotonic_nanos() + static_cast<int64_t>(std::clamp(ms, 0.0, kMaxMs) * 1e6);
  std::lock_guard lock(mutex_);
  Id id = next_id_++;
  queue_.emplace(std::make_pair(due, id), std::move(callback));
  due_[id] = due;
  changed_.notify_all();
  return id;
}

bool Timers::cancel(Id id) {
  std::function<void()> dropped;  // destroyed outside the lock
  std::lock_guard lock(mutex_);
  auto it = due_.find(id);
  if (it == due_.end()) return false;
  auto entry = queue_.find({it->second, id});
  dropped = std::move(entry->second);
  queue_.erase(entry);
  due_.erase(it);
  return true;
}

void Timers::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (queue_.empty()) {
      changed_.wait(lock);
      continue;
    }
    auto first = queue_.begin();
    int64_t wait = first->first.first - monotonic_nanos();
    if (wait > 0) {
      changed_.wait_for(lock, std::chrono::nanoseconds(wait));
      continue;
    }
    auto callback = std::move(first->second);
    due_.erase(first->first.second);
    queue_.erase(first);
    lock.unlock();
    callback();
    callback = nullptr;
    lock.lock();
  }
}

}  // namespace hull
