// Runs queries through the cache (runtime.md §11). Requests for the same result share one run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "functions/attempt.h"

namespace hull {

class QueryRunner {
 public:
  explicit QueryRunner(RunnerParts* parts) : parts_(*parts) {}
  void run(FunctionCall call, std::optional<std::string> journal, Timestamp min_ts, bool exactly,
           std::function<void(QueryOutcome)> done);
  // Leaves the entry of a call that another call's result answers.
  void log_shared(const FunctionCall& call, double started_ms, const CachedQuery& query);

 private:
  struct Request;
  using RequestPtr = std::shared_ptr<Request>;

  void start(RequestPtr request);
  void lead(RequestPtr request);
  void schedule(RequestPtr request, std::shared_ptr<const Code> code);
  // False: the worker must not be used again.
  bool execute(const RequestPtr& request, WorkerProcess* worker,
               const std::shared_ptr<const Code>& worker_code);
  void finish(const RequestPtr& request, Transaction& transaction, CallOutcome outcome);
  void fail(const RequestPtr& request, Error error);
  void deliver(const RequestPtr& request, const QueryOutcome& outcome, bool observed_identity);
  void landed(RequestPtr request, const QueryOutcome& outcome, bool same_identity_only,
              const std::string& identity);
  void log_run(const Request& request, const CachedQuery& query, const CallOutcome& outcome,
               const Transaction& transaction);

  RunnerParts& parts_;
};

}  // namespace hull
