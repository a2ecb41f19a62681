// DueQueue: hands out the rows of a system table when their time comes (scheduling.md §3.3). The scheduler
// (`_scheduled_jobs`) and the cron runner (`_cron_next_run`) are such queues.
//
// The table has an index `by_next_ts` over `nextTs` (Int64 ns since the epoch, null = nothing to do). Due
// rows are started in the order of nextTs, at most `parallelism` at a time; a row that is being handled is
// not handed out again until its handler is done. The queue reads ranges of the index only, from where it
// last stopped, and sleeps until (a) a commit touches what it has read, (b) the next row is due, (c) a
// handler is done, or (d) wake(). It never polls and never scans the table. A row that its handler has left
// as it was is handed out again after a second; while many are in that state, nothing else is started.
//
// Threads: one thread (Env::start_thread) reads the index and calls the handler, which must not block for
// long. `done` may be called from any thread, once, also from within the handler. Destroying the queue stops
// the thread and waits for no handlers: whoever owns what they use must end them first.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "database/engine.h"

namespace hull {

struct DueQueueOptions {
  Engine* engine = nullptr;
  std::string table;
  size_t parallelism = 8;
  // Rows for which it says true are bounded apart, because they mostly wait for something. Null = none.
  std::function<bool(const Document&)> apart;
  size_t apart_parallelism = 0;
  // While it says false nothing is started (a paused deployment); asked before each start, after wake() and
  // after each commit to `_backend_state`.
  std::function<bool()> may_run;
  // `row` is as read from the newest snapshot; whether it still holds is for the handler's transaction.
  std::function<void(DocumentPtr row, std::function<void()> done)> handle;
};

class DueQueue {
 public:
  static std::unique_ptr<DueQueue> start(DueQueueOptions options);
  virtual ~DueQueue() = default;
  virtual void wake() = 0;
  // Starts nothing any more. What runs goes on.
  virtual void drain() = 0;
  // After drain(): waits until no handler is left, or the deadline (Env::monotonic_nanos). Whether none is.
  // One thread may wait.
  virtual bool wait_until_idle(int64_t deadline_ns) = 0;
  // How late the oldest row is that is due and not being handled, in nanoseconds; 0 = none is.
  virtual int64_t lag_ns() const = 0;
  virtual size_t running() const = 0;
  // Rows known to be due that wait for a free slot.
  virtual size_t waiting() const = 0;
};

}  // namespace hull
