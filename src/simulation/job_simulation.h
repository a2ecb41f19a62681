// One run of the scheduler in the simulation: a store on a simulated disk, the engine, the real Scheduler
// with its queue, clients that schedule and cancel jobs in transactions, a JobRunner whose functions are
// transactions, pauses,
// failing syncs, jumps of the wall clock, drains, crashes and restarts, all from one seed; and the checks of
// docs/simulation.md, "Scheduler".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hull::simulation {

struct JobRunReport {
  std::optional<std::string> failure;
  uint64_t digest = 0;  // equal for equal runs
  uint64_t steps = 0, lives = 0, crashes = 0;
  uint64_t jobs = 0, mutations_done = 0, actions_done = 0, canceled = 0, failed = 0, interrupted = 0,
           retries = 0, pauses = 0, jumps = 0, drains = 0;
  JobRunReport& operator+=(const JobRunReport& other);
  std::string summary() const;
};

JobRunReport run_job_simulation(uint64_t seed);

}  // namespace hull::simulation
