// SimEnv: an Env whose threads are fibers on the calling OS thread, whose scheduler is a seeded random choice
// and whose clocks are virtual. The same seed and the same program give the same run, step for step.
//
// A fiber gives up control only in pause(), Event::wait(), wait_until(), sleep() and when a Thread is joined;
// never in notify(), which callers may use under a mutex. So code between two such points is atomic, and a
// mutex that is never held across one is never contended.
//
// Choices: which runnable fiber goes on; at a pause point, whether it is held there for a random virtual time
// while others run; how much time each step takes; now and then, that a timer fires although others could
// run. Each seed also draws how it chooses (how often it stays with a fiber, at which points it likes to
// hold), because histories of many kinds find more than many histories of one kind.
//
// Time passes a little with every step and otherwise jumps to the earliest deadline when nobody can run. If
// nobody can run and nobody waits for a time, run() ends with a report of where everyone stands.
//
// Not thread-safe; one SimEnv runs at a time on an OS thread. Objects that hold its threads and events must
// be gone before it is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "simulation/sim_random.h"

namespace hull::simulation {

class Fiber;
class SimEvent;

class SimEnv final : public Env {
 public:
  struct Options {
    uint64_t seed = 1;
    int64_t start_unix_nanos = 1'760'000'000'000'000'000;
    double max_hold_probability = 0.02;  // per pause, at points this seed does not favour
    int64_t max_hold_nanos = 2'000'000'000;
    int64_t max_step_nanos = 20'000;
    double timer_probability = 0.002;             // per step: the next deadline comes early
    uint64_t max_steps = 20'000'000;              // more is taken for an endless loop
    std::function<void(std::string_view)> trace;  // one line per decision
  };

  explicit SimEnv(Options options);
  ~SimEnv() override;

  // Runs `main` as the first fiber until every fiber has ended. The report of a deadlock or endless loop
  // otherwise; the fibers concerned are then abandoned where they stand, with all they hold.
  std::optional<std::string> run(std::function<void()> main);

  int64_t unix_nanos() override;
  int64_t monotonic_nanos() override { return now_; }
  std::shared_ptr<Event> make_event() override;
  std::unique_ptr<Thread> start_thread(const char* name, std::function<void()> body) override;
  void pause(const char* point) override;

  void sleep(int64_t nanos);
  // Sets the wall clock forward or back from now on.
  void jump_wall_clock(int64_t nanos) { wall_offset_ += nanos; }

  bool traces() const { return options_.trace != nullptr; }
  // A line in the trace.
  void note(std::string_view line);
  // Changes with every decision: equal digests mean equal runs.
  uint64_t digest() const { return digest_; }
  uint64_t steps() const { return steps_; }
  std::string describe_fibers() const;

 private:
  friend class SimEvent;
  friend class SimThread;

  bool wait_on(SimEvent& event, int64_t deadline, const char* what);
  void yield();
  Fiber* next_runnable();
  void wake_due();
  std::optional<int64_t> earliest_deadline() const;
  void mix(uint64_t value) { digest_ = (digest_ ^ value) * 0x100000001b3; }
  Fiber& current() const;
  Fiber& start_fiber(std::string name, std::function<void()> body);
  bool likes_to_hold(std::string_view point) const;

  Options options_;
  SimRandom random_;
  const uint64_t taste_;  // which points this seed likes to hold at
  const double stay_;     // probability of going on with the same fiber
  const double hold_;     // probability of being held at other points
  int64_t now_ = 1'000'000'000;
  int64_t wall_offset_;
  uint64_t digest_ = 0xcbf29ce484222325;
  uint64_t steps_ = 0;
  size_t unfinished_ = 0;
  std::vector<std::unique_ptr<Fiber>> fibers_;  // in order of creation; ended ones stay for the report
  std::vector<Fiber*> live_;
  Fiber* current_ = nullptr;
};

}  // namespace hull::simulation
