// Environment variables of the deployment (http-api.md §7.1; deploy-and-cli.md §1.7).
#include "server/router.h"
#include "services/environment.h"
#include "value/json.h"

namespace hull {
namespace {

Result<std::vector<EnvChange>> parse_changes(const HttpRequest& request) {
  HULL_TRY(Value body, json_body(request));
  auto changes = body.view().find("changes");
  if (!changes || !changes->is_array()) {
    return Error::bad_request("BadJsonBody",
                              "Failed to deserialize the JSON body: field `changes` must be an array");
  }
  std::vector<EnvChange> out;
  for (size_t i = 0; i < changes->count(); ++i) {
    EnvChange change;
    HULL_TRY(change.name, string_field(changes->element(i), "name"));
    HULL_TRY(change.value, optional_string_field(changes->element(i), "value"));
    out.push_back(std::move(change));
  }
  return out;
}

void update(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  with_admin(context, request, std::move(respond), "WriteEnvironmentVariables",
             [&context, request](IdentityPtr, Responder answer) {
               auto changes = parse_changes(*request);
               if (!changes.ok()) return answer(HttpResponse::error(changes.error()));
               context.pool->submit([&context, changes = std::move(*changes), answer] {
                 auto done = change_environment(*context.runner, *context.knobs, changes);
                 answer(done.ok() ? HttpResponse::empty(200) : HttpResponse::error(done.error()));
               });
             });
}

void list(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  with_admin(context, request, std::move(respond), "ViewEnvironmentVariables",
             [&context](IdentityPtr, Responder answer) {
               std::string body = "{\"environmentVariables\":{";
               bool first = true;
               for (const auto& [name, value] : user_environment(*context.catalog())) {
                 if (!first) body += ',';
                 first = false;
                 append_json_string(name, body);
                 body += ':';
                 append_json_string(value, body);
               }
               answer(HttpResponse::json(body + "}}"));
             });
}

}  // namespace

void add_environment_routes(Router& router) {
  for (const char* prefix : {"/api", "/api/v1"}) {
    router.add("POST", std::string(prefix) + "/update_environment_variables", update);
    router.add("GET", std::string(prefix) + "/list_environment_variables", list);
  }
}

}  // namespace hull
