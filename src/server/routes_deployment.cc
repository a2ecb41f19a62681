// The deployment as a whole: its addresses, whether it runs, its history (http-api.md §7.1, §7.3).
#include "server/router.h"
#include "services/canonical_url_change.h"
#include "services/stop_state.h"
#include "value/json.h"

namespace hull {
namespace {

void get_canonical_urls(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  with_admin(context, request, std::move(respond), "", [&context](IdentityPtr, Responder answer) {
    answer(HttpResponse::json("{\"convexCloudUrl\":" + json_string(context.cloud_url()) +
                              ",\"convexSiteUrl\":" + json_string(context.site_url()) + "}"));
  });
}

// An empty 200, or the error.
HttpResponse done_or_error(const Result<void>& done) {
  return done.ok() ? HttpResponse::empty(200) : HttpResponse::error(done.error());
}

HttpResponse update_canonical_url(ServerContext& context, const HttpRequest& request) {
  auto apply = [&]() -> Result<void> {
    HULL_TRY(Value body, json_body(request));
    HULL_TRY(std::string destination, string_field(body, "requestDestination"));
    HULL_TRY(auto url, optional_string_field(body, "url"));
    return set_canonical_url(*context.runner, *context.knobs, destination, url);
  };
  return done_or_error(apply());
}

HttpResponse pause(ServerContext& context, const HttpRequest&) {
  return done_or_error(pause_deployment(*context.runner, *context.knobs));
}

HttpResponse unpause(ServerContext& context, const HttpRequest&) {
  return done_or_error(unpause_deployment(*context.runner, *context.knobs));
}

void deployment_info(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  with_admin(context, request, std::move(respond), "ViewData",
             [](IdentityPtr, Responder answer) { answer(HttpResponse::json("{\"kind\":\"selfHosted\"}")); });
}

}  // namespace

void add_deployment_routes(Router& router) {
  router.add("GET", "/api/v1/get_canonical_urls", get_canonical_urls);
  for (const char* prefix : {"/api", "/api/v1"}) {
    router.add("POST", std::string(prefix) + "/update_canonical_url",
               admin_handler("WriteEnvironmentVariables", update_canonical_url));
  }
  router.add("POST", "/api/v1/pause_deployment", admin_handler("PauseDeployment", pause));
  router.add("POST", "/api/v1/unpause_deployment", admin_handler("UnpauseDeployment", unpause));
  router.add("GET", "/api/v1/deployment_info", deployment_info);
}

}  // namespace hull
