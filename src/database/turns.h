// Turns: fair queueing of transactions that lost a conflict, so that hot documents make progress and nobody's
// retries run out (database.md §5, §18.8).
//
// A transaction that loses leaves behind what it had read and written and takes the next place in the queue.
// A turn is *ready* when no earlier place overlaps it: neither one's writes touch what the other read. While
// it is ready, commits of others that would touch what it had read are refused ("overtaken") and queue up
// behind it. So a retry that reads the same keys again cannot lose again, and places are served in order.
//
// A turn that has been ready for kMaxHold without committing no longer stops anybody: a slow or lost holder
// delays others by that much, once. Correctness never depends on turns; every commit is validated.
//
// Thread-safe. Callbacks run outside the lock, in the thread that gives up a place or in when_ready()'s.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/env.h"
#include "database/engine.h"
#include "database/recent_writes.h"

namespace hull {

class Turns : public std::enable_shared_from_this<Turns> {
 public:
  static constexpr int64_t kMaxHoldNs = 2'000'000'000;
  static constexpr size_t kMaxPlaces = 1024;

  explicit Turns(Env& env) : env_(env) {}

  // A new place at the end. `keys`: what the lost attempt would have touched. Null when the queue is full.
  std::shared_ptr<Turn> take(ReadSet reads, std::vector<TouchedKey> keys);

  // The key whose reader's turn a commit of `keys` would spoil; null if none. `own` is not asked, nor are the
  // places behind it.
  const TouchedKey* spoils(const std::vector<TouchedKey>& keys, const Turn* own) const;

 private:
  class Place;
  void give_up(Place& place);

  Env& env_;
  mutable std::mutex mutex_;
  std::list<Place*> places_;      // in order of arrival
  std::atomic<size_t> count_{0};  // of places_
};

}  // namespace hull
