#include "functions/running_action.h"

#include <spdlog/fmt/fmt.h>

#include "base/log.h"
#include "base/random.h"
#include "functions/lookup.h"

namespace hull {

RunningAction::RunningAction(RunnerParts* parts, std::shared_ptr<const Code> code,
                             const FunctionInfo* function, SnapshotPtr snapshot, FunctionCall call,
                             FunctionCallback done)
    : ActionCall(next_call_id(), std::move(code)),
      parts_(*parts),
      function_(function),
      catalog_(snapshot->catalog()),
      call_(std::move(call)),
      done_(std::move(done)),
      inflight_(parts->inflight.enter()),
      started_ms_(unix_millis()) {
  deadline_ns = INT64_MAX;
}

void RunningAction::started(std::shared_ptr<WorkerProcess> worker) {
  started_ms_ = unix_millis();
  deadline_ns =
      monotonic_nanos() + static_cast<int64_t>((policy->user_timeout_s + policy->hung_after_s) * 1e9);
  wire::ToWorker message;
  wire::StartCall* start = message.mutable_start();
  start->set_call_id(id);
  start->set_type(wire::ACTION);
  start->set_module(call_.path.module.text);
  start->set_function(call_.path.name);
  start->set_args_json(call_.args_json);
  start->set_seed(random_bytes(32));
  start->set_now_ms(started_ms_);
  start->set_user_timeout_ms(static_cast<uint32_t>(policy->user_timeout_s * 1000));
  {
    std::lock_guard lock(mutex_);
    worker_ = worker;
  }
  worker->send(message);
}

void RunningAction::answer(wire::OpResult result) {
  std::shared_ptr<WorkerProcess> worker;
  {
    std::lock_guard lock(mutex_);
    worker = worker_;
  }
  if (!worker) return;
  wire::ToWorker message;
  message.mutable_results()->set_call_id(id);
  *message.mutable_results()->add_results() = std::move(result);
  worker->send(message);
}

void RunningAction::answer_json(uint64_t op, std::string json, std::string payload) {
  wire::OpResult result;
  result.set_op_id(op);
  result.set_json(std::move(json));
  if (!payload.empty()) result.set_payload(std::move(payload));
  answer(std::move(result));
}

void RunningAction::answer_text(uint64_t op, std::string message, std::optional<std::string> data_json) {
  wire::OpResult result;
  result.set_op_id(op);
  result.mutable_error()->set_message(std::move(message));
  if (data_json) result.mutable_error()->set_data_json(*std::move(data_json));
  answer(std::move(result));
}

void RunningAction::answer_error(uint64_t op, const Error& error) {
  answer_text(op, std::string(error.public_message()), error.data_json);
}

void RunningAction::ops(const wire::OpBatch& batch) {
  for (const wire::Op& op : batch.ops()) start_op(op);
}

void RunningAction::logs(const wire::LogLines& lines) {
  std::vector<LogLine> added;
  for (const wire::LogLine& line : lines.lines()) added.push_back(log_line_from(line));
  progress(std::move(added));
}

void RunningAction::progress(std::vector<LogLine> lines) {
  {
    std::lock_guard lock(mutex_);
    lines_.insert(lines_.end(), lines.begin(), lines.end());
  }
  FunctionLogEntry entry = completion_entry(call_, UdfType::kAction, started_ms_);
  entry.kind = FunctionLogEntry::Kind::kProgress;
  entry.timestamp_s = started_ms_ / 1000;
  entry.log_lines = std::move(lines);
  parts_.log->append(std::move(entry));
}

void RunningAction::done(const wire::CallDone& done) {
  if (!done.logs().empty()) {
    std::vector<LogLine> added;
    for (const wire::LogLine& line : done.logs()) added.push_back(log_line_from(line));
    progress(std::move(added));
  }
  const Knobs& knobs = *parts_.options.knobs;
  CallOutcome outcome;
  outcome.user_ms = static_cast<double>(done.user_time_us()) / 1000;
  if (!done.has_error()) {
    auto value =
        check_result(call_.path, function_->returns.get(), done.result_json(), *catalog_, knobs, false);
    if (value.ok()) {
      outcome.value = *std::move(value);
    } else {
      outcome = failed_outcome(value.error());
    }
  } else if (done.error().kind() == wire::JsError::INTERNAL) {
    spdlog::error("a worker reported an internal error function={}: {}", call_.path.canonical(),
                  done.error().message());
    outcome.system_error = Error::internal("worker: " + done.error().message());
  } else {
    outcome.error = function_error_from(done.error());
  }
  append_warnings(outcome, call_, UdfType::kAction, nullptr, knobs);
  if (int count = done.unawaited_ops_size(); count > 0) {
    std::string names;
    for (const std::string& name : done.unawaited_ops()) names += (names.empty() ? "" : ", ") + name;
    outcome.log_lines.push_back(warning_line(
        fmt::format(
            "{} unawaited operation{}: [{}]. Async operations should be awaited or they might not run. See "
            "https://docs.convex.dev/functions/actions#dangling-promises for more information.",
            count, count == 1 ? "" : "s", names),
        "UnawaitedOperations"));
  }
  if (!outcome.log_lines.empty()) progress(std::move(outcome.log_lines));
  finish(std::move(outcome));
}

void RunningAction::lost(ActionLoss why) {
  CallOutcome outcome;
  outcome.error = host_error(why == ActionLoss::kHung          ? policy->hung_text
                             : why == ActionLoss::kOutOfMemory ? policy->out_of_memory_text
                                                               : policy->crash_text);
  finish(std::move(outcome));
}

void RunningAction::refused(Error error) {
  CallOutcome outcome;
  outcome.system_error = std::move(error);
  finish(std::move(outcome));
}

void RunningAction::finish(CallOutcome outcome) {
  std::set<FetchService::Id> streams;
  std::set<Timers::Id> sleeps;
  FunctionResult result;
  {
    std::lock_guard lock(mutex_);
    worker_ = nullptr;
    streams.swap(streams_);
    sleeps.swap(sleeps_);
    result.log_lines = std::move(lines_);
  }
  for (FetchService::Id stream : streams) parts_.fetch->cancel(stream);
  for (Timers::Id timer : sleeps) parts_.timers->cancel(timer);

  FunctionLogEntry entry = completion_entry(call_, UdfType::kAction, started_ms_);
  entry.user_execution_time_s = outcome.user_ms / 1000;
  if (outcome.value) entry.return_bytes = convex_size(*outcome.value);
  if (outcome.error) entry.error = outcome.error->message;
  if (outcome.system_error) entry.error = std::string(outcome.system_error->public_message());
  parts_.log->append(std::move(entry));

  result.value = std::move(outcome.value);
  result.error = std::move(outcome.error);
  result.system_error = std::move(outcome.system_error);
  result.ts = parts_.engine->latest();
  auto inflight = std::move(inflight_);
  std::exchange(done_, nullptr)(std::move(result));
}

}  // namespace hull
