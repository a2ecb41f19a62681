// TransactionCall: one attempt at running a query or mutation, with every function it calls in the same
// transaction, on one worker. It belongs to the worker's driver thread, which executes the operations
// (blocking reads included) between frames.
//
// Calls nest: while a callee runs, its caller's operation is pending and the caller's JavaScript stands
// still, so one loop per level reads the socket until its own call is done. A fatal error ends all levels:
// each pending operation is answered fatally and the worker unwinds.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "database/transaction.h"
#include "functions/call.h"
#include "functions/code.h"
#include "functions/file_store.h"
#include "functions/op_args.h"
#include "functions/worker_process.h"

namespace hull {

struct CallOutcome {
  // Exactly one of value / error / system_error is set, or the worker was lost.
  std::optional<Value> value;
  std::optional<FunctionError> error;
  std::optional<Error> system_error;
  // kAtLimit: the worker ended because this call outgrew its time, as it would again. The other losses may
  // not be the call's fault and are worth another worker; also running out of memory, since a worker's heap
  // holds what earlier calls have left and V8 has not collected yet.
  enum class Loss { kNone, kDied, kKilled, kHung, kAtLimit, kOutOfMemory } loss = Loss::kNone;
  // On how many other workers the call is worth trying. Whoever kills one from outside may kill several.
  int other_workers() const {
    if (loss == Loss::kNone || loss == Loss::kAtLimit) return 0;
    return loss == Loss::kKilled ? 4 : 1;
  }
  bool retire = false;  // the worker must not be used again
  std::vector<LogLine> log_lines;
  bool observed_identity = false, observed_time = false, observed_random = false;
  double user_ms = 0;
};

struct CallSettings {
  const Knobs* knobs = nullptr;
  std::string instance_name;
  CursorContext cursors;
  FileStore* files = nullptr;
};

class TransactionCall {
 public:
  TransactionCall(const CallSettings& settings, WorkerProcess& worker, const Code& code,
                  const FunctionCall& call, UdfType type, Transaction& transaction,
                  std::optional<std::string> journal_end, double now_ms);

  CallOutcome run(const FunctionInfo& function);

 private:
  struct OpenQuery {
    std::unique_ptr<QueryStream> stream;
    size_t handed_out = 0;  // rows of the last page the worker has not reported as consumed
    size_t served = 0;      // rows the server consumed itself, to be left out of the next report
    size_t page = 0;        // size of the next page
    bool exhausted = false;
  };
  // One running function.
  struct Level {
    uint64_t call_id = 0;
    UdfType type = UdfType::kQuery;
    FunctionPath path;
    Transaction* transaction = nullptr;
    std::map<uint32_t, OpenQuery> queries;
    int depth = 0;
  };
  // How a level ended: a value, an error the caller may catch, or (fatal_ set) neither.
  struct LevelResult {
    std::optional<Value> value;
    std::optional<FunctionError> error;
    std::optional<Error> refusal;  // the value was not accepted: instead of both
  };

  LevelResult run_level(Level& level, const FunctionInfo& function, const std::string& args_json,
                        uint64_t parent_call_id);
  LevelResult finish_level(Level& level, const FunctionInfo& function, const wire::CallDone& done);
  // Next frame for the given call; nullopt when the worker was lost (fatal_ is set).
  std::optional<wire::FromWorker> next_frame(uint64_t call_id);
  // The worker is gone.
  void lose(bool outgrew_memory);
  void answer_batch(Level& level, const wire::OpBatch& batch);
  void answer(Level& level, const wire::Op& op, wire::OpResult& result);
  void consume(Level& level, const google::protobuf::RepeatedPtrField<wire::Consumed>& reports);
  void set_error(wire::OpResult& result, const Error& error);
  void set_fatal(wire::OpResult& result);

  // Operations: the JSON of the result, or an error. ops_database.cc, ops_storage.cc, ops_meta.cc,
  // ops_calls.cc.
  Result<std::string> dispatch(Level& level, const wire::Op& op);
  std::optional<Result<std::string>> database_op(Level& level, const wire::Op& op);
  std::optional<Result<std::string>> meta_op(Level& level, const wire::Op& op);
  Result<std::string> op_get(Level& level, std::string_view args);
  Result<void> open_stream(Level& level, uint32_t id, const OpArgs& args);
  Result<std::string> op_query_cleanup(Level& level, std::string_view args);
  Result<std::string> op_query_page(Level& level, std::string_view args);
  Result<std::string> op_insert(Level& level, std::string_view args);
  Result<std::string> op_patch(Level& level, std::string_view args);
  Result<std::string> op_replace(Level& level, std::string_view args);
  Result<std::string> op_remove(Level& level, std::string_view args);
  Result<std::string> op_normalize_id(Level& level, std::string_view args);
  Result<std::string> op_count(Level& level, std::string_view args);
  Result<void> query_stream_next(Level& level, std::string_view args, wire::OpResult& result);
  // Operations of the scheduler: ops_schedule.cc.
  std::optional<Result<std::string>> schedule_op(Level& level, const wire::Op& op);
  Result<std::string> op_schedule(Level& level, std::string_view args);
  Result<std::string> op_cancel_job(Level& level, std::string_view args);
  std::optional<Result<std::string>> storage_op(Level& level, const wire::Op& op);
  Result<std::string> op_storage_delete(Level& level, std::string_view args);
  Result<std::string> op_storage_store(Level& level, std::string_view args);
  Result<std::string> op_storage_get(Level& level, std::string_view args);
  Result<std::string> op_metrics(Level& level);
  Result<std::string> op_run_udf(Level& level, std::string_view args);
  Result<Value> run_nested(Level& level, UdfType type, const FunctionPath& path, std::string_view args_json,
                           Transaction& transaction);
  // Only mutations and what they call know the commit timestamp token (values-and-schema.md §1.6).
  bool commit_ts_allowed() const { return type_ == UdfType::kMutation; }

  const CallSettings& settings_;
  WorkerProcess& worker_;
  const Code& code_;
  const FunctionCall& call_;
  const UdfType type_;
  Transaction& transaction_;
  const std::optional<std::string> journal_end_;
  const double now_ms_;

  std::deque<wire::FromWorker> stray_;  // frames of outer levels read by inner ones
  int64_t system_ns_ = 0;               // spent in operations
  struct {
    size_t written = 0, bytes_written = 0, read = 0, bytes_read = 0;
  } files_;
  bool fatal_ = false;
  CallOutcome outcome_;  // logs and flags accumulate; the failure when fatal_
};

uint64_t next_call_id();
LogLine log_line_from(const wire::LogLine& line);
FunctionError function_error_from(const wire::JsError& error);

}  // namespace hull
