// Applier: brings the Store's latest state forward behind the log, and forgets recent writes that nobody
// needs any more (store.h, recent_writes.h).
//
// Its thread lets commits gather for a moment, since applying many at once is much cheaper, and then applies
// all there are. If the state falls too far behind, the log writer waits for it in wait_for_room(), so memory
// stays bounded. When applying fails (disk full) it keeps trying; nothing is lost, the log has everything.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/knobs.h"
#include "database/published_state.h"

namespace hull {

class Applier {
 public:
  // All references must outlive the applier.
  Applier(ReadCore& core, PublishedState& published, const Knobs& knobs);
  ~Applier() { stop(); }
  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  // Log-writer thread: there is something to apply.
  void notify();
  // Log-writer thread: returns once little enough is waiting; an error if it will not get less for now.
  Result<void> wait_for_room();
  // Applies nothing more and ends the thread: the next start goes on from the log.
  void stop();

 private:
  // Everything below runs on the applier's thread.
  void run();
  void apply_all();
  void trim();

  ReadCore& core_;
  PublishedState& published_;
  const RecentWrites::Limits limits_;
  const size_t max_unapplied_bytes_;
  const std::shared_ptr<Event> wake_, room_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> hurry_{false};  // the log writer is waiting

  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // of the last apply; guarded by mutex_

  std::unique_ptr<Thread> thread_;  // last: starts when everything else is ready
};

}  // namespace hull
