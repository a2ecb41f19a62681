#include "functions/transaction_call.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <atomic>

#include "base/log.h"
#include "base/random.h"
#include "functions/lookup.h"
#include "functions/snapshots.h"
#include "value/json.h"

namespace hull {

namespace {

// What a worker may take beyond the user time before it counts as hung: its own watchdog should have acted
// long before.
constexpr double kHungGraceS = 5;
// More than heap, array buffers and the process itself can come to: one call has the worker to itself.
constexpr size_t kMaxRss = 320u << 20;
constexpr int64_t kMemoryCheckNs = 50000000;

std::string out_of_memory_text(const Knobs& knobs) {
  return fmt::format("JavaScript execution ran out of memory (maximum memory usage: {} MB)",
                     knobs.max_user_heap >> 20);
}

std::string timeout_text(const Knobs& knobs) {
  return fmt::format("Function execution timed out (maximum duration: {}s)", knobs.udf_user_timeout_s);
}

}  // namespace

uint64_t next_call_id() {
  static std::atomic<uint64_t> counter{1};
  return counter.fetch_add(1, std::memory_order_relaxed);
}

LogLine log_line_from(const wire::LogLine& line) {
  LogLine out;
  out.level = line.level();
  out.messages.assign(line.messages().begin(), line.messages().end());
  out.truncated = line.truncated();
  out.timestamp_ms = line.timestamp_ms();
  out.system_code = line.system_code();
  out.udf_path = line.udf_path();
  return out;
}

FunctionError function_error_from(const wire::JsError& error) {
  constexpr size_t kMaxText = 64 << 10;
  FunctionError out;
  if (error.has_data_json()) {
    auto data = parse_convex_json(error.data_json());
    if (!data.ok()) return host_error("ConvexError with invalid data: " + data.error().message);
    out.data_json = error.data_json();
  }
  out.message = error.message();
  if (out.message.size() > kMaxText) {
    size_t end = kMaxText;
    while (end > 0 && (static_cast<unsigned char>(out.message[end]) & 0xC0) == 0x80) --end;
    out.message.resize(end);
  }
  out.message += '\n';
  for (const std::string& frame : error.frames()) out.message += "    " + frame + "\n";
  return out;
}

TransactionCall::TransactionCall(const CallSettings& settings, WorkerProcess& worker, const Code& code,
                                 const FunctionCall& call, UdfType type, Transaction& transaction,
                                 std::optional<std::string> journal_end, double now_ms)
    : settings_(settings),
      worker_(worker),
      code_(code),
      call_(call),
      type_(type),
      transaction_(transaction),
      journal_end_(std::move(journal_end)),
      now_ms_(now_ms) {}

CallOutcome TransactionCall::run(const FunctionInfo& function) {
  Level level;
  level.type = type_;
  level.path = call_.path;
  level.transaction = &transaction_;
  LevelResult result = run_level(level, function, call_.args_json, 0);
  if (!fatal_) {
    outcome_.value = std::move(result.value);
    outcome_.error = std::move(result.error);
    if (result.refusal) outcome_.error = host_error(*result.refusal);
  }
  return std::move(outcome_);
}

TransactionCall::LevelResult TransactionCall::run_level(Level& level, const FunctionInfo& function,
                                                        const std::string& args_json,
                                                        uint64_t parent_call_id) {
  level.call_id = next_call_id();
  wire::ToWorker message;
  wire::StartCall* start = message.mutable_start();
  start->set_call_id(level.call_id);
  start->set_type(level.type == UdfType::kMutation ? wire::MUTATION : wire::QUERY);
  start->set_module(level.path.module.text);
  start->set_function(level.path.name);
  start->set_args_json(args_json);
  start->set_seed(random_bytes(32));
  start->set_now_ms(now_ms_);
  start->set_user_timeout_ms(static_cast<uint32_t>(settings_.knobs->udf_user_timeout_s * 1000));
  start->set_parent_call_id(parent_call_id);
  worker_.send(message);

  while (true) {
    auto frame = next_frame(level.call_id);
    if (!frame) return {};
    if (frame->has_ops()) {
      answer_batch(level, frame->ops());
      if (fatal_ && outcome_.loss != CallOutcome::Loss::kNone) return {};
    } else if (frame->has_done()) {
      return finish_level(level, function, frame->done());
    }
  }
}

std::optional<wire::FromWorker> TransactionCall::next_frame(uint64_t call_id) {
  auto belongs = [call_id](const wire::FromWorker& frame) {
    return (frame.has_ops() && frame.ops().call_id() == call_id) ||
           (frame.has_done() && frame.done().call_id() == call_id);
  };
  for (auto it = stray_.begin(); it != stray_.end(); ++it) {
    if (!belongs(*it)) continue;
    wire::FromWorker frame = std::move(*it);
    stray_.erase(it);
    return frame;
  }
  auto limit = [this] {
    return monotonic_nanos() +
           static_cast<int64_t>((settings_.knobs->udf_user_timeout_s + kHungGraceS) * 1e9);
  };
  int64_t deadline = limit();
  while (true) {
    wire::FromWorker frame;
    switch (worker_.receive(frame, std::min(deadline, monotonic_nanos() + kMemoryCheckNs))) {
      case WorkerProcess::Event::kWoken:
        continue;
      case WorkerProcess::Event::kTimeout:
        if (worker_.rss_bytes() > kMaxRss) {
          lose(true);
          return std::nullopt;
        }
        if (monotonic_nanos() < deadline) continue;
        worker_.kill();
        fatal_ = true;
        outcome_.loss = CallOutcome::Loss::kHung;
        outcome_.error = host_error(timeout_text(*settings_.knobs));
        return std::nullopt;
      case WorkerProcess::Event::kClosed:
        lose(false);
        return std::nullopt;
      case WorkerProcess::Event::kFrame:
        break;
    }
    if (frame.has_module()) {
      int64_t from = monotonic_nanos();
      reply_module(worker_, code_, frame.module());
      system_ns_ += monotonic_nanos() - from;
      deadline = limit();
    } else if (belongs(frame)) {
      return frame;
    } else if (frame.has_ops() || frame.has_done()) {
      stray_.push_back(std::move(frame));
    }
  }
}

void TransactionCall::lose(bool outgrew_memory) {
  auto cause = worker_.cause_of_end();
  fatal_ = true;
  if (outgrew_memory || cause == WorkerProcess::Cause::kOutOfMemory) {
    outcome_.loss = CallOutcome::Loss::kOutOfMemory;
  } else if (cause == WorkerProcess::Cause::kKilled) {
    outcome_.loss = CallOutcome::Loss::kKilled;
  } else {
    outcome_.loss =
        cause == WorkerProcess::Cause::kTimeout ? CallOutcome::Loss::kAtLimit : CallOutcome::Loss::kDied;
  }
  outcome_.error = host_error(cause == WorkerProcess::Cause::kTimeout ? timeout_text(*settings_.knobs)
                                                                      : out_of_memory_text(*settings_.knobs));
}

TransactionCall::LevelResult TransactionCall::finish_level(Level& level, const FunctionInfo& function,
                                                           const wire::CallDone& done) {
  consume(level, done.consumed());
  for (const wire::LogLine& line : done.logs()) outcome_.log_lines.push_back(log_line_from(line));
  outcome_.observed_time |= done.observed_time();
  outcome_.observed_random |= done.observed_random();
  outcome_.user_ms += static_cast<double>(done.user_time_us()) / 1000;
  outcome_.retire |= done.retire();
  if (fatal_) return {};

  if (done.has_error()) {
    const wire::JsError& error = done.error();
    switch (error.kind()) {
      case wire::JsError::EXCEPTION:
      case wire::JsError::DEVELOPER:
        return {std::nullopt, function_error_from(error), std::nullopt};
      case wire::JsError::TIMEOUT:
        outcome_.error = function_error_from(error);
        break;
      case wire::JsError::OUT_OF_MEMORY:
        outcome_.error = host_error(out_of_memory_text(*settings_.knobs));
        outcome_.loss = CallOutcome::Loss::kOutOfMemory;
        outcome_.retire = true;
        break;
      default:
        spdlog::error("a worker reported an internal error function={}: {}", level.path.canonical(),
                      error.message());
        outcome_.system_error = Error::internal("worker: " + error.message());
        outcome_.retire = true;
        break;
    }
    fatal_ = true;
    return {};
  }
  auto value = check_result(level.path, function.returns.get(), done.result_json(),
                            level.transaction->catalog(), *settings_.knobs, commit_ts_allowed());
  if (!value.ok()) return {std::nullopt, std::nullopt, std::move(value).error()};
  if (level.depth == 0 && contains_commit_ts(*value)) {
    return {std::nullopt, std::nullopt,
            Error::bad_request("InvalidReturnValue",
                               fmt::format("Function {} return value invalid: Value contains an unresolved "
                                           "commit timestamp",
                                           level.path.canonical()))};
  }
  return {*std::move(value), std::nullopt, std::nullopt};
}

void TransactionCall::answer_batch(Level& level, const wire::OpBatch& batch) {
  consume(level, batch.consumed());
  if (batch.ops().empty()) return;
  wire::ToWorker message;
  wire::OpResults* results = message.mutable_results();
  results->set_call_id(level.call_id);
  for (const wire::Op& op : batch.ops()) {
    wire::OpResult* result = results->add_results();
    result->set_op_id(op.op_id());
    if (fatal_) {
      set_fatal(*result);
      continue;
    }
    int64_t from = monotonic_nanos();
    bool nests = op.name() == "1.0/runUdf";
    answer(level, op, *result);
    if (!nests) system_ns_ += monotonic_nanos() - from;
    if (!fatal_ && system_ns_ > static_cast<int64_t>(settings_.knobs->udf_system_timeout_s * 1e9)) {
      fatal_ = true;
      outcome_.system_error = Error::bad_request(
          "SystemTimeoutError", "Your request timed out performing too many system operations.");
      set_fatal(*result);
    }
  }
  worker_.send(message);
}

void TransactionCall::answer(Level& level, const wire::Op& op, wire::OpResult& result) {
  if (op.name() == "1.0/queryStreamNext") {
    auto answered = query_stream_next(level, op.args_json(), result);
    if (!answered.ok()) set_error(result, answered.error());
    return;
  }
  auto json = dispatch(level, op);
  if (fatal_) {
    set_fatal(result);
  } else if (json.ok()) {
    result.set_json(*std::move(json));
  } else {
    set_error(result, json.error());
  }
}

void TransactionCall::set_fatal(wire::OpResult& result) {
  result.mutable_error()->set_fatal(true);
  result.mutable_error()->set_message("The call was ended");
}

void TransactionCall::set_error(wire::OpResult& result, const Error& error) {
  if (!error.is_deterministic()) {
    fatal_ = true;
    outcome_.system_error = error;
    set_fatal(result);
    return;
  }
  result.mutable_error()->set_message(error.message);
  if (error.data_json) result.mutable_error()->set_data_json(*error.data_json);
}

Result<std::string> TransactionCall::dispatch(Level& level, const wire::Op& op) {
  if (op.name() == "1.0/runUdf") return op_run_udf(level, op.args_json());
  if (auto done = database_op(level, op)) return *std::move(done);
  if (auto done = schedule_op(level, op)) return *std::move(done);
  if (auto done = storage_op(level, op)) return *std::move(done);
  if (auto done = meta_op(level, op)) return *std::move(done);
  return Error::bad_request(op.sync() ? "UnknownOperation" : "UnknownAsyncOperation",
                            (op.sync() ? "Unknown operation " : "Unknown async operation ") + op.name());
}

}  // namespace hull
