#include "functions/scheduled_jobs.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "functions/op_args.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr std::string_view kJobs = "_scheduled_jobs", kArgs = "_scheduled_job_args";
constexpr std::array<std::string_view, 5> kStates{"pending", "inProgress", "success", "failed", "canceled"};

Error malformed() { return Error::internal("malformed _scheduled_jobs row"); }

void optional_time(ValueBuilder& b, std::string_view name, const std::optional<int64_t>& ts) {
  b.key(name);
  if (ts) {
    b.int64(*ts);
  } else {
    b.null();
  }
}

// Whole microseconds: that is what seconds in a double can tell apart.
Result<int64_t> parse_time(const OpArgs& args) {
  constexpr double kMaxSeconds = 9.2e9;
  double seconds = args.number("ts", std::nan(""));
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kMaxSeconds) {
    return Error::bad_request("InvalidArgument",
                              fmt::format("Invalid arguments for `ts`: {} is not a time in "
                                          "seconds since the epoch",
                                          args.raw("ts").value_or("null")));
  }
  return std::llround(seconds * 1e6) * 1000;
}

Result<void> check_distance(int64_t at, int64_t now) {
  for (auto [far, which] : {std::pair(at - now, "in the future"), std::pair(now - at, "in the past")}) {
    if (far <= JobRequest::kMaxDistance) continue;
    return Error::bad_request(
        "InvalidScheduledFunctionDelay",
        fmt::format("{} is more than 5 years {}", static_cast<double>(at) / 1e9, which));
  }
  return {};
}

Result<void> check_exists(const FunctionPath& path, const Code& code) {
  const std::string& module = path.module.text;
  if (!code.modules().contains(module) || path.module.is_deps()) {
    return Error::bad_request("InvalidScheduledFunction",
                              "Attempted to schedule function at nonexistent path: " + module);
  }
  if (code.find(path)) return {};
  return Error::bad_request(
      "InvalidScheduledFunction",
      fmt::format(
          "Attempted to schedule function, but no exported function {} found in the file: {}. Did you "
          "forget to export it?",
          path.name, module));
}

}  // namespace

Result<ScheduledJob> ScheduledJob::parse(const Document& row) {
  ValueView value = row.value;
  auto path = value.find("udfPath"), args = value.find("argsId"), state = value.find("state");
  auto type = state ? state->find("type") : std::nullopt;
  auto original = value.find("originalScheduledTs");
  if (!path || !args || !args->is_string() || !type || !type->is_string() || !original) return malformed();
  auto known = std::find(kStates.begin(), kStates.end(), type->as_string());
  if (known == kStates.end()) return malformed();
  auto text = [](std::optional<ValueView> field) {
    return field && field->is_string() ? std::string(field->as_string()) : std::string();
  };
  auto time = [&value](std::string_view name) {
    auto field = value.find(name);
    return field && field->is_int64() ? std::optional(field->as_int64()) : std::nullopt;
  };
  ScheduledJob job;
  job.id = row.id;
  job.udf_path = path->as_string();
  job.args_id = args->as_string();
  job.state = static_cast<State>(known - kStates.begin());
  job.error = text(state->find("error"));
  job.request_id = text(state->find("request_id"));
  job.execution_id = text(state->find("execution_id"));
  job.next_ts = time("nextTs");
  job.completed_ts = time("completedTs");
  job.original_ts = original->as_int64();
  if (auto attempts = value.find("attempts")) {
    auto count = [&attempts](std::string_view name) {
      auto field = attempts->find(name);
      return field && field->is_int64() ? field->as_int64() : 0;
    };
    job.system_errors = count("systemErrors");
    job.occ_errors = count("occErrors");
  }
  return job;
}

Value ScheduledJob::fields() const {
  ValueBuilder b;
  b.begin_object();
  b.key("component").string("");
  b.key("udfPath").string(udf_path);
  b.key("udfArgs").null();
  b.key("argsId").string(args_id);
  b.key("state").begin_object().key("type").string(kStates.at(static_cast<size_t>(state)));
  if (state == State::kFailed) b.key("error").string(error);
  if (state == State::kInProgress && !request_id.empty()) b.key("request_id").string(request_id);
  if (state == State::kInProgress && !execution_id.empty()) b.key("execution_id").string(execution_id);
  b.end();
  optional_time(b, "nextTs", next_ts);
  optional_time(b, "completedTs", completed_ts);
  b.key("originalScheduledTs").int64(original_ts);
  b.key("attempts").begin_object();
  b.key("systemErrors").int64(system_errors);
  b.key("occErrors").int64(occ_errors);
  b.end().end();
  return b.finish();
}

Result<JobRequest> parse_job_request(Transaction& transaction, const Code& code, std::string_view args_json,
                                     int64_t now, bool may_call_system) {
  HULL_TRY(OpArgs args, OpArgs::parse(args_json, "scheduler"));
  JobRequest request;
  HULL_TRY(request.at, parse_time(args));
  HULL_TRY(request.path, args.address(transaction));
  auto value = parse_convex_json("[" + std::string(args.raw("args").value_or("{}")) + "]");
  if (!value.ok()) {
    return Error::bad_request(
        "InvalidArgs", "Invalid arguments for " + request.path.canonical() + ": " + value.error().message);
  }
  request.args = *std::move(value);
  if (!request.args.view().element(0).is_object()) return args.invalid("args", "must be an object");
  HULL_CHECK_OK(check_distance(request.at, now));
  if (request.path.module.is_system()) {
    if (!may_call_system)
      return Error::forbidden("SystemIdentityRequired", "Operation schedule not permitted");
    return request;
  }
  HULL_CHECK_OK(check_exists(request.path, code));
  return request;
}

Result<DocumentId> parse_job_id(Transaction& transaction, std::string_view args_json) {
  HULL_TRY(OpArgs args, OpArgs::parse(args_json, "db.cancel_job"));
  HULL_TRY(std::string text, args.string("id"));
  auto id = DocumentId::parse(text);
  if (!id.ok()) return args.invalid("id", id.error().message);
  const TableInfo* table = transaction.catalog().table(id->table);
  if (!table || table->name != kJobs) {
    return Error::bad_request(
        "InvalidArgument",
        "Invalid scheduled function ID. The ID must be an ID on the '_scheduled_functions' table.");
  }
  return *id;
}

Result<DocumentId> insert_job(Transaction& transaction, const JobRequest& request,
                              const std::optional<std::string>& parent, int64_t now) {
  HULL_CHECK_OK(transaction.charge_job(convex_size(request.args)));
  bool canceled = false;
  if (parent) {
    HULL_TRY(DocumentId parent_id, DocumentId::parse(*parent));
    HULL_TRY(auto parent_job, find_job(transaction, parent_id));
    canceled = parent_job && parent_job->state == ScheduledJob::State::kCanceled;
  }
  ValueBuilder args;
  args.begin_object().key("args").bytes(to_json(request.args)).end();
  HULL_TRY(DocumentId args_id, transaction.system_insert(kArgs, args.finish()));
  ScheduledJob job;
  job.udf_path = request.path.canonical();
  job.args_id = args_id.text();
  if (canceled) {
    job.state = ScheduledJob::State::kCanceled;
    job.original_ts = now;
    job.completed_ts = now;
  } else {
    job.original_ts = request.at;
    job.next_ts = std::max(request.at, now);
  }
  return transaction.system_insert(kJobs, job.fields());
}

Result<std::optional<ScheduledJob>> find_job(Transaction& transaction, const DocumentId& id) {
  HULL_TRY(DocumentPtr row, transaction.system_get(id));
  if (!row) return std::optional<ScheduledJob>();
  HULL_TRY(ScheduledJob job, ScheduledJob::parse(*row));
  return std::optional(std::move(job));
}

Result<std::string> job_args(const Snapshot& snapshot, const ScheduledJob& job) {
  HULL_TRY(DocumentId id, DocumentId::parse(job.args_id));
  const TableInfo* table = snapshot.catalog()->table(id.table);
  if (!table) return malformed();
  HULL_TRY(DocumentPtr row, snapshot.get(table->tablet, id.internal));
  auto args = row ? row->value->find("args") : std::nullopt;
  if (!args || !args->is_bytes()) return Error::internal("a scheduled job without arguments");
  return std::string(args->as_string());
}

Result<void> store_job(Transaction& transaction, const ScheduledJob& job) {
  return transaction.system_replace(job.id, job.fields());
}

Result<void> end_job(Transaction& transaction, ScheduledJob job, ScheduledJob::State state, int64_t now,
                     std::string error) {
  job.state = state;
  job.error = std::move(error);
  job.next_ts.reset();
  job.completed_ts = now;
  return store_job(transaction, job);
}

Result<void> cancel_job(Transaction& transaction, const DocumentId& id, int64_t now) {
  HULL_TRY(auto job, find_job(transaction, id));
  if (!job || job->finished()) return {};
  return end_job(transaction, *std::move(job), ScheduledJob::State::kCanceled, now);
}

Result<void> remove_job(Transaction& transaction, const DocumentId& id) {
  HULL_TRY(auto job, find_job(transaction, id));
  if (!job) return {};
  HULL_TRY(DocumentId args, DocumentId::parse(job->args_id));
  HULL_CHECK_OK(transaction.system_remove(args));
  return transaction.system_remove(id);
}

std::optional<LimitWarning> large_args_warning(ValueView args, const Knobs& knobs) {
  const size_t size = convex_size(args);
  if (size <= knobs.large_job_args_bytes / 5 * 4) return std::nullopt;
  return LimitWarning{
      "ScheduledFunctionsArgumentsTooLarge",
      fmt::format("Large arguments for a single scheduled function from this mutation (actual: {} bytes, "
                  "limit: {} bytes).",
                  size, knobs.large_job_args_bytes)};
}

}  // namespace hull
