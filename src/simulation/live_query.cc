#include "simulation/live_query.h"

#include <utility>

namespace hull::simulation {

bool LiveQuery::claim(World& world) const {
  const Timestamp latest = world.engine->latest();
  const bool valid = subscription->valid_at(latest);
  for (const auto& observation : observations) world.history.claim(observation, latest, valid);
  if (*calls > 1) world.history.fail("a subscription was told twice that it is invalid");
  if (valid && *calls > 0)
    world.history.fail("a subscription was told that it is invalid and claims not to be");
  return valid;
}

void run_watcher(World& world, SimRandom random, LiveQuery& last) {
  while (!world.stopping) {
    LiveQuery live;
    SnapshotPtr snapshot = world.engine->snapshot();
    const Timestamp at = snapshot->ts();
    Attempt attempt(world, random, std::move(snapshot), false);
    bool complete = true;
    for (size_t i = random.below(3); complete && i < 3; ++i) complete = attempt.step();
    auto reads = std::make_shared<ReadSet>(attempt.tx().take_reads());
    History::Attempt record = attempt.finish();
    for (const Observation& observation : record.observations)
      live.observations.push_back(std::make_shared<Observation>(observation));
    world.history.add(std::move(record));
    for (auto& page : attempt.new_pages) world.pages.push_back(std::move(page));
    if (!complete) {
      world.env.sleep(random.magnitude(500'000'000));
      continue;
    }
    if (random.chance(0.3)) world.env.sleep(random.magnitude(2'000'000'000));
    auto told = world.env.make_event();
    live.subscription = world.engine->subscribe(std::move(reads), at, [told, calls = live.calls] {
      ++*calls;
      told->notify();
    });
    bool valid = live.claim(world);
    while (valid && !world.stopping && !random.chance(0.1)) {
      told->wait_until(world.env.monotonic_nanos() + random.magnitude(500'000'000));
      world.env.pause("watcher.looks");
      valid = live.claim(world);
    }
    last = std::move(live);
  }
}

}  // namespace hull::simulation
