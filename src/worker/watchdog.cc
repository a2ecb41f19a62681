#include "worker/watchdog.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "worker/exit_status.h"

namespace hull::worker {

using std::chrono::microseconds;

namespace {

// What a stopped turn may use to unwind. Builtins such as JSON.parse only notice when they are through.
constexpr uint64_t kUnwindUs = 500000;
constexpr microseconds kMinWait(10000);
constexpr microseconds kUnwindWait(100000);

}  // namespace

Watchdog::Watchdog(v8::Isolate* isolate) : isolate_(isolate) {
  pthread_getcpuclockid(pthread_self(), &cpu_clock_);
  thread_ = std::thread([this] { Run(); });
  thread_.detach();
}

uint64_t Watchdog::CpuMicros() const {
  timespec now{};
  clock_gettime(cpu_clock_, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

void Watchdog::StopTurn(Stop why) {
  Stop none = Stop::kNone;
  stop_.compare_exchange_strong(none, why);
  isolate_->TerminateExecution();
  wake_at_ = Clock::now() + kUnwindWait;
  changed_.notify_one();
}

void Watchdog::Enter(uint64_t call_id, uint64_t budget_us) {
  std::lock_guard lock(mutex_);
  running_ = true;
  call_id_ = call_id;
  started_us_ = CpuMicros();
  budget_us_ = budget_us;
  stopped_us_ = 0;
  const auto deadline = Clock::now() + microseconds(budget_us);
  // The timer thread finds a later deadline by itself when it wakes up for the one it knows.
  if (deadline < wake_at_) {
    wake_at_ = deadline;
    changed_.notify_one();
  }
}

Stop Watchdog::Leave(uint64_t* used_us) {
  std::lock_guard lock(mutex_);
  running_ = false;
  *used_us += CpuMicros() - started_us_;
  const Stop stop = stop_.exchange(Stop::kNone);
  // Also clears what a native asked for with TerminateExecution.
  isolate_->CancelTerminateExecution();
  return stop;
}

void Watchdog::OutOfMemory() {
  std::lock_guard lock(mutex_);
  if (stop_.exchange(Stop::kOutOfMemory) == Stop::kOutOfMemory) _exit(kExitOutOfMemory);
  StopTurn(Stop::kOutOfMemory);
}

void Watchdog::Terminate(uint64_t call_id) {
  std::lock_guard lock(mutex_);
  if (running_ && (call_id == 0 || call_id == call_id_)) StopTurn(Stop::kTerminated);
}

void Watchdog::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (wake_at_ == Clock::time_point::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, wake_at_);
    }
    if (Clock::now() < wake_at_) continue;
    wake_at_ = Clock::time_point::max();
    if (!running_) continue;
    wake_at_ = Check();
  }
}

Watchdog::Clock::time_point Watchdog::Check() {
  const uint64_t now = CpuMicros();
  const uint64_t used = now - started_us_;
  if (used < budget_us_ && !stopping()) {
    // Waiting costs no CPU time: look again after what is left, at most a hundred times per second.
    return Clock::now() + std::max(microseconds(budget_us_ - used), kMinWait);
  }
  if (stopped_us_ == 0) {
    StopTurn(Stop::kTimeout);
    stopped_us_ = now;
  } else if (now - stopped_us_ > kUnwindUs) {
    _exit(stop_ == Stop::kOutOfMemory ? kExitOutOfMemory : kExitTimeout);
  }
  return Clock::now() + kUnwindWait;
}

}  // namespace hull::worker
