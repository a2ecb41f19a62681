// A few threads for handlers that block (pushes, environment changes, code look-ups), so that I/O threads
// never do. Thread-safe. stop() finishes what is queued and joins; work submitted afterwards is dropped.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hull {

class BlockingPool {
 public:
  explicit BlockingPool(size_t threads);
  ~BlockingPool();

  void submit(std::function<void()> work);
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hull
