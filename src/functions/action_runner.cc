#include "functions/action_runner.h"

#include "base/random.h"
#include "functions/lookup.h"
#include "functions/running_action.h"

namespace hull {

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
  if ((*code)->modules().at(call.path.module.text).environment == "node") {
    return fail(Error::bad_request("NotAvailable",
                                   "\"use node\" actions are not available in this version of Hull yet"));
  }
  parts_.starter->note_call(call.path.module.text);
  parts_.actions->submit(std::make_shared<RunningAction>(
      &parts_, *std::move(code), *function, std::move(snapshot), std::move(call), std::move(done)));
}

}  // namespace hull
