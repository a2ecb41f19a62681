#include "services/delayed_tasks.h"

namespace hull {

DelayedTasks::DelayedTasks(Env& env, const char* name) : env_(env), changed_(env.make_event()) {
  thread_ = env_.start_thread(name, [this] { run(); });
}

DelayedTasks::~DelayedTasks() {
  stopping_ = true;
  changed_->notify();
  thread_.reset();
}

void DelayedTasks::after(int64_t delay_ns, std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    tasks_.emplace(env_.monotonic_nanos() + delay_ns, std::move(task));
  }
  changed_->notify();
}

void DelayedTasks::run() {
  while (!stopping_) {
    std::function<void()> task;
    int64_t next = INT64_MAX;
    const int64_t now = env_.monotonic_nanos();
    {
      std::lock_guard lock(mutex_);
      if (!tasks_.empty()) {
        auto first = tasks_.begin();
        next = first->first;
        if (next <= now) {
          task = std::move(first->second);
          tasks_.erase(first);
        }
      }
    }
    if (task) {
      env_.pause("delayed_tasks.task");
      task();
    } else if (next == INT64_MAX) {
      changed_->wait();
    } else {
      changed_->wait_until(next);
    }
  }
}

}  // namespace hull
