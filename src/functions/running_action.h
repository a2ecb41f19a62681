// RunningAction: one action from its start to its answer. Frames arrive on the driver thread of its worker;
// answers to operations come from the fetch, timer, driver and committer threads. After the end nothing is
// sent for it any more.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "functions/attempt.h"

namespace hull {

class RunningAction final : public ActionCall, public std::enable_shared_from_this<RunningAction> {
 public:
  RunningAction(RunnerParts* parts, std::shared_ptr<const Code> code, const FunctionInfo* function,
                SnapshotPtr snapshot, FunctionCall call, FunctionCallback done);

  void started(std::shared_ptr<WorkerProcess> worker) override;
  void ops(const wire::OpBatch& batch) override;
  void logs(const wire::LogLines& lines) override;
  void done(const wire::CallDone& done) override;
  void lost(ActionLoss why) override;
  void refused(Error error) override;

 private:
  void answer(wire::OpResult result);
  void answer_json(uint64_t op, std::string json, std::string payload = {});
  void answer_error(uint64_t op, const Error& error);
  void answer_text(uint64_t op, std::string message, std::optional<std::string> data_json);

  void start_op(const wire::Op& op);
  Result<void> call_function(const wire::Op& op, UdfType type);
  Result<void> start_fetch(const wire::Op& op);
  Result<void> read_stream(const wire::Op& op);
  Result<void> cancel_stream(const wire::Op& op);
  Result<void> abort_fetch(const wire::Op& op);
  Result<void> sleep(const wire::Op& op);

  void progress(std::vector<LogLine> lines);
  void finish(CallOutcome outcome);

  RunnerParts& parts_;
  const FunctionInfo* const function_;
  const std::shared_ptr<const Catalog> catalog_;
  FunctionCall call_;
  FunctionCallback done_;
  std::shared_ptr<void> inflight_;
  double started_ms_;

  std::mutex mutex_;
  std::shared_ptr<WorkerProcess> worker_;            // null after the end
  std::map<std::string, FetchService::Id> fetches_;  // by the runtime's fetch id
  std::set<FetchService::Id> streams_;
  std::set<Timers::Id> sleeps_;
  std::vector<LogLine> lines_;  // all of them, for the answer
};

}  // namespace hull
