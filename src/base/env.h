// Env: the clocks, threads and waiting that the database engine runs on, in one place, so that a whole engine
// can also run in a deterministic simulation (src/simulation): seeded scheduling, virtual time.
//
// Rule for code that takes an Env: it starts threads, waits and reads clocks only through it, never waits
// while holding a mutex, and holds no mutex across pause(). Env is thread-safe; so are Events.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace hull {

// Auto-reset: wait() returns once per notification, or at once if one came before it. Notifications that come
// before anyone waits are merged into one. One thread waits, any may notify.
class Event {
 public:
  virtual ~Event() = default;
  virtual void notify() = 0;
  virtual void wait() = 0;
  // False if the deadline (Env::monotonic_nanos) passed first.
  virtual bool wait_until(int64_t deadline_ns) = 0;
};

// A running thread. Destroying it joins.
class Thread {
 public:
  virtual ~Thread() = default;
};

class Env {
 public:
  virtual ~Env() = default;

  virtual int64_t unix_nanos() = 0;       // wall clock
  virtual int64_t monotonic_nanos() = 0;  // for durations and deadlines
  double unix_millis();                   // wall clock, fractional ms

  virtual std::shared_ptr<Event> make_event() = 0;
  virtual std::unique_ptr<Thread> start_thread(const char* name, std::function<void()> body) = 0;

  // A named place where a simulation may let other threads run, or hold this one. Does nothing otherwise.
  virtual void pause(const char* point) = 0;

  static Env& real();
};

}  // namespace hull
