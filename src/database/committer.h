// Committer: decides, one request at a time, whether a transaction commits and at which timestamp
// (database.md §4).
//
// Its thread owns the last assigned timestamp and the newest catalog, both ahead of what is published.
// Requests are validated in the order they were submitted against all commits after their snapshot, including
// those not yet durable; a commit that passes enters the version store and the write log and goes to the
// LogWriter.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "database/log_writer.h"

namespace hull {

class Committer {
 public:
  // All references must outlive the committer.
  Committer(ReadCore& core, WriteLog& write_log, LogWriter& writer, Timestamp last_assigned,
            std::shared_ptr<const Catalog> catalog);
  ~Committer() { stop(); }
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Any thread.
  void submit(CommitRequest request, CommitCallback done);
  void advance_to(Timestamp ts);
  // Processes what was submitted and ends the thread; later submissions fail.
  void stop();

 private:
  struct Submission {
    std::optional<CommitRequest> request;  // nullopt: advance to `ts`
    Timestamp ts;
    CommitCallback done;
  };

  bool push(Submission submission);
  // Everything below runs on the committer's thread.
  void run();
  void process(Submission submission);
  CommitOutcome refuse_or_assign(CommitRequest request, AssignedCommit& assigned);
  OccConflict describe(const WriteLog::Hit& hit) const;

  ReadCore& core_;
  WriteLog& write_log_;
  LogWriter& writer_;

  std::mutex mutex_;  // guards queue_ and stopping_
  std::condition_variable wake_;
  std::deque<Submission> queue_;
  bool stopping_ = false;

  std::atomic<size_t> in_flight_{0};  // submitted and not yet answered

  Timestamp last_assigned_;                 // committer's thread only
  std::shared_ptr<const Catalog> catalog_;  // committer's thread only
  std::thread thread_;                      // last: starts when everything else is ready
};

}  // namespace hull
