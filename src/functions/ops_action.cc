// Operations of actions (syscalls.md §8.3): calls of other functions, identity, timers. Those of fetch and
// streams are in ops_fetch.cc, those on files in ops_storage.cc.
#include "functions/function_handles.h"
#include "functions/lookup.h"
#include "functions/op_args.h"
#include "functions/ops_meta.h"
#include "functions/running_action.h"

namespace hull {

Result<void> RunningAction::start_op(const wire::Op& op) {
  const std::string& name = op.name();
  if (name == "fetch") return start_fetch(op);
  if (name == "fetch/write") return write_upload(op);
  if (name == "fetch/abort") return abort_fetch(op);
  if (name == "stream/read") return read_stream(op);
  if (name == "stream/cancel") return cancel_stream(op);
  if (name == "sleep") return sleep(op);
  if (name == "1.0/actions/query") return call_function(op, UdfType::kQuery);
  if (name == "1.0/actions/mutation") return call_function(op, UdfType::kMutation);
  if (name == "1.0/actions/action") return call_function(op, UdfType::kAction);
  if (name == "1.0/getUserIdentity") {
    HULL_TRY(std::string user, call_.identity->user_json());
    answer_json(op.op_id(), std::move(user));
    return {};
  }
  if (name == "1.0/createFunctionHandle") {
    HULL_TRY(std::string handle, create_function_handle(*lookup_transaction(), op.args_json()));
    answer_json(op.op_id(), std::move(handle));
    return {};
  }
  HULL_TRY(bool about_jobs, start_schedule_op(op));
  if (about_jobs) return {};
  HULL_TRY(bool about_files, start_storage_op(op));
  if (about_files) return {};
  HULL_TRY(bool own, start_own_op(op));
  if (own) return {};
  MetaContext context{&call_, &call_.path, type_, parts_.settings.instance_name};
  auto result = shared_op(context, name);
  if (!result) {
    return Error::bad_request(op.sync() ? "UnknownOperation" : "UnknownAsyncOperation",
                              (op.sync() ? "Unknown operation " : "Unknown async operation ") + name);
  }
  HULL_TRY(std::string json, *std::move(result));
  answer_json(op.op_id(), std::move(json));
  return {};
}

std::unique_ptr<Transaction> RunningAction::lookup_transaction() {
  Transaction::Options options;
  options.access = TableAccess::kSystem;
  options.knobs = parts_.options.knobs;
  return std::make_unique<Transaction>(parts_.engine->snapshot(), options);
}

Result<void> RunningAction::call_function(const wire::Op& op, UdfType type) {
  std::string_view method = type == UdfType::kQuery      ? "runQuery"
                            : type == UdfType::kMutation ? "runMutation"
                                                         : "runAction";
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), method));
  FunctionCall call;
  auto lookup = lookup_transaction();
  HULL_TRY(call.path, args.address(*lookup));
  auto value = parse_convex_json("[" + std::string(args.raw("args").value_or("{}")) + "]");
  if (!value.ok()) {
    return Error::bad_request(
        "InvalidArgs", "Invalid arguments for " + call.path.canonical() + ": " + value.error().message);
  }
  call.args = *std::move(value);
  call.args_json = to_json(call.args);
  call.identity = call_.identity;
  call.allow_internal = true;
  call.context = call_.context;
  call.context.parent_execution_id = call_.context.execution_id;
  call.context.execution_id.clear();
  call.context.caller = "Action";
  ++call.context.depth;

  auto self = shared_from_this();
  uint64_t id = op.op_id();
  auto answered = [self, id](FunctionResult result) {
    if (result.value) {
      self->answer_json(id, to_json(*result.value));
    } else if (result.error) {
      self->answer_text(id, result.error->message, result.error->data_json);
    } else {
      self->answer_error(id, result.system_error.value_or(Error::internal("call without outcome")));
    }
  };
  if (type == UdfType::kQuery) {
    parts_.runner->query(std::move(call), std::nullopt, Timestamp{}, false, [self, id](QueryOutcome outcome) {
      if (!outcome.query) {
        self->answer_error(id, outcome.system_error.value_or(Error::internal("query without outcome")));
      } else if (outcome.query->ok()) {
        self->answer_json(id, outcome.query->value_json());
      } else {
        self->answer_text(id, outcome.query->error().message, outcome.query->error().data_json);
      }
    });
  } else if (type == UdfType::kMutation) {
    parts_.runner->mutation(std::move(call), std::nullopt, answered);
  } else {
    parts_.runner->action(std::move(call), answered);
  }
  return {};
}

Result<void> RunningAction::sleep(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "setTimeout"));
  std::lock_guard lock(mutex_);
  // A timer holds the action weakly: what sleeps at its end is forgotten.
  auto timer = std::make_shared<Timers::Id>(0);
  *timer = parts_.timers->after(args.number("ms", 0), [weak = weak_from_this(), id = op.op_id(), timer] {
    auto action = weak.lock();
    if (!action) return;
    {
      std::lock_guard lock(action->mutex_);
      action->sleeps_.erase(*timer);
    }
    action->answer_json(id, "null");
  });
  sleeps_.insert(*timer);
  return {};
}

}  // namespace hull
