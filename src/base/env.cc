#include "base/env.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/time.h"

namespace hull {
namespace {

class RealEvent final : public Event {
 public:
  void notify() override {
    // While the waiting thread is busy this is all there is to do.
    if (set_.exchange(true, std::memory_order_acq_rel)) return;
    { std::lock_guard lock(mutex_); }
    changed_.notify_one();
  }
  void wait() override {
    if (set_.exchange(false, std::memory_order_acq_rel)) return;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return set_.exchange(false, std::memory_order_acq_rel); });
  }
  bool wait_until(int64_t deadline_ns) override {
    if (set_.exchange(false, std::memory_order_acq_rel)) return true;
    std::unique_lock lock(mutex_);
    // steady_clock is CLOCK_MONOTONIC here, as monotonic_nanos() is.
    std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
    return changed_.wait_until(lock, deadline,
                               [&] { return set_.exchange(false, std::memory_order_acq_rel); });
  }

 private:
  std::atomic<bool> set_{false};
  std::mutex mutex_;  // so that no notification falls between looking and sleeping
  std::condition_variable changed_;
};

class RealThread final : public Thread {
 public:
  RealThread(const char* name, std::function<void()> body)
      : thread_([name = std::string(name).substr(0, 15), body = std::move(body)] {
          pthread_setname_np(pthread_self(), name.c_str());
          body();
        }) {}
  ~RealThread() override { thread_.join(); }

 private:
  std::thread thread_;
};

class RealEnv final : public Env {
 public:
  int64_t unix_nanos() override { return hull::unix_nanos(); }
  int64_t monotonic_nanos() override { return hull::monotonic_nanos(); }
  std::shared_ptr<Event> make_event() override { return std::make_shared<RealEvent>(); }
  std::unique_ptr<Thread> start_thread(const char* name, std::function<void()> body) override {
    return std::make_unique<RealThread>(name, std::move(body));
  }
  void pause(const char*) override {}
};

}  // namespace

double Env::unix_millis() {
  // Split before converting: nanoseconds since the epoch exceed the 53 bits of a double.
  const int64_t ns = unix_nanos();
  return static_cast<double>(ns / 1'000'000) + static_cast<double>(ns % 1'000'000) / 1e6;
}

Env& Env::real() {
  static RealEnv env;
  return env;
}

}  // namespace hull
