// DelayedTasks: one thread that runs short tasks in the order they were given, or later. Built on Env, so
// that it runs in a simulation too. Thread-safe. The destructor waits for the task that runs and drops the
// others.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "base/env.h"

namespace hull {

class DelayedTasks {
 public:
  DelayedTasks(Env& env, const char* name);
  ~DelayedTasks();
  DelayedTasks(const DelayedTasks&) = delete;

  void post(std::function<void()> task) { after(0, std::move(task)); }
  void after(int64_t delay_ns, std::function<void()> task);

 private:
  void run();

  Env& env_;
  const std::shared_ptr<Event> changed_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::multimap<int64_t, std::function<void()>> tasks_;  // by monotonic time
  std::unique_ptr<Thread> thread_;                       // last: started when everything else exists
};

}  // namespace hull
