#include "services/timed_tasks.h"

#include <utility>

namespace hull {

void TimedTasks::Inbox::at(int64_t deadline_ns, Task task) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    tasks_.emplace(deadline_ns, std::move(task));
  }
  changed_->notify();
}

void TimedTasks::Inbox::run() {
  while (true) {
    env_.pause("timed_tasks.next");
    Task task;
    int64_t deadline = INT64_MAX;
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      if (!tasks_.empty()) deadline = tasks_.begin()->first;
      if (deadline <= env_.monotonic_nanos()) {
        task = std::move(tasks_.begin()->second);
        tasks_.erase(tasks_.begin());
      }
    }
    if (task)
      task();
    else if (deadline == INT64_MAX)
      changed_->wait();
    else
      changed_->wait_until(deadline);
  }
}

void TimedTasks::Inbox::close() {
  std::multimap<int64_t, Task> dropped;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(tasks_);
  }
  changed_->notify();
}

TimedTasks::TimedTasks(Env& env, const char* thread_name) : inbox_(std::make_shared<Inbox>(env)) {
  thread_ = env.start_thread(thread_name, [inbox = inbox_] { inbox->run(); });
}

TimedTasks::~TimedTasks() { inbox_->close(); }

}  // namespace hull
