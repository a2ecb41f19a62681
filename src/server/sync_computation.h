// Private to SyncSession: one computation of a Transition in progress, and the bridge from invalidations to
// the strand.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "server/sync_session.h"

namespace hull {

// The set of queries as it was when the computation started. Used on the strand only.
struct SyncSession::Computation {
  struct Slot {
    QueryPtr query;
    std::optional<std::string> refused;  // cannot be run: reported as failed with this text
    bool rerun = false;  // ran during this computation: its result may differ from what was reported
  };
  uint64_t id = 0;
  int64_t began_ns = 0;
  uint32_t query_set = 0, identity_version = 0;
  IdentityPtr identity;
  Timestamp ts;  // lower bound; the choice once `exactly` is set
  bool exactly = false;
  bool held = false;              // see hold_for_replays()
  bool must_send = false;         // a change of versions or a finished request waits for a Transition
  int failures = 0;               // rounds that ended in a system error
  std::vector<Slot> slots;        // by query id
  std::vector<size_t> to_run;     // of this round, indices of slots
  size_t begun = 0, running = 0;  // of to_run
  size_t answered = 0;            // in all rounds
  std::optional<Error> system_error;
  std::vector<uint32_t> removed;  // ascending, none of them in slots
};

// Called on the committer thread for each invalidated query; posts at most one message to the strand at a
// time. It holds the session weakly and never locks it off the strand, so the committer thread never destroys
// a session.
class SyncSession::Notifier : public std::enable_shared_from_this<SyncSession::Notifier> {
 public:
  Notifier(std::shared_ptr<SyncExecutor> executor, std::weak_ptr<SyncSession> session)
      : executor_(std::move(executor)), session_(std::move(session)) {}

  void notify() {
    if (posted_.exchange(true, std::memory_order_acq_rel)) return;
    executor_->wake([self = shared_from_this()] {
      self->posted_.store(false, std::memory_order_release);
      if (auto session = self->session_.lock()) session->invalidated();
    });
  }

 private:
  const std::shared_ptr<SyncExecutor> executor_;
  const std::weak_ptr<SyncSession> session_;
  std::atomic<bool> posted_{false};
};

}  // namespace hull
