// One file of the simulated disk: what a reader sees now, what is durable, and the versions in between that a
// power cut may leave behind.
//
// The unit of durability is a sector of 512 bytes. Since its last sync a sector has had a sequence of
// contents; after a power cut it holds the durable one or any of that sequence, whatever its neighbours hold.
// The size of the file is treated alike. Shortening a file is ordered as a journal of metadata orders it:
// either it survives, or nothing written after it does.
//
// A failed sync makes some of the unsynced sectors durable; what becomes of the others is AfterFailedSync.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/sim_random.h"
#include "simulation/sparse_bytes.h"

namespace hull::simulation {

enum class AfterFailedSync {
  kForgotten,      // they read as written (page cache), but no later sync writes them: what Linux does
  kEvicted,        // the same, and some already have their durable content again
  kStillUnsynced,  // a later sync may succeed
};

class SimInode {
 public:
  static constexpr size_t kSector = 512;

  std::string read(uint64_t offset, size_t size) const;
  void write(uint64_t offset, std::string_view bytes);
  void extend(uint64_t size);
  void truncate(uint64_t size);
  uint64_t size() const { return size_; }

  void sync();
  void fail_sync(SimRandom& random, AfterFailedSync after);
  void lose_power(SimRandom& random);

 private:
  struct Unsynced {
    // Sectors, with their contents since the last sync, oldest first. `replaced`: the durable content is
    // out of the question.
    struct Versions {
      std::vector<std::string> contents;
      bool replaced = false;
    };
    std::map<uint64_t, Versions> sectors;
    std::vector<uint64_t> sizes;
    bool size_replaced = false;
  };

  void add_version(uint64_t sector);
  void set_size(uint64_t size);

  SparseBytes current_, durable_;
  uint64_t size_ = 0, durable_size_ = 0;
  Unsynced unsynced_;
  std::unique_ptr<Unsynced> before_truncation_;  // of the first truncation since the last sync
};

}  // namespace hull::simulation
