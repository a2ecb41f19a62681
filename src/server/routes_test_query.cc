// POST /api/run_test_function: ad-hoc queries of `npx convex run --inline-query` and the dashboard
// (http-api.md §7.2).
#include "base/random.h"
#include "server/body_codec.h"
#include "server/function_call.h"
#include "server/router.h"
#include "services/component_reference.h"
#include "value/json.h"

namespace hull {
namespace {

struct TestRequest {
  TestQuery query;
  HttpCall call;
};

// As on push routes, the key is a member of the body.
Result<IdentityPtr> authorize(const ServerContext& context, ValueView body) {
  HULL_TRY(std::string key, string_field(body, "adminKey"));
  auto identity = context.auth->from_admin_text(key);
  if (!identity.ok()) {
    return Error::forbidden("BadDeployKey", "The provided deploy key was invalid for deployment '" +
                                                context.instance_name +
                                                "'. Double check that the environment this key was generated "
                                                "for matches the desired deployment.");
  }
  HULL_CHECK_OK(require_operation(**identity, "RunTestQuery"));
  return identity;
}

Result<TestRequest> parse(ServerContext& context, HttpRequest& request, const ClientVersion& client) {
  HULL_CHECK_OK(check_json_body(request));
  HULL_TRY(request.body, decode_body(request.header("Content-Encoding").value_or(""), std::move(request.body),
                                     context.knobs->max_push_bytes));
  HULL_TRY(Value body, json_body(request));
  TestRequest out;
  FunctionCall& call = out.query.call;
  HULL_TRY(call.identity, authorize(context, body));
  auto bundle = body.view().find("bundle");
  if (!bundle || !bundle->is_object()) {
    return Error::bad_request("BadJsonBody", "Failed to deserialize the JSON body: missing field `bundle`");
  }
  HULL_TRY(std::string path, string_field(*bundle, "path"));
  HULL_TRY(out.query.source, string_field(*bundle, "source"));
  HULL_TRY(auto source_map, optional_string_field(*bundle, "sourceMap"));
  out.query.source_map = source_map.value_or("");
  HULL_TRY(std::string format, string_field(body, "format"));
  HULL_TRY(out.call.format, parse_format(format, client));
  HULL_TRY(auto component, optional_string_field(body, "componentId"));
  HULL_CHECK_OK(check_component(*context.catalog(), component.value_or("")));
  auto module = ModulePath::parse(path);
  if (!module.ok() || module->is_system() || module->is_deps()) {
    return Error::bad_request("InvalidModules", "'" + path + "' is not a valid path of a module");
  }
  out.query.path = std::move(*module);
  out.call.path = FunctionPath{out.query.path, "default"};
  std::string args = "{}";
  HULL_TRY(auto members, split_json_object(request.body));
  for (auto& [name, raw] : members) {
    if (name == "args" && raw != "null") args = std::move(raw);
  }
  set_call_args(out.call, args);
  call.args = out.call.args;
  call.args_json = out.call.args_json;
  call.allow_internal = true;
  call.context.request_id = request.request_id;
  call.context.caller = "Tester";
  call.context.client_ip = request.client_ip();
  call.context.user_agent = request.user_agent();
  return out;
}

HttpResponse answer(ServerContext& context, HttpRequest& request, const ClientVersion& client) {
  auto parsed = parse(context, request, client);
  if (!parsed.ok()) return HttpResponse::error(parsed.error());
  const HttpCall& call = parsed->call;
  if (call.bad_args) {
    return HttpResponse::json(render_failure({*call.bad_args, std::nullopt}, request.request_id, {},
                                             call.format, context.redact_logs));
  }
  auto result = context.runner->test_query(std::move(parsed->query));
  if (!result.ok()) return HttpResponse::error(result.error());
  return render_result(*result, request.request_id, call.format, context.redact_logs, true);
}

}  // namespace

void add_test_query_routes(Router& router, const Knobs& knobs) {
  RouteOptions options;
  options.admin_body_limit = knobs.max_push_bytes;
  router.add(
      "POST", "/api/run_test_function",
      [](ServerContext& context, RequestPtr request, ClientVersion client, Responder respond) {
        context.pool->submit([&context, request, client = std::move(client), respond = std::move(respond)] {
          respond(answer(context, *request, client));
        });
      },
      options);
}

}  // namespace hull
