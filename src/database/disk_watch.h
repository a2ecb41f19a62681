// DiskWatch: notices in time that the disk is filling up. Warns once when it is 80 % full, and refuses while
// less than a reserve is free, so that the Store can always bring its state up to date and be opened again.
// Not thread-safe: used by the log-writer thread.
#pragma once

#include <cstdint>

#include "base/env.h"
#include "base/knobs.h"
#include "storage/store.h"

namespace hull {

class DiskWatch {
 public:
  DiskWatch(Store& store, Env& env, const Knobs& knobs)
      : store_(store), env_(env), reserve_(knobs.disk_reserve_bytes) {}

  // Looks at most once a second. Error DiskFull while less than the reserve is free.
  Result<void> check();
  Result<void> check_now();

 private:
  Store& store_;
  Env& env_;
  const uint64_t reserve_;
  int64_t next_look_ = 0;
  bool warned_ = false;
};

}  // namespace hull
