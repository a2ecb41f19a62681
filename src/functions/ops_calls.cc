// Functions called within a transaction (syscalls.md §8.2).
#include "functions/lookup.h"
#include "functions/ops_meta.h"
#include "functions/transaction_call.h"

namespace hull {

namespace {

// What the caller's promise rejects with.
Error error_for_caller(const FunctionError& error) {
  Error out = Error::bad_request("FunctionFailed", error.message);
  out.data_json = error.data_json;
  return out;
}

}  // namespace

Result<std::string> TransactionCall::op_run_udf(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "runUdf"));
  HULL_TRY(std::string kind, args.string("udfType"));
  HULL_TRY(FunctionPath path, args.address(*level.transaction));
  bool stale = kind == "snapshotQuery";
  if (kind != "query" && kind != "mutation" && !stale)
    return args.invalid("udfType", "unknown function type");
  UdfType type = kind == "mutation" ? UdfType::kMutation : UdfType::kQuery;
  if (level.type == UdfType::kQuery && (type == UdfType::kMutation || stale)) {
    return Error::bad_request("InvalidFunctionCall", "Cannot call a Mutation function from a Query function");
  }
  if (level.depth + 1 > static_cast<int>(settings_.knobs->max_call_depth)) {
    return Error::bad_request(
        "MaximumCallDepthExceeded",
        "Cross component call depth limit exceeded. Do you have an infinite loop in your app?");
  }
  HULL_TRY(TransactionBudget budget, args.transaction_budget("transactionLimits"));
  std::string args_json = "[" + std::string(args.raw("args").value_or("{}")) + "]";

  if (stale) {
    // Reads the snapshot only: neither sees the caller's writes nor adds to its read set. What it reads
    // still counts.
    Transaction::Options options;
    options.knobs = settings_.knobs;
    options.cursors = settings_.cursors;
    options.now_ms = now_ms_;
    Transaction snapshot(level.transaction->snapshot(), options);
    snapshot.charge_to(*level.transaction, budget);
    auto value = run_nested(level, type, path, args_json, snapshot);
    level.transaction->take_charges(snapshot);
    if (!value.ok()) return std::move(value).error();
    return to_json(*value);
  }
  level.transaction->begin_nested(budget);
  auto value = run_nested(level, type, path, args_json, *level.transaction);
  if (!value.ok()) {
    level.transaction->rollback_nested();
    return std::move(value).error();
  }
  level.transaction->commit_nested();
  return to_json(*value);
}

Result<Value> TransactionCall::run_nested(Level& level, UdfType type, const FunctionPath& path,
                                          std::string_view args_json, Transaction& transaction) {
  HULL_TRY(const FunctionInfo* function, find_function(code_, path, type, {.allow_internal = true}));
  auto args = parse_convex_json(args_json, {.allow_commit_ts = commit_ts_allowed()});
  if (!args.ok()) {
    return Error::bad_request("InvalidArgs",
                              "Invalid arguments for " + path.canonical() + ": " + args.error().message);
  }
  HULL_CHECK_OK(check_args(path, function->args.get(), *args, transaction.catalog(), *settings_.knobs));

  Level callee;
  callee.type = type;
  callee.path = path;
  callee.transaction = &transaction;
  callee.depth = level.depth + 1;
  LevelResult result = run_level(callee, *function, to_json(*args), level.call_id);
  if (fatal_) return Error::internal("the call was ended");
  if (result.error) return error_for_caller(*result.error);
  if (result.refusal) return std::move(*result.refusal);
  return *std::move(result.value);
}

}  // namespace hull
