#include "worker/platform.h"

#include <utility>
#include <vector>

namespace hull::worker {

void TaskRunner::Add(std::unique_ptr<v8::Task> task, double delay_seconds) {
  const auto due = Clock::now() +
                   std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(delay_seconds));
  {
    std::lock_guard lock(mutex_);
    tasks_.emplace(due, std::move(task));
  }
  if (delay_seconds <= 0) wake_();
}

void TaskRunner::RunDue() {
  std::vector<std::unique_ptr<v8::Task>> due;
  {
    std::lock_guard lock(mutex_);
    const auto end = tasks_.upper_bound(Clock::now());
    for (auto it = tasks_.begin(); it != end; ++it) due.push_back(std::move(it->second));
    tasks_.erase(tasks_.begin(), end);
  }
  for (auto& task : due) task->Run();
}

std::optional<TaskRunner::Clock::time_point> TaskRunner::NextDue() {
  std::lock_guard lock(mutex_);
  if (tasks_.empty()) return std::nullopt;
  return tasks_.begin()->first;
}

void TaskRunner::PostTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) {
  Add(std::move(task), 0);
}
void TaskRunner::PostNonNestableTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) {
  Add(std::move(task), 0);
}
void TaskRunner::PostDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay,
                                     const v8::SourceLocation&) {
  Add(std::move(task), delay);
}
void TaskRunner::PostNonNestableDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay,
                                                const v8::SourceLocation&) {
  Add(std::move(task), delay);
}

}  // namespace hull::worker
