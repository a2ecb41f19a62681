// LogWriter: makes assigned commits durable and publishes them (database.md §4.7).
//
// Its thread takes everything that was assigned while the last sync ran, writes it as one group with one
// sync, and publishes it in timestamp order: marks subscriptions, advances latest(), runs callbacks. It also
// trims the version chains and the write log, and is the only thread that calls Store::commit. Without work
// it sleeps; while history is waiting to be trimmed it wakes when the oldest entry is due.
//
// A store error makes the engine read-only: the group and all later ones fail, latest() stays. The chains of
// unpublished commits stay too, so reads remain exact even if the failed group did reach the disk.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/knobs.h"
#include "database/engine.h"
#include "database/published_state.h"
#include "database/subscriptions.h"
#include "database/write_log.h"

namespace hull {

// Global that bounds the timestamps handed out without leaving a row in the log.
inline constexpr std::string_view kTimestampHighWater = "timestamp_high_water";

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
  // All references must outlive the writer.
  LogWriter(ReadCore& core, WriteLog& write_log, PublishedState& published, SubscriptionIndex& subscriptions,
            const Knobs& knobs);
  ~LogWriter() { stop(); }
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Committer thread only, in timestamp order.
  void enqueue(AssignedCommit commit);
  // Any thread: runs `callback` on the writer's thread.
  void post(std::function<void()> callback);
  // Any thread: see Engine::when_published.
  void when_published(Timestamp ts, std::function<void()> ready);
  // Writes what was enqueued, runs what was posted and ends the thread.
  void stop();
  bool failed() const { return failed_.load(std::memory_order_acquire); }

 private:
  using Callbacks = std::vector<std::function<void()>>;

  // Everything below runs on the writer's thread.
  void run();
  void write(std::vector<AssignedCommit> group);
  Result<void> make_durable(std::vector<AssignedCommit>& group);
  void publish(std::vector<AssignedCommit> group);
  void fail(std::vector<AssignedCommit> group, const Error& error);
  Callbacks take_waiters(Timestamp published);
  // Returns when to come back (monotonic ns), 0 = not before the next commit.
  int64_t trim();

  ReadCore& core_;
  WriteLog& write_log_;
  PublishedState& published_;
  SubscriptionIndex& subscriptions_;
  const int64_t min_age_ns_, max_age_ns_;
  const size_t write_log_soft_bytes_;
  std::atomic<bool> failed_{false};

  std::mutex mutex_;  // guards the four below
  std::condition_variable wake_;
  std::vector<AssignedCommit> pending_;
  Callbacks posted_;
  bool stopping_ = false;

  std::mutex waiters_mutex_;
  std::multimap<Timestamp, std::function<void()>> waiters_;  // guarded by waiters_mutex_

  std::deque<LoggedCommitPtr>
      untrimmed_;       // published commits whose chains may still exist; writer's thread only
  std::thread thread_;  // last: starts when everything else is ready
};

}  // namespace hull
