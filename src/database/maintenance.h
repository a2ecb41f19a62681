// Background work of the database: back-filling indexes, validating pending schemas against existing
// documents, purging dropped indexes, trimming the log (database.md §8, §12; values-and-schema.md §10.2). One
// thread, started after Engine::open, woken by catalog changes; progress is resumable after a restart.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>

#include "database/engine.h"

namespace hull {

class Maintenance {
 public:
  static std::unique_ptr<Maintenance> start(Engine& engine, const Knobs& knobs);
  virtual ~Maintenance() = default;
  // Looks for work now (after a commit that added an index or a schema).
  virtual void wake() = 0;
};

}  // namespace hull
