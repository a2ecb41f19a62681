// Stops JavaScript that ran too long, used too much memory, or is no longer wanted.
//
// A *turn* is one stay inside V8 on behalf of one call. The isolate thread brackets it with Enter and Leave;
// a timer thread measures the CPU time that the isolate thread spends in it, so that neither waiting for the
// server nor a busy machine counts against user code. Whoever decides to stop a turn records why, then asks
// V8 to terminate; V8 may notice late or never (long builtins), therefore Leave reports the recorded reason
// whatever V8 did, and a turn that goes on and on after it was stopped ends the process (exit_status.h).
//
// Thread safety: Enter, Leave and OutOfMemory belong to the isolate thread, the rest may be called from any
// thread. A stop is only ever recorded while the turn it is meant for runs, so it cannot hit another call.
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <v8.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace hull::worker {

enum class Stop { kNone, kTimeout, kOutOfMemory, kTerminated };

class Watchdog {
 public:
  explicit Watchdog(v8::Isolate* isolate);  // on the isolate thread
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void Enter(uint64_t call_id, uint64_t budget_us);
  // Ends the turn; adds the CPU time it took to *used_us.
  Stop Leave(uint64_t* used_us);
  // The heap is full. Leaves the process if the turn was told so before.
  void OutOfMemory();

  // Terminates the running turn if it is one of `call_id` (0: whichever).
  void Terminate(uint64_t call_id);
  bool stopping() const { return stop_.load(std::memory_order_acquire) != Stop::kNone; }

 private:
  using Clock = std::chrono::steady_clock;

  void Run();
  uint64_t CpuMicros() const;
  void StopTurn(Stop why);
  // When to look at the running turn again; leaves the process if it has long been stopped.
  Clock::time_point Check();

  v8::Isolate* const isolate_;
  clockid_t cpu_clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;
  uint64_t call_id_ = 0;
  uint64_t started_us_ = 0;
  uint64_t budget_us_ = 0;
  uint64_t stopped_us_ = 0;  // CPU time at which the running turn was first seen to be stopped
  Clock::time_point wake_at_ = Clock::time_point::max();
  std::atomic<Stop> stop_ = Stop::kNone;
  std::thread thread_;
};

}  // namespace hull::worker
