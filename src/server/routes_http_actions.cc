// HTTP actions on the site port and below /http/ on the main port (http-api.md §10): answered with what is
// missing.
#include "server/router.h"

namespace hull {
namespace {

void http_action(ServerContext& context, RequestPtr, ClientVersion, Responder respond) {
  context.pool->submit([&context, respond = std::move(respond)] {
    auto code = context.runner->code().load(*context.catalog());
    if (!code.ok()) return respond(HttpResponse::error(code.error()));
    if (!(*code)->modules().contains("http.js")) {
      return respond(HttpResponse::text(404, "This Convex deployment does not have HTTP actions enabled."));
    }
    respond(HttpResponse::error(500, "HttpActionsUnavailable",
                                "This version of the server cannot run HTTP actions yet."));
  });
}

}  // namespace

void add_http_action_routes(Router& router) {
  RouteOptions options;
  options.cors = false;
  options.body_limit = 20u << 20;
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    router.add(method, "/http/{*}", http_action, options);
  }
}

}  // namespace hull
