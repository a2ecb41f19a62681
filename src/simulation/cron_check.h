// What must hold for cron jobs over a whole history (scheduling.md §5): every due run is concluded exactly
// once (run, failed, or counted as left out), the run of a mutation in the commit of its writes, an action at
// most once; intervals are anchored, clock schedules hit their minutes; pushes and logs follow their rules.
#pragma once

#include <cstdint>
#include <map>

#include "simulation/history.h"
#include "simulation/sim_jobs.h"

namespace hull::simulation {

struct CronCounts {
  uint64_t mutations = 0, actions = 0, failures = 0, lost_actions = 0, skipped = 0, pushes = 0;
};

// Complains to the history. The clock schedules of its jobs must have no delay (CRON_SPLAY_SECONDS=0).
CronCounts check_crons(History& history, const std::map<CronSlot, int>& effects);

}  // namespace hull::simulation
