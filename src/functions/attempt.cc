#include "functions/attempt.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "functions/lookup.h"

namespace hull {

namespace {

struct OperationRight {
  std::string_view operation, action;
  bool read_only_may;
};
constexpr std::array<OperationRight, 25> kRights = {{
    {"Deploy", "deployment:deploy", false},
    {"ViewEnvironmentVariables", "deployment:env:view", true},
    {"WriteEnvironmentVariables", "deployment:env:write", false},
    {"PauseDeployment", "deployment:pause", false},
    {"UnpauseDeployment", "deployment:unpause", false},
    {"ViewLogs", "deployment:logs:view", true},
    {"ViewMetrics", "deployment:metrics:view", true},
    {"ViewIntegrations", "deployment:integrations:view", true},
    {"WriteIntegrations", "deployment:integrations:write", false},
    {"ViewData", "deployment:data:view", true},
    {"WriteData", "deployment:data:write", false},
    {"ViewBackups", "deployment:backups:view", true},
    {"CreateBackups", "deployment:backups:create", false},
    {"DownloadBackups", "deployment:backups:download", true},
    {"DeleteBackups", "deployment:backups:delete", false},
    {"ImportBackups", "deployment:backups:import", false},
    {"ActAsUser", "deployment:functions:actAsUser", false},
    {"RunInternalQueries", "deployment:functions:runInternalQueries", true},
    {"RunInternalMutations", "deployment:functions:runInternalMutations", false},
    {"RunInternalActions", "deployment:functions:runInternalActions", false},
    {"RunTestQuery", "deployment:functions:runTestQuery", true},
    {"ViewAuditLog", "deployment:auditLog:view", true},
    {"ViewUsageLimits", "deployment:usageLimits:view", true},
    {"WriteUsageLimits", "deployment:usageLimits:write", false},
    {"ViewUsage", "deployment:usage:view", true},
}};

std::optional<std::string> operation_refusal(const Identity& identity, std::string_view operation) {
  if (operation.empty() || !identity.read_only) return std::nullopt;
  std::string_view action = operation;
  for (const OperationRight& right : kRights) {
    if (right.operation != operation) continue;
    if (right.read_only_may) return std::nullopt;
    action = right.action;
  }
  return fmt::format("You do not have permission to perform this operation ({}).", action);
}

std::string_view internal_operation(UdfType type) {
  if (type == UdfType::kQuery) return "RunInternalQueries";
  return type == UdfType::kMutation ? "RunInternalMutations" : "RunInternalActions";
}

}  // namespace

std::unique_ptr<Transaction> begin_call(RunnerParts& parts, const FunctionCall& call, UdfType type,
                                        SnapshotPtr snapshot, double now_ms) {
  bool system = is_system_call(call);
  Transaction::Options options;
  options.access = system ? TableAccess::kSystem : TableAccess::kUser;
  options.writable = type == UdfType::kMutation;
  options.knobs = parts.options.knobs;
  options.cursors = parts.settings.cursors;
  options.now_ms = now_ms;
  auto transaction = std::make_unique<Transaction>(std::move(snapshot), options);
  if (!system) {
    for (std::string_view table :
         {"_modules", "_udf_config", "_environment_variables", "_canonical_urls", "_backend_state"}) {
      transaction->depend_on_system_table(table);
    }
  }
  return transaction;
}

Result<const FunctionInfo*> admit_call(RunnerParts& parts, const FunctionCall& call, UdfType type,
                                       const Code& code, const Catalog& catalog) {
  if (auto stopped = stopped_text(catalog)) return Error::bad_request("DeploymentPaused", *stopped);
  HULL_TRY(const FunctionInfo* function,
           find_function(code, call.path, type, {call.allow_internal, call.public_not_found_text}));
  if (!function->is_public && call.context.depth == 0) {
    if (auto refusal = operation_refusal(*call.identity, internal_operation(type)))
      return Error::forbidden("OperationNotPermitted", *std::move(refusal));
  }
  HULL_CHECK_OK(check_args(call.path, function->args.get(), call.args, catalog, *parts.options.knobs));
  return function;
}

CallOutcome failed_outcome(const Error& error) {
  CallOutcome outcome;
  if (error.is_deterministic()) {
    outcome.error = host_error(error);
  } else {
    outcome.system_error = error;
  }
  return outcome;
}

CallOutcome run_on_worker(RunnerParts& parts, WorkerProcess& worker, const Code& code,
                          const FunctionCall& call, UdfType type, const FunctionInfo& function,
                          Transaction& transaction, std::optional<std::string> journal_end, double now_ms) {
  parts.starter->note_call(call.path.module.text);
  TransactionCall running(parts.settings, worker, code, call, type, transaction, std::move(journal_end),
                          now_ms);
  CallOutcome outcome = running.run(function);
  append_warnings(outcome, call, type, &transaction, *parts.options.knobs);
  return outcome;
}

CallOutcome run_system_function(RunnerParts& parts, const FunctionCall& call, UdfType type,
                                Transaction& transaction, std::optional<std::string> journal_end) {
  CallOutcome outcome;
  outcome.observed_identity = true;
  auto fail = [&outcome](std::string text) {
    outcome.error = host_error(std::move(text));
    return std::move(outcome);
  };
  const Identity& identity = *call.identity;
  bool allowed = identity.is_admin() && !identity.attributes;
  const SystemFunction* function = allowed ? parts.system_functions.find(call.path.canonical()) : nullptr;
  if (!function) return fail(not_found_text(call.path, call.public_not_found_text));
  if (function->type != type) {
    return fail(fmt::format("Trying to execute {} as {}, but it is defined as {}.", call.path.canonical(),
                            udf_type_name(type), udf_type_name(function->type)));
  }
  if (auto refusal = operation_refusal(identity, function->operation)) return fail(*std::move(refusal));
  auto checked =
      check_args(call.path, function->args.get(), call.args, transaction.catalog(), *parts.options.knobs);
  if (!checked.ok()) return fail(checked.error().message);

  Value no_args = ValueBuilder().begin_object().end().finish();
  ValueView args = call.args.view().count() > 0 ? call.args.view().element(0) : no_args.view();
  std::optional<std::string_view> end;
  if (journal_end) end = *journal_end;
  auto value = function->run(transaction, args, end);
  if (value.ok()) {
    outcome.value = *std::move(value);
  } else if (value.error().is_deterministic()) {
    outcome.error = host_error(value.error());
  } else {
    outcome.system_error = value.error();
  }
  return outcome;
}

LogLine warning_line(std::string text, std::string_view code, std::string_view level) {
  LogLine line;
  line.level = level;
  line.messages.push_back(std::move(text));
  line.timestamp_ms = unix_millis();
  line.system_code = code;
  return line;
}

void append_warnings(CallOutcome& outcome, const FunctionCall& call, UdfType type,
                     const Transaction* transaction, const Knobs& knobs) {
  bool action = type == UdfType::kAction || type == UdfType::kHttpAction;
  auto check = [&outcome](std::string_view code, std::string_view message, size_t actual, size_t limit) {
    if (actual <= limit / 5 * 4 || actual > limit) return;
    outcome.log_lines.push_back(
        warning_line(fmt::format("{} (actual: {} bytes, limit: {} bytes).", message, actual, limit),
                     "warning:" + std::string(code)));
  };
  check(action ? "FunctionArgumentsTooLarge" : "TooLargeFunctionArguments",
        action ? "Large size of the action arguments" : "Large size of the function arguments",
        convex_size(call.args), knobs.max_args_size);
  if (transaction) {
    for (LimitWarning& warning : transaction->warnings()) {
      outcome.log_lines.push_back(warning_line(std::move(warning.text), "warning:" + warning.code));
    }
  }
  if (outcome.value) {
    check("TooLargeFunctionResult",
          action ? "Large size of the action return value" : "Large size of the function return value",
          convex_size(*outcome.value), knobs.max_result_size);
  }
  double limit_ms = (action ? knobs.action_user_timeout_s : knobs.udf_user_timeout_s) * 1000;
  if (outcome.user_ms > limit_ms * 0.8 && outcome.user_ms <= limit_ms) {
    outcome.log_lines.push_back(warning_line(
        fmt::format("Function execution took a long time. (maximum duration: {}s, actual duration: {}ms).",
                    limit_ms / 1000, static_cast<int64_t>(outcome.user_ms)),
        "warning:UserTimeout"));
  }
}

std::shared_ptr<CallTicket> queue_call(RunnerParts& parts, UdfType type) {
  return std::make_shared<CallTicket>(parts.outstanding, OutstandingCalls::Runtime::kIsolate, type);
}

void start_call(RunnerParts& parts, UdfType type, CallTicket& ticket) {
  parts.metrics.started(type, OutstandingCalls::Runtime::kIsolate, ticket.start());
}

std::vector<FunctionLogEntry::TableRows> tables_read(const Transaction& transaction) {
  std::vector<FunctionLogEntry::TableRows> out;
  for (const auto& [table, rows] : transaction.rows_read()) out.push_back({table, rows});
  return out;
}

FunctionLogEntry completion_entry(const FunctionCall& call, UdfType type, double started_ms) {
  FunctionLogEntry entry;
  double now_ms = unix_millis();
  entry.udf_type = type;
  entry.identifier = call.path.display();
  entry.timestamp_s = now_ms / 1000;
  entry.execution_timestamp_s = started_ms / 1000;
  entry.execution_time_s = std::max(0.0, now_ms - started_ms) / 1000;
  entry.request_id = call.context.request_id;
  entry.execution_id = call.context.execution_id;
  entry.parent_execution_id = call.context.parent_execution_id;
  entry.caller = call.context.caller;
  entry.identity_type = call.identity->log_type();
  return entry;
}

}  // namespace hull
