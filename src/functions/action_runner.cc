#include "functions/action_runner.h"

#include "base/random.h"
#include "functions/lookup.h"
#include "functions/running_action.h"

namespace hull {

namespace {

constexpr size_t kMaxNodeArgs = 5u << 20;

Error node_args_too_large() {
  return Error::bad_request(
      "ArgsTooLarge",
      "Node actions arguments size is too large. The maximum size is 5 MiB. Reduce the size of the arguments "
      "or consider using Convex runtime actions instead, which have a 16 MiB limit. See "
      "https://docs.convex.dev/functions/runtimes");
}

}  // namespace

void ActionRunner::run(FunctionCall call, FunctionCallback done) {
  call.context.execution_id = random_uuid();
  auto fail = [&done](const Error& error) {
    CallOutcome outcome = failed_outcome(error);
    FunctionResult result;
    result.error = std::move(outcome.error);
    result.system_error = std::move(outcome.system_error);
    done(std::move(result));
  };
  SnapshotPtr snapshot = parts_.engine->snapshot();
  auto code = parts_.loader->load(*snapshot->catalog());
  if (!code.ok()) return fail(code.error());
  auto function = admit_call(parts_, call, UdfType::kAction, **code, *snapshot->catalog());
  if (!function.ok()) return fail(function.error());
  const bool on_node = (*code)->modules().at(call.path.module.text).environment == "node";
  if (on_node && call.args_json.size() > kMaxNodeArgs) return fail(node_args_too_large());
  ActionPool& pool = on_node ? *parts_.node_actions : *parts_.actions;
  pool.submit(std::make_shared<RunningAction>(&parts_, *std::move(code), *function, std::move(snapshot),
                                              std::move(call), std::move(done)));
}

}  // namespace hull
