// One run of the simulation: a store on a simulated disk, the engine with its maintenance, clients, live
// queries and an admin, faults and restarts, all from one seed; and the checks of docs/simulation.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "simulation/history.h"

namespace hull::simulation {

struct RunOptions {
  uint64_t seed = 1;
  size_t transactions = 12;  // per client and life of the engine
  std::function<void(std::string_view)> trace;
};

struct RunReport {
  std::optional<std::string> failure;
  uint64_t digest = 0;  // equal for equal runs
  uint64_t steps = 0;   // of the scheduler
  uint64_t disk_operations = 0, lives = 0, power_cuts = 0, kills = 0, read_only_times = 0;
  uint64_t aborted = 0, gave_up = 0;
  int64_t virtual_nanos = 0;
  History::Stats history;

  RunReport& operator+=(const RunReport& other);
  std::string summary() const;
};

RunReport run_simulation(const RunOptions& options);

}  // namespace hull::simulation
