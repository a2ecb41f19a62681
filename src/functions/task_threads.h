// TaskThreads: a few threads for short blocking work that needs no JavaScript worker (system functions, calls
// that fail before they run). Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hull {

class TaskThreads {
 public:
  explicit TaskThreads(size_t threads);
  ~TaskThreads() { stop(); }
  void post(std::function<void()> task);
  // Runs what is queued and waits for it. What is posted afterwards does not run.
  void stop();

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hull
