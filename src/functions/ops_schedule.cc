// Operations of ctx.scheduler (syscalls.md §8.4, §8.5; scheduling.md §1): in a mutation part of its
// transaction, in an action a transaction of their own.
#include <memory>
#include <utility>

#include "database/transact_async.h"
#include "database/virtual_tables.h"
#include "functions/running_action.h"
#include "functions/scheduled_jobs.h"
#include "functions/transaction_call.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr double kNanosPerMilli = 1e6;

LogLine line_of(LimitWarning warning) {
  return warning_line(std::move(warning.text), "warning:" + warning.code);
}

}  // namespace

std::optional<Result<std::string>> TransactionCall::schedule_op(Level& level, const wire::Op& op) {
  if (level.type != UdfType::kMutation) return std::nullopt;
  if (op.name() == "1.0/schedule") return op_schedule(level, op.args_json());
  if (op.name() == "1.0/cancel_job") return op_cancel_job(level, op.args_json());
  return std::nullopt;
}

Result<std::string> TransactionCall::op_schedule(Level& level, std::string_view args) {
  Transaction& transaction = *level.transaction;
  const auto now = static_cast<int64_t>(now_ms_ * kNanosPerMilli);
  HULL_TRY(JobRequest request, parse_job_request(transaction, code_, args, now, call_.identity->is_admin()));
  HULL_TRY(DocumentId id, insert_job(transaction, request, call_.context.scheduled_job, now));
  if (auto warning = large_args_warning(request.args, *settings_.knobs))
    outcome_.log_lines.push_back(line_of(*std::move(warning)));
  return json_string(id.text());
}

Result<std::string> TransactionCall::op_cancel_job(Level& level, std::string_view args) {
  Transaction& transaction = *level.transaction;
  HULL_TRY(DocumentId id, parse_job_id(transaction, args));
  const bool itself = call_.context.caller == "Scheduler" && call_.context.scheduled_job == id.text();
  if (itself) {
    if (pushed_with(transaction, 1, 50))
      return Error::bad_request("ScheduledFunctionCancelingItself", "A mutation cannot cancel itself");
    outcome_.log_lines.push_back(warning_line(
        "A scheduled mutation canceling itself is deprecated and will throw an error in a future "
        "version of Convex.",
        ""));
    return std::string("null");
  }
  HULL_CHECK_OK(cancel_job(transaction, id, static_cast<int64_t>(now_ms_ * kNanosPerMilli)));
  return std::string("null");
}

Result<bool> RunningAction::start_schedule_op(const wire::Op& op) {
  if (op.name() == "1.0/actions/schedule") {
    commit_apart(op.op_id(),
                 [self = shared_from_this(), this, args = op.args_json(),
                  warned = false](Transaction& transaction) mutable -> Result<std::string> {
                   const int64_t now = parts_.engine->env().unix_nanos();
                   HULL_TRY(JobRequest request,
                            parse_job_request(transaction, *code, args, now, call_.identity->is_admin()));
                   HULL_TRY(DocumentId id,
                            insert_job(transaction, request, call_.context.scheduled_job, now));
                   auto warning = large_args_warning(request.args, *parts_.options.knobs);
                   if (warning && !std::exchange(warned, true)) progress({line_of(*std::move(warning))});
                   return json_string(id.text());
                 });
    return true;
  }
  if (op.name() == "1.0/actions/cancel_job") {
    commit_apart(op.op_id(),
                 [&env = parts_.engine->env(),
                  args = op.args_json()](Transaction& transaction) -> Result<std::string> {
                   HULL_TRY(DocumentId id, parse_job_id(transaction, args));
                   HULL_CHECK_OK(cancel_job(transaction, id, env.unix_nanos()));
                   return std::string("null");
                 });
    return true;
  }
  return false;
}

void RunningAction::commit_apart(uint64_t op, OwnTransaction body) {
  auto json = std::make_shared<std::string>();
  AsyncTransaction own;
  own.engine = parts_.engine;
  own.knobs = parts_.options.knobs;
  own.source = call_.path.display();
  own.body = [json, body = std::move(body)](Transaction& transaction) -> Result<bool> {
    HULL_TRY(*json, body(transaction));
    return true;
  };
  own.run = [tasks = parts_.tasks.get()](std::function<void()> attempt) { tasks->post(std::move(attempt)); };
  own.done = [self = shared_from_this(), this, op, json,
              inflight = parts_.inflight.enter()](Result<bool> done) {
    if (!done.ok()) return answer_error(op, done.error());
    answer_json(op, std::move(*json));
  };
  transact_async(std::move(own));
}

}  // namespace hull
