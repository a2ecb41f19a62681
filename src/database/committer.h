// Committer: decides, one request at a time, whether a transaction commits and at which timestamp
// (database.md §4).
//
// Its thread owns the last assigned timestamp and the newest catalog, both ahead of what is published.
// submit() prepares a request and checks it against the commits there are, on the caller's thread; the
// committer's thread checks the few that came since, in the order of submission, including those not yet
// durable. A commit that passes enters the recent writes and goes to the LogWriter.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "database/log_writer.h"
#include "database/prepared_commit.h"
#include "database/turns.h"

namespace hull {

class Committer {
 public:
  // All references must outlive the committer.
  Committer(ReadCore& core, LogWriter& writer, const PublishedState& published, Timestamp last_assigned,
            std::shared_ptr<const Catalog> catalog);
  ~Committer() { stop(); }
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Any thread.
  void submit(CommitRequest request, CommitCallback done);
  void advance_to(Timestamp ts);
  // Forgets the commits that did not become durable, then lets the writer go on. The writer refuses commits
  // until then.
  void roll_back();
  // Processes what was submitted and ends the thread; later submissions fail.
  void stop();

  uint64_t conflicts() const { return conflicts_.load(std::memory_order_relaxed); }

 private:
  struct Submission {
    enum class Kind { kCommit, kAdvance, kRollBack } kind;
    PreparedCommit commit;
    Timestamp checked;                  // no conflict with commits up to here
    std::optional<CommitOutcome> lost;  // already found by the submitting thread
    Timestamp ts;                       // kAdvance
    CommitCallback done;
  };
  using SubmissionPtr = std::unique_ptr<Submission>;

  bool push(SubmissionPtr submission);
  // The read set against the commits after `after`, and the turns of others. A conflict, an error, or
  // neither.
  std::optional<CommitOutcome> check_reads(const PreparedCommit& commit, Timestamp after,
                                           const Catalog& catalog) const;
  // The written documents against all commits since the snapshot.
  std::optional<CommitOutcome> check_writes(const PreparedCommit& commit) const;
  OccConflict describe(const std::string& source, Timestamp ts, const TouchedKey& key,
                       const Catalog& catalog) const;
  // Everything below runs on the committer's thread.
  void run();
  void process(Submission& submission);
  AssignedCommit advance_commit(Timestamp ts);
  void assign(Submission& submission);
  // Completes a lost commit's outcome with its place in the queue.
  void refuse(Submission& submission, CommitOutcome outcome);

  ReadCore& core_;
  LogWriter& writer_;
  const PublishedState& published_;
  const std::shared_ptr<Turns> turns_;
  const std::shared_ptr<Event> wake_;

  std::mutex mutex_;  // guards queue_ and stopping_
  std::vector<SubmissionPtr> queue_;
  bool stopping_ = false;

  std::atomic<size_t> in_flight_{0};  // submitted and not yet answered
  std::atomic<uint64_t> conflicts_{0};
  std::atomic<int64_t> last_assigned_;  // written by the committer's thread

  std::shared_ptr<const Catalog> catalog_;  // committer's thread only
  std::unique_ptr<Thread> thread_;          // last: starts when everything else is ready
};

}  // namespace hull
