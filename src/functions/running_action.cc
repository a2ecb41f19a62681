#include "functions/running_action.h"

#include <spdlog/fmt/fmt.h>

#include "base/log.h"
#include "base/random.h"
#include "functions/lookup.h"

namespace hull {

namespace {

LogLine unawaited_line(const wire::CallDone& done) {
  std::string names;
  for (const std::string& name : done.unawaited_ops()) names += (names.empty() ? "" : ", ") + name;
  int count = done.unawaited_ops_size();
  return warning_line(
      fmt::format(
          "{} unawaited operation{}: [{}]. Async operations should be awaited or they might not run. See "
          "https://docs.convex.dev/functions/actions#dangling-promises for more information.",
          count, count == 1 ? "" : "s", names),
      "UnawaitedOperations");
}

std::vector<LogLine> log_lines_from(const google::protobuf::RepeatedPtrField<wire::LogLine>& lines) {
  std::vector<LogLine> out;
  for (const wire::LogLine& line : lines) out.push_back(log_line_from(line));
  return out;
}

}  // namespace

RunningAction::RunningAction(RunnerParts* parts, std::shared_ptr<const Code> code, UdfType type,
                             FunctionCall call)
    : ActionCall(next_call_id(), std::move(code)),
      parts_(*parts),
      type_(type),
      call_(std::move(call)),
      environment_(this->code->modules().at(call_.path.module.text).environment),
      inflight_(parts->inflight.enter()),
      runtime_(environment_ == "node" ? OutstandingCalls::Runtime::kNode
                                      : OutstandingCalls::Runtime::kIsolate),
      ticket_(std::in_place, parts->outstanding, runtime_, type),
      started_ms_(unix_millis()) {
  deadline_ns = INT64_MAX;
}

void RunningAction::started(std::shared_ptr<WorkerProcess> worker) {
  started_ms_ = unix_millis();
  parts_.metrics.started(type_, runtime_, ticket_->start());
  deadline_ns =
      monotonic_nanos() + static_cast<int64_t>((policy->user_timeout_s + policy->hung_after_s) * 1e9);
  wire::ToWorker message;
  wire::StartCall* start = message.mutable_start();
  start->set_call_id(id);
  start->set_seed(random_bytes(32));
  start->set_now_ms(started_ms_);
  start->set_user_timeout_ms(static_cast<uint32_t>(policy->user_timeout_s * 1000));
  describe(*start);
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
  if (error.kind == ErrorKind::kInternal) {
    spdlog::error("An operation of an action failed: {} function={} request_id={}", error.message,
                  call_.path.canonical(), call_.context.request_id);
  }
  answer_text(op, std::string(error.public_message()), error.data_json);
}

void RunningAction::ops(const wire::OpBatch& batch) {
  for (const wire::Op& op : batch.ops()) {
    auto started = start_op(op);
    if (!started.ok()) answer_error(op.op_id(), started.error());
  }
}

void RunningAction::logs(const wire::LogLines& lines) { progress(log_lines_from(lines.lines())); }

FunctionLogEntry RunningAction::log_entry() const {
  FunctionLogEntry entry = completion_entry(call_, type_, started_ms_);
  entry.environment = environment_;
  describe_entry(entry);
  return entry;
}

void RunningAction::progress(std::vector<LogLine> lines) {
  {
    std::lock_guard lock(mutex_);
    lines_.insert(lines_.end(), lines.begin(), lines.end());
  }
  FunctionLogEntry entry = log_entry();
  entry.kind = FunctionLogEntry::Kind::kProgress;
  entry.timestamp_s = started_ms_ / 1000;
  entry.log_lines = std::move(lines);
  parts_.log->append(std::move(entry));
}

CallOutcome RunningAction::failed(const wire::JsError& error) const {
  CallOutcome outcome;
  if (error.kind() == wire::JsError::INTERNAL) {
    spdlog::error("a worker reported an internal error function={} request_id={}: {}", call_.path.canonical(),
                  call_.context.request_id, error.message());
    outcome.system_error = Error::internal("worker: " + error.message());
  } else {
    outcome.error = function_error_from(error);
  }
  return outcome;
}

void RunningAction::done(const wire::CallDone& done) {
  if (!done.logs().empty()) progress(log_lines_from(done.logs()));
  CallOutcome outcome = done.has_error() ? failed(done.error()) : succeeded(done);
  outcome.user_ms = static_cast<double>(done.user_time_us()) / 1000;
  append_warnings(outcome, call_, type_, nullptr, *parts_.options.knobs);
  if (done.unawaited_ops_size() > 0) outcome.log_lines.push_back(unawaited_line(done));
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
  if (error.kind == ErrorKind::kRateLimited) parts_.metrics.refused(type_, runtime_);
  outcome.system_error = std::move(error);
  finish(std::move(outcome));
}

void RunningAction::finish(CallOutcome outcome) {
  conclude(outcome);
  std::map<std::string, std::shared_ptr<BytePipe>> sources;
  std::map<std::string, Fetch> fetches;
  std::set<Timers::Id> sleeps;
  std::vector<LogLine> lines;
  {
    std::lock_guard lock(mutex_);
    worker_ = nullptr;
    over_ = true;
    sources.swap(sources_);
    fetches.swap(fetches_);
    sleeps.swap(sleeps_);
    lines.swap(lines_);
  }
  for (auto& [id, source] : sources) source->cancel();
  for (auto& [id, fetch] : fetches) {
    fetch.aborted->fire();
    if (fetch.upload) fetch.upload->fail(Error::bad_request("StreamFailed", "The action has ended"));
  }
  for (Timers::Id timer : sleeps) parts_.timers->cancel(timer);

  FunctionLogEntry entry = log_entry();
  entry.user_execution_time_s = outcome.user_ms / 1000;
  entry.system_error = outcome.system_error.has_value();
  if (outcome.error) entry.error = outcome.error->message;
  if (outcome.system_error) entry.error = std::string(outcome.system_error->public_message());
  parts_.log->append(std::move(entry));

  ticket_.reset();
  auto inflight = std::move(inflight_);
  answer_caller(std::move(outcome), std::move(lines));
}

}  // namespace hull
