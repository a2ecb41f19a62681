#include "functions/action_runner.h"

#include "base/random.h"
#include "functions/http_action.h"
#include "functions/lookup.h"
#include "functions/plain_action.h"

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
  if (call.context.execution_id.empty()) call.context.execution_id = random_uuid();
  auto fail = [this, &call, &done](const Error& error) {
    CallOutcome outcome = failed_outcome(error);
    if (error.kind == ErrorKind::kForbidden) {  // for callers of actions not an error of the function
      outcome.error.reset();
      outcome.system_error = error;
    }
    FunctionLogEntry entry = completion_entry(call, UdfType::kAction, unix_millis());
    entry.error = std::string(error.public_message()) + (outcome.error ? "\n" : "");
    entry.system_error = outcome.system_error.has_value();
    parts_.log->append(std::move(entry));
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
  parts_.starter->note_call(call.path.module.text);
  ActionPool& pool = on_node ? *parts_.node_actions : *parts_.actions;
  pool.submit(std::make_shared<PlainAction>(&parts_, *std::move(code), *function, snapshot, std::move(call),
                                            std::move(done)));
}

void ActionRunner::run_http(HttpActionRequest request, OnHttpResponse respond) {
  request.context.execution_id = random_uuid();
  auto refuse = [&](const Error& error) {
    if (request.body) request.body->cancel();
    respond(failed_response(failed_outcome(error), request.context.request_id, parts_.options.redact_logs));
  };
  SnapshotPtr snapshot = parts_.engine->snapshot();
  auto code = parts_.loader->load(*snapshot->catalog());
  if (!code.ok()) return refuse(code.error());
  if (auto stopped = stopped_text(*snapshot->catalog())) {
    return refuse(Error::bad_request("DeploymentPaused", *stopped));
  }
  if (!(*code)->modules().contains("http.js")) {
    if (request.body) request.body->cancel();
    return respond(text_response(404, "This Convex deployment does not have HTTP actions enabled."));
  }
  parts_.starter->note_call("http.js");
  parts_.actions->submit(
      std::make_shared<HttpAction>(&parts_, *std::move(code), std::move(request), std::move(respond)));
}

}  // namespace hull
