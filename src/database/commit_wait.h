// Waiting for the committer. Blocking, through Env: for threads that may wait, never for an I/O or committer
// thread.
#pragma once

#include "database/engine.h"

namespace hull {

CommitOutcome commit_and_wait(Engine& engine, CommitRequest request);
void wait_until_published(Engine& engine, Timestamp ts);

}  // namespace hull
