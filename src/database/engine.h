// Engine: multi-version reads, serializable commits with group commit, and invalidation of read sets
// (database.md §1, §4, §11).
//
// Threads: every method may be called from any thread. The submitting thread prepares a commit and checks it
// against what is there; the committer thread owns the rest of validation, its order, and timestamp
// assignment; the log-writer thread owns the log and publication; the applier thread brings the Store's
// latest state forward and forgets old versions. What arrives while a sync is running becomes the next group.
// Callbacks run on the committer or log-writer thread and must not block.
//
// Every written document is also checked for conflicts by id, whether or not the read set names it.
//
// Invariants: commit timestamps are unique and increase, also across restarts; latest() never exposes a
// commit before it is durable; commits are published in timestamp order; before latest() reaches C every
// registered read set that C touches has been marked.
//
// When the disk is full or fails, the engine turns read-only: commits are refused with code ReadOnly, reads
// and subscriptions go on, and it accepts commits again by itself once the Store can be written.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/knobs.h"
#include "database/read_set.h"
#include "database/snapshot.h"
#include "storage/store.h"

namespace hull {

// One document changed by a transaction, both revisions with _id and _creationTime. `before` null = insert.
struct PendingWrite {
  TabletId tablet;
  DocumentId id;
  DocumentPtr before;
  DocumentPtr after;  // null = delete
};
// Rows added to a backfilling index by the back-fill worker; guarded by the commit's read set like any write.
struct BackfillRow {
  IndexId index;
  std::string key;
  DocumentPtr document;
};

// A place in the queue of those who lost a conflict (turns.h). Held from the lost attempt until the retry's
// outcome; destroying it gives the place up. Thread-safe.
class Turn {
 public:
  virtual ~Turn() = default;
  // Calls `ready` when it is this one's turn: in the caller's thread if it is already, else in the thread
  // that gives up the place before it. From then on, for a bounded time, nobody who queues can commit what
  // the lost attempt had read.
  virtual void when_ready(std::function<void()> ready) = 0;
};

struct CommitRequest {
  Timestamp snapshot;
  ReadSet reads;
  std::vector<PendingWrite>
      writes;  // one per document; empty together with backfill = read-only, never submitted
  std::vector<BackfillRow> backfill;
  std::string source;  // function path or system job name, for conflict reports
  // Takes part in fair queueing: respects the turns of others and is given one when it loses.
  bool queues = false;
  std::shared_ptr<Turn> turn;  // the one it waited for
};

struct OccConflict {
  std::string table;  // name of the table of the conflicting document, "" if unknown
  bool system_table = false;
  std::string document_id;
  std::string source;     // what wrote it
  Timestamp conflicting;  // retry once latest() >= this
  // If the request queues: wait for it, then retry. Null when the queue is full.
  std::shared_ptr<Turn> turn;
  bool overtaken = false;  // nothing had changed, but it was the turn of somebody else
};
struct CommitOutcome {
  std::optional<Timestamp> ts;          // committed
  std::optional<OccConflict> conflict;  // else conflict, or `error`
  std::optional<Error> error;
};
using CommitCallback = std::function<void(CommitOutcome)>;

// A registered read set. valid_at(T) for T <= Engine::latest() is exact. Destroying it unregisters.
// Thread-safe.
class Subscription {
 public:
  virtual ~Subscription() = default;
  // First commit that touched the read set; max() while none has.
  Timestamp invalidated_at() const { return Timestamp{invalidated_.load(std::memory_order_acquire)}; }
  bool valid_at(Timestamp t) const { return t < invalidated_at(); }

 protected:
  std::atomic<int64_t> invalidated_{INT64_MAX};
};

class Engine {
 public:
  // Recovers from the store (bootstraps an empty one) and starts the threads.
  static Result<std::unique_ptr<Engine>> open(std::unique_ptr<Store> store, const Knobs& knobs,
                                              Env& env = Env::real());
  // Answers what was submitted, stops the threads; waiters whose time has not come are dropped. Snapshots may
  // live on.
  virtual ~Engine() = default;

  // Newest published timestamp. Monotonic.
  virtual Timestamp latest() const = 0;
  virtual SnapshotPtr snapshot() const = 0;  // at latest()
  virtual Result<SnapshotPtr> snapshot_at(
      Timestamp ts) const = 0;  // OutOfRetention if too old, InternalServerError if ts > latest()
  // Gives up snapshots from before `ts` (at most latest()): none can be had any more. False while one is
  // still in use.
  virtual bool retire_snapshots(Timestamp ts) = 0;
  virtual void submit(CommitRequest request, CommitCallback done) = 0;
  // Calls `ready` once latest() >= ts (at once, in the caller's thread, if it is already), or once the engine
  // has turned read-only.
  virtual void when_published(Timestamp ts, std::function<void()> ready) = 0;
  // Publishes an empty advance so that latest() >= ts (sync-protocol.md §11.5). Returns at once: wait with
  // when_published(). A ts in the future of the wall clock is ignored.
  virtual void advance_to(Timestamp ts) = 0;

  // Watches a read set taken at snapshot `ts`; commits in (ts, latest()] are checked before it returns. If
  // the write log no longer reaches back to ts the subscription starts out invalidated. `on_invalid` runs
  // once, on the log-writer thread, after the touching commit has been published; it must not block, may run
  // before subscribe() returns, and may still be about to run when the subscription is destroyed.
  virtual std::shared_ptr<Subscription> subscribe(std::shared_ptr<const ReadSet> reads, Timestamp ts,
                                                  std::function<void()> on_invalid) = 0;
  virtual size_t subscription_count() const = 0;
  // `observer` is told, on the log-writer thread, how many subscriptions a commit of `source` has invalidated
  // through a user table. It must not block; null ends it, and no call is running any more afterwards.
  using InvalidationObserver =
      std::function<void(const std::string& source, const std::string& table, size_t count)>;
  virtual void observe_invalidations(InvalidationObserver observer) = 0;
  virtual Store& store() = 0;
  virtual Env& env() = 0;
  // Why commits are refused now (code ReadOnly), for people; nullopt while they are possible.
  virtual std::optional<Error> read_only() const = 0;

  struct Stats {
    size_t recent_bytes = 0;     // row images of recent commits
    size_t unapplied_bytes = 0;  // commits that the Store's latest state does not show yet
    uint64_t commits = 0, groups = 0, conflicts = 0;
  };
  virtual Stats stats() const = 0;
};

}  // namespace hull
