#include "server/connections.h"

#include <chrono>
#include <vector>

namespace hull {

uint64_t Connections::add(std::function<void()> stop) {
  std::unique_lock lock(mutex_);
  uint64_t id = next_++;
  stops_[id] = stop;
  bool stopping = stopping_;
  lock.unlock();
  if (stopping) stop();
  return id;
}

void Connections::remove(uint64_t id) {
  std::function<void()> dropped;  // destroyed outside the lock
  std::lock_guard lock(mutex_);
  auto it = stops_.find(id);
  if (it == stops_.end()) return;
  dropped = std::move(it->second);
  stops_.erase(it);
  if (stops_.empty()) changed_.notify_all();
}

void Connections::stop_all() {
  std::vector<std::function<void()>> stops;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [id, stop] : stops_) stops.push_back(stop);
  }
  for (auto& stop : stops) stop();
}

bool Connections::wait_until_empty(double seconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return stops_.empty(); });
}

size_t Connections::count() const {
  std::lock_guard lock(mutex_);
  return stops_.size();
}

}  // namespace hull
