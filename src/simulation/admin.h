// Admin: what pushes and the dashboard do to a deployment while clients work on it: indexes are added,
// enabled and dropped, tables created and deleted, schemas submitted and activated. One fiber.
#pragma once

#include "simulation/client.h"

namespace hull::simulation {

// Until the world stops.
void run_admin(World& world, SimRandom random);

// No document with the field `bad` is in table t0 while a schema that forbids it is validated or active.
void check_schemas(History& history);

}  // namespace hull::simulation
