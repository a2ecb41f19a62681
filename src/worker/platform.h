// Foreground tasks of the worker's isolate (garbage collector steps, finalizers): V8's threads post them, the
// isolate thread runs them between calls.
#pragma once

#include <node.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace hull::worker {

// Thread-safe; RunDue belongs to the isolate thread.
class TaskRunner : public v8::TaskRunner {
 public:
  using Clock = std::chrono::steady_clock;
  // `wake` is called, from any thread, when a task was posted that is due at once.
  explicit TaskRunner(std::function<void()> wake) : wake_(std::move(wake)) {}

  void RunDue();
  std::optional<Clock::time_point> NextDue();

  bool IdleTasksEnabled() override { return false; }
  bool NonNestableTasksEnabled() const override { return true; }
  bool NonNestableDelayedTasksEnabled() const override { return true; }

 protected:
  void PostTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) override;
  void PostNonNestableTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) override;
  void PostDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay, const v8::SourceLocation&) override;
  void PostNonNestableDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay,
                                      const v8::SourceLocation&) override;

 private:
  void Add(std::unique_ptr<v8::Task> task, double delay_seconds);

  const std::function<void()> wake_;
  std::mutex mutex_;
  std::multimap<Clock::time_point, std::unique_ptr<v8::Task>> tasks_;
};

// Must outlive the isolate it is registered for.
class PlatformDelegate : public node::IsolatePlatformDelegate {
 public:
  explicit PlatformDelegate(std::function<void()> wake)
      : runner_(std::make_shared<TaskRunner>(std::move(wake))) {}

  std::shared_ptr<v8::TaskRunner> GetForegroundTaskRunner() override { return runner_; }
  bool IdleTasksEnabled() override { return false; }
  TaskRunner& runner() { return *runner_; }

 private:
  const std::shared_ptr<TaskRunner> runner_;
};

}  // namespace hull::worker
