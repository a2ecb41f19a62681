// LogWriter: makes assigned commits durable and publishes them (database.md §4.7).
//
// Its thread takes everything that was assigned while the last sync ran, writes it as one group with one
// sync, and publishes it in timestamp order: marks subscriptions, advances latest(), runs callbacks.
//
// When the Store cannot be written, or its disk is nearly full, the writer refuses commits with an error that
// says why, and keeps trying: once the Store has recovered it has the committer forget what was lost, and
// goes on. latest() stands still meanwhile. The row images of unpublished commits stay until then, so reads
// remain exact even if the failed group did reach the disk.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/knobs.h"
#include "database/applier.h"
#include "database/disk_watch.h"
#include "database/engine.h"
#include "database/published_state.h"
#include "database/subscriptions.h"

namespace hull {

// A commit with its timestamp, or (without `logged`) an empty advance of time.
struct AssignedCommit {
  Timestamp ts;
  StoredCommit stored;
  LoggedCommitPtr logged;
  std::shared_ptr<const Catalog> catalog;  // null if unchanged
  CommitCallback done;
};

class LogWriter {
 public:
  // All references must outlive the writer. `roll_back` asks the committer to forget unpublished commits and
  // then call resume(). `refusal`: set if commits are impossible from the start.
  LogWriter(ReadCore& core, PublishedState& published, SubscriptionIndex& subscriptions, Applier& applier,
            const Knobs& knobs, std::optional<Error> refusal, std::function<void()> roll_back);
  ~LogWriter() { stop(); }
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Committer thread only, in timestamp order.
  void enqueue(AssignedCommit commit);
  // `advance`: an empty commit later than all that were rolled back, so that who waits for one of those does
  // not wait for ever.
  void resume(AssignedCommit advance);
  // Any thread: runs `callback` on the writer's thread.
  void post(std::function<void()> callback);
  // Any thread: see Engine::when_published.
  void when_published(Timestamp ts, std::function<void()> ready);
  // Writes what was enqueued, runs what was posted and ends the thread.
  void stop();

  // Any thread: see Engine::observe_invalidations.
  void observe_invalidations(Engine::InvalidationObserver observer);

  // Any thread: why commits are refused now.
  std::optional<Error> refusal() const;
  uint64_t commits() const { return commits_.load(std::memory_order_relaxed); }
  uint64_t groups() const { return groups_.load(std::memory_order_relaxed); }

 private:
  using Callbacks = std::vector<std::function<void()>>;

  // Everything below runs on the writer's thread.
  void run();
  void write(std::vector<AssignedCommit> group);
  Result<void> make_durable(std::vector<AssignedCommit>& group);
  void publish(std::vector<AssignedCommit> group);
  using Hits = std::map<std::pair<std::string, IndexId>, size_t>;  // by source and index
  void report_invalidations(const Hits& hits);
  void fail(std::vector<AssignedCommit> group);
  void refuse_commits(const Error& cause);
  void try_to_recover();
  Callbacks take_waiters(Timestamp published);

  ReadCore& core_;
  PublishedState& published_;
  SubscriptionIndex& subscriptions_;
  Applier& applier_;
  DiskWatch disk_;  // writer's thread only
  const std::function<void()> roll_back_;
  const std::shared_ptr<Event> wake_;
  std::atomic<uint64_t> commits_{0}, groups_{0};

  std::atomic<bool> refusing_;
  mutable std::mutex refusal_mutex_;
  std::optional<Error> refusal_;  // guarded by refusal_mutex_; set while refusing_
  bool recovered_ = false;    // the Store can be written again, the roll-back is under way; writer's thread
  int64_t try_again_at_ = 0;  // writer's thread

  std::mutex mutex_;  // guards the four below
  std::vector<AssignedCommit> pending_;
  Callbacks posted_;
  std::optional<AssignedCommit> resume_;
  bool stopping_ = false;

  std::mutex observer_mutex_;  // held while the observer runs
  Engine::InvalidationObserver observer_;

  std::mutex waiters_mutex_;
  std::multimap<Timestamp, std::function<void()>> waiters_;  // guarded by waiters_mutex_

  std::unique_ptr<Thread> thread_;  // last: starts when everything else is ready
};

}  // namespace hull
