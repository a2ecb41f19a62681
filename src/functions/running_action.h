// RunningAction: one action from its start to its answer. Frames arrive on the driver thread of its worker;
// answers to operations come from the fetch, timer, driver, committer and I/O threads. After the end nothing
// is sent for it any more. What it runs and whom it answers is up to the derived class.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "functions/attempt.h"
#include "functions/outstanding_calls.h"
#include "functions/stored_files.h"

namespace hull {

class RunningAction : public ActionCall, public std::enable_shared_from_this<RunningAction> {
 public:
  void started(std::shared_ptr<WorkerProcess> worker) override;
  void ops(const wire::OpBatch& batch) override;
  void logs(const wire::LogLines& lines) override;
  void done(const wire::CallDone& done) override;
  void lost(ActionLoss why) override;
  void refused(Error error) override;

 protected:
  RunningAction(RunnerParts* parts, std::shared_ptr<const Code> code, UdfType type, FunctionCall call);

  // --- For the derived class; called on the driver thread ---

  // Type, module, function and arguments.
  virtual void describe(wire::StartCall& start) const = 0;
  // An operation that only this kind of action has. False: none of its own.
  virtual Result<bool> start_own_op(const wire::Op& op) = 0;
  // The outcome of a call that ended without an error.
  virtual CallOutcome succeeded(const wire::CallDone& done) = 0;
  // Before the completion is logged: the last chance to change the outcome or to log a line.
  virtual void conclude(CallOutcome& outcome) = 0;
  // Fills in what the completion entry says beyond the call and the outcome.
  virtual void describe_entry(FunctionLogEntry& entry) const = 0;
  virtual void answer_caller(CallOutcome outcome, std::vector<LogLine> lines) = 0;

  // --- Answers to operations; from any thread ---

  void answer_json(uint64_t op, std::string json, std::string payload = {});
  void answer_error(uint64_t op, const Error& error);

  // Appends live log lines.
  void progress(std::vector<LogLine> lines);
  // Byte streams that the function reads by name.
  void add_source(std::string id, std::shared_ptr<BytePipe> source);

  RunnerParts& parts_;
  const UdfType type_;
  const FunctionCall call_;
  const std::string environment_;  // "isolate", "node"

 private:
  struct Fetch {
    std::shared_ptr<OneShot> aborted;
    std::shared_ptr<BytePipe> upload;  // null: none, or written to its end
    bool responded = false;
  };

  void answer(wire::OpResult result);
  void answer_text(uint64_t op, std::string message, std::optional<std::string> data_json);

  Result<void> start_op(const wire::Op& op);
  Result<void> call_function(const wire::Op& op, UdfType type);
  // A read-only transaction over the newest state, for finding functions.
  std::unique_ptr<Transaction> lookup_transaction();
  Result<void> start_fetch(const wire::Op& op);
  Result<void> write_upload(const wire::Op& op);
  Result<void> read_stream(const wire::Op& op);
  Result<void> cancel_stream(const wire::Op& op);
  Result<void> abort_fetch(const wire::Op& op);
  Result<void> sleep(const wire::Op& op);
  // False: not an operation of the scheduler. ops_schedule.cc.
  Result<bool> start_schedule_op(const wire::Op& op);
  // Runs `body` in a transaction of its own, again on conflict, and answers the operation with its result.
  // The caller waits for nothing.
  using OwnTransaction = std::function<Result<std::string>(Transaction&)>;
  void commit_apart(uint64_t op, OwnTransaction body);
  // False: not one of those.
  Result<bool> start_storage_op(const wire::Op& op);
  Result<void> delete_file(const wire::Op& op);
  Result<void> store_file(const wire::Op& op);
  Result<void> get_file(const wire::Op& op);
  Result<void> read_file(const wire::Op& op);
  void responded(uint64_t op, const std::string& fetch_id, const std::string& url,
                 Result<FetchService::Response> response);
  // Forgets a fetch of which nothing is left to be named.
  void forget_fetch_locked(const std::string& fetch_id);

  CallOutcome failed(const wire::JsError& error) const;
  FunctionLogEntry log_entry() const;
  void finish(CallOutcome outcome);

  std::shared_ptr<void> inflight_;
  const OutstandingCalls::Runtime runtime_;
  std::optional<CallTicket> ticket_;  // until the end; the driver's
  double started_ms_;

  std::mutex mutex_;
  std::shared_ptr<WorkerProcess> worker_;  // null before the start and after the end
  bool over_ = false;
  std::map<std::string, std::shared_ptr<BytePipe>> sources_;
  std::map<std::string, Fetch> fetches_;  // by the runtime's id
  std::vector<StoredBytes> files_;        // by the number the function has
  std::set<Timers::Id> sleeps_;
  std::vector<LogLine> lines_;  // all of them, for the answer
};

}  // namespace hull
