// Timers: runs callbacks after a delay, on one thread of its own, in order of due time. Callbacks must not
// block. Thread-safe. The destructor drops what is not due yet.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace hull {

class Timers {
 public:
  using Id = uint64_t;
  Timers();
  ~Timers();
  Timers(const Timers&) = delete;

  Id after(double ms, std::function<void()> callback);
  // False if it has run, is running or was never there.
  bool cancel(Id id);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<int64_t, Id>, std::function<void()>> queue_;  // (due, id)
  std::map<Id, int64_t> due_;
  Id next_id_ = 1;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace hull
