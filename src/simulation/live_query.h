// Live queries: runs queries, subscribes to what they read, and writes down at random moments what the
// subscription claims (database.md §11, §16 d). One fiber per watcher.
#pragma once

#include <memory>
#include <vector>

#include "simulation/client.h"

namespace hull::simulation {

struct LiveQuery {
  std::vector<std::shared_ptr<const Observation>> observations;
  std::shared_ptr<Subscription> subscription;
  std::shared_ptr<size_t> calls = std::make_shared<size_t>(0);

  // What it says now goes into the history. False: it is no longer valid.
  bool claim(World& world) const;
};

// Until the world stops. The query that was live at the end is left in `last`.
void run_watcher(World& world, SimRandom random, LiveQuery& last);

}  // namespace hull::simulation
