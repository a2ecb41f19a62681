// TimedTasks: one thread that runs tasks when their time comes, in the order of their times. Thread and clock
// are those of an Env. Tasks come through the Inbox, from any thread, also from tasks. Destroying TimedTasks
// lets the running task end and drops the others; an Inbox that outlives it takes no more.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "base/env.h"

namespace hull {

class TimedTasks {
 public:
  using Task = std::function<void()>;
  // For callbacks to keep, which may come after the end of the thread. Thread-safe.
  class Inbox {
   public:
    explicit Inbox(Env& env) : env_(env), changed_(env.make_event()) {}
    // Takes its turn among those that are due.
    void post(Task task) { at(env_.monotonic_nanos(), std::move(task)); }
    // `deadline_ns`: of Env::monotonic_nanos().
    void at(int64_t deadline_ns, Task task);

   private:
    friend class TimedTasks;
    void run();
    void close();

    Env& env_;
    const std::shared_ptr<Event> changed_;
    std::mutex mutex_;
    std::multimap<int64_t, Task> tasks_;
    bool closed_ = false;
  };

  TimedTasks(Env& env, const char* thread_name);
  ~TimedTasks();
  const std::shared_ptr<Inbox>& inbox() const { return inbox_; }

 private:
  const std::shared_ptr<Inbox> inbox_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace hull
