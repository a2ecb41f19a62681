// Runs mutations: idempotency of session requests, retries after conflicts, commit (database.md §5,
// runtime.md §10).
//
// An attempt runs on a worker's driver thread up to the commit, which is asynchronous: the worker is free
// meanwhile. The outcome of the commit arrives on the committer thread, which only answers, logs and
// schedules the next attempt.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "functions/attempt.h"

namespace hull {

class MutationRunner {
 public:
  explicit MutationRunner(RunnerParts* parts) : parts_(*parts) {}
  void run(FunctionCall call, std::optional<SessionRequest> session, FunctionCallback done);
  void run_framed(FunctionCall call, MutationFrame frame, FunctionCallback done);

 private:
  struct Request;
  using RequestPtr = std::shared_ptr<Request>;

  void start(RequestPtr request);
  void schedule(RequestPtr request, std::shared_ptr<const Code> code);
  bool execute(const RequestPtr& request, WorkerProcess* worker,
               const std::shared_ptr<const Code>& worker_code);
  // The stored result of an earlier delivery, if there is one.
  Result<bool> replay(const RequestPtr& request, Transaction& transaction);
  Result<void> remember(const Request& request, Transaction& transaction, const CallOutcome& outcome);
  void commit(const RequestPtr& request, Transaction& transaction, CallOutcome outcome);
  void committed(const RequestPtr& request, CallOutcome outcome, FunctionLogEntry entry,
                 CommitOutcome commit);
  void retry(RequestPtr request, Timestamp conflicting);
  void answer(const RequestPtr& request, FunctionResult result);
  void answer_failure(const RequestPtr& request, const CallOutcome& outcome, Timestamp ts);
  void log(FunctionLogEntry entry, const Request& request, const CallOutcome& outcome);

  RunnerParts& parts_;
};

}  // namespace hull
