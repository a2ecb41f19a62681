// WorkerPool: the workers of queries and mutations. One call at a time per worker; calls wait in a FairQueue,
// whatever their kind: functions share the workers, and callers take turns.
//
// Each slot is a driver thread with at most one worker process, bound to one Code. The thread runs the call
// (operations, blocking reads) and owns everything that belongs to it. Calls wait for a ready worker,
// whichever it is; where none is, slots start some, a few at a time. Workers retire after a time without work
// (all but one), when their Code is no longer the current one, when a call says so, and when they have grown
// beyond their memory budget.
//
// As many calls run as there are cores, not counting the *slow* ones: a call that holds its slot for longer
// than most ever do no longer stops the next one from starting, and its worker's processor priority is
// lowered while others want to run. There is room for a limited number of slow calls; when it is nearly
// used up, only functions that are known to be fast start. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "functions/fair_queue.h"
#include "functions/snapshots.h"

namespace hull {

class WorkerPool {
 public:
  WorkerPool(WorkerStarter* starter, const Knobs* knobs);
  ~WorkerPool();  // refuses what waits, lets running calls end

  void submit(PoolJob job);
  // Starts workers for a Code that is about to become current. Blocking.
  void prewarm(std::shared_ptr<const Code> code);

  struct Stats {
    size_t workers = 0, running = 0, rss_bytes = 0;
    size_t most = 0;  // calls that may run at once
  };
  Stats stats();

 private:
  struct Slot {
    std::thread thread;
    std::condition_variable wake;
    std::unique_ptr<WorkerProcess> worker;  // the thread's; others look at it under mutex_ only
    std::shared_ptr<const Code> code;       // of `worker`
    std::optional<PoolJob> job;
    std::shared_ptr<const Code> start;  // a worker of it is wanted
    enum class State { kFree, kCalled, kStarting } state = State::kFree;
    bool slow = false;
    bool lowered = false;  // the worker's priority
    int64_t called_ns = 0;
    double cpu_when_slow_s = 0;  // processor time of the worker when the call became slow
    int64_t idle_since_ns = 0;
    size_t calls = 0;
  };
  // Workers that prewarm() is starting, and slots that wait for one of them; by Code key.
  struct Starting {
    size_t workers = 0, awaited = 0;
  };
  struct Standby {
    std::shared_ptr<const Code> code;
    std::unique_ptr<WorkerProcess> worker;
    int64_t since_ns = 0;
  };

  void dispatch_locked();
  // A slot whose worker waits for a call of this code.
  Slot* ready_slot_locked(const Code& code);
  // Has some slot start a worker, if not enough of them do already: those that start compete for the cores
  // with those that work.
  void start_worker_locked(std::shared_ptr<const Code> code);
  bool may_start_locked(const PoolJob& job) const;
  bool within_limit_locked(UdfType type) const;
  void watch();
  void look_for_slow_calls_locked();
  void run_slot(Slot& slot);
  void run_job(Slot& slot, PoolJob job);
  bool ensure_worker(Slot& slot, std::shared_ptr<const Code> code);
  std::unique_ptr<WorkerProcess> take_standby_locked(const Code& code);
  // As take_standby_locked, also of those that are just being started unless another slot waits for them.
  std::unique_ptr<WorkerProcess> await_standby(const Code& code);
  bool should_retire_locked(const Slot& slot) const;

  WorkerStarter* const starter_;
  const Knobs* const knobs_;
  const size_t max_fast_;   // calls that are not slow
  const size_t max_slots_;  // all of them
  std::mutex mutex_;
  FairQueue queue_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Standby> standby_;
  std::map<std::string, Starting> starting_;
  std::condition_variable started_;  // `starting_` went down
  std::string current_key_;          // of the newest Code a call asked for
  size_t running_queries_ = 0, running_mutations_ = 0, slow_ = 0, starting_slots_ = 0;
  bool stopping_ = false;
  bool watching_ = false;  // the watcher looks at running calls again by itself
  std::condition_variable watch_;
  std::thread watcher_;
};

}  // namespace hull
