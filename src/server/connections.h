// The live connections of a server, so that stopping can close them. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

namespace hull {

class Connections {
 public:
  // `stop` asks the connection to end: idle ones at once, busy ones after their answer, websockets with a
  // close frame. It may be called from any thread and must only post. After stop_all() it is called by add()
  // itself.
  uint64_t add(std::function<void()> stop);
  void remove(uint64_t id);
  void stop_all();
  // Waits until none is left; false if that took longer than `seconds`.
  bool wait_until_empty(double seconds);
  size_t count() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, std::function<void()>> stops_;
  uint64_t next_ = 1;
  bool stopping_ = false;
};

}  // namespace hull
