#include "functions/plain_action.h"

#include "functions/lookup.h"

namespace hull {

PlainAction::PlainAction(RunnerParts* parts, std::shared_ptr<const Code> code, const FunctionInfo* function,
                         const SnapshotPtr& snapshot, FunctionCall call, FunctionCallback done)
    : RunningAction(parts, std::move(code), UdfType::kAction, std::move(call)),
      function_(function),
      catalog_(snapshot->catalog()),
      done_(std::move(done)) {}

void PlainAction::describe(wire::StartCall& start) const {
  start.set_type(wire::ACTION);
  start.set_module(call_.path.module.text);
  start.set_function(call_.path.name);
  start.set_args_json(call_.args_json);
}

CallOutcome PlainAction::succeeded(const wire::CallDone& done) {
  auto value = check_result(call_.path, function_->returns.get(), done.result_json(), *catalog_,
                            *parts_.options.knobs, false);
  if (!value.ok()) return failed_outcome(value.error());
  CallOutcome outcome;
  outcome.value = *std::move(value);
  return outcome;
}

void PlainAction::conclude(CallOutcome& outcome) {
  if (outcome.value) return_bytes_ = convex_size(*outcome.value);
}

void PlainAction::describe_entry(FunctionLogEntry& entry) const { entry.return_bytes = return_bytes_; }

void PlainAction::answer_caller(CallOutcome outcome, std::vector<LogLine> lines) {
  FunctionResult result;
  result.value = std::move(outcome.value);
  result.error = std::move(outcome.error);
  result.system_error = std::move(outcome.system_error);
  result.log_lines = std::move(lines);
  result.ts = parts_.engine->latest();
  std::exchange(done_, nullptr)(std::move(result));
}

}  // namespace hull
