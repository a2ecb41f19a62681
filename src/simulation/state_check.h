// Compares everything an engine at rest shows, and what its store holds, with the model (database.md §16 e).
#pragma once

#include "simulation/history.h"
#include "simulation/recording_engine.h"

namespace hull::simulation {

// Nobody may be writing. The store itself is looked at once it shows the newest commit.
void check_state(RecordingEngine& engine, History& history);

}  // namespace hull::simulation
