// Pushes (http-api.md §6; deploy-and-cli.md §2): bodies are decoded here and handed to Deploy on the blocking
// pool.
#include "server/body_codec.h"
#include "server/router.h"

namespace hull {
namespace {

using Step = Result<std::string> (Deploy::*)(std::string body, IdentityPtr header_identity);

Route::Handler deploy_route(Step step) {
  return [step](ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
    context.pool->submit([&context, step, request, respond = std::move(respond)] {
      if (auto checked = check_json_body(*request); !checked.ok()) {
        return respond(HttpResponse::error(checked.error()));
      }
      auto body = decode_body(request->header("Content-Encoding").value_or(""), std::move(request->body),
                              context.knobs->max_push_bytes);
      if (!body.ok()) return respond(HttpResponse::error(body.error()));
      // The key in the body decides; the header only stands in for a missing one.
      IdentityPtr header_identity;
      if (auto header = request->header("Authorization")) {
        if (auto identity = context.auth->from_admin_header(*header); identity.ok())
          header_identity = *std::move(identity);
      }
      auto answer = (context.deploy->*step)(*std::move(body), std::move(header_identity));
      respond(answer.ok() ? HttpResponse::json(std::move(*answer)) : HttpResponse::error(answer.error()));
    });
  };
}

}  // namespace

void add_deploy_routes(Router& router, const Knobs& knobs) {
  RouteOptions options;
  options.body_limit = knobs.max_push_bytes;
  router.add("POST", "/api/deploy2/start_push", deploy_route(&Deploy::start_push), options);
  router.add("POST", "/api/deploy2/evaluate_push", deploy_route(&Deploy::evaluate_push), options);
  router.add("POST", "/api/deploy2/evaluate_schema", deploy_route(&Deploy::evaluate_schema), options);
  router.add("POST", "/api/deploy2/wait_for_schema", deploy_route(&Deploy::wait_for_schema), options);
  router.add("POST", "/api/deploy2/finish_push", deploy_route(&Deploy::finish_push), options);
  router.add("POST", "/api/deploy2/report_push_completed", deploy_route(&Deploy::report_push_completed),
             options);
  router.add("POST", "/api/get_config_hashes", deploy_route(&Deploy::get_config_hashes));
}

}  // namespace hull
