// One run of the cron runner in the simulation: a real store on a simulated disk, the engine, the queue of
// due rows and the CronRunner, with made-up functions, pushes that change the jobs, pauses, jumps of the wall
// clock, faults, and restarts after power cuts and kills at any step, all from one seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "simulation/cron_check.h"

namespace hull::simulation {

struct CronReport {
  std::optional<std::string> failure;
  uint64_t digest = 0, lives = 0, power_cuts = 0, kills = 0, pauses = 0, jumps = 0;
  CronCounts counts;

  CronReport& operator+=(const CronReport& other);
  std::string summary() const;
};

CronReport run_cron_simulation(uint64_t seed);

}  // namespace hull::simulation
