// Pushes (http-api.md §6; deploy-and-cli.md §2): bodies are decoded here and handed to Deploy on the blocking
// pool. Who waits for a schema holds no thread of it.
#include "server/body_codec.h"
#include "server/parked_answer.h"
#include "server/router.h"

namespace hull {
namespace {

struct DeployRequest {
  std::string body;
  IdentityPtr header_identity;  // only stands in for a key missing in the body
};

Result<DeployRequest> read_request(const ServerContext& context, HttpRequest& request) {
  HULL_CHECK_OK(check_json_body(request));
  DeployRequest out;
  HULL_TRY(out.body, decode_body(request.header("Content-Encoding").value_or(""), std::move(request.body),
                                 context.knobs->max_push_bytes));
  if (auto header = request.header("Authorization")) {
    if (auto identity = context.auth->from_admin_header(*header); identity.ok())
      out.header_identity = *std::move(identity);
  }
  return out;
}

using Step = Result<std::string> (Deploy::*)(std::string body, IdentityPtr header_identity);

HttpResponse take_step(ServerContext& context, HttpRequest& http, Step step) {
  auto request = read_request(context, http);
  if (!request.ok()) return HttpResponse::error(request.error());
  auto answer = (context.deploy->*step)(std::move(request->body), std::move(request->header_identity));
  return answer.ok() ? HttpResponse::json(std::move(*answer)) : HttpResponse::error(answer.error());
}

Route::Handler deploy_route(Step step) {
  return [step](ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
    context.pool->submit([&context, step, request, respond = std::move(respond)] {
      respond(take_step(context, *request, step));
    });
  };
}

// One wait_for_schema.
class SchemaPoll : public std::enable_shared_from_this<SchemaPoll> {
 public:
  SchemaPoll(ServerContext& context, Deploy::SchemaWait wait) : context_(context), wait_(std::move(wait)) {}

  void start(Responder respond) {
    auto as_of_now = [self = shared_from_this()] { return HttpResponse::json(self->wait_.watch.status()); };
    // Where it stands is also the answer when the server stops: the CLI then asks again, and finds the next
    // one.
    parked_ = ParkedAnswer::start(context_, std::move(respond), wait_.timeout, as_of_now, as_of_now);
    look();
  }

 private:
  void look() {
    std::lock_guard lock(mutex_);
    auto look = wait_.watch.look(
        [self = shared_from_this()] { self->context_.pool->submit([self] { self->look(); }); });
    if (look.final)
      parked_->answer(HttpResponse::json(std::move(look.json)));
    else
      parked_->hold(std::move(look.subscription));
  }

  ServerContext& context_;
  std::shared_ptr<ParkedAnswer> parked_;
  std::mutex mutex_;  // keeps looks in order, and their subscriptions
  Deploy::SchemaWait wait_;
};

void wait_for_schema(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  context.pool->submit([&context, request, respond = std::move(respond)] {
    auto body = read_request(context, *request);
    if (!body.ok()) return respond(HttpResponse::error(body.error()));
    auto wait = context.deploy->wait_for_schema(std::move(body->body), std::move(body->header_identity));
    if (!wait.ok()) return respond(HttpResponse::error(wait.error()));
    std::make_shared<SchemaPoll>(context, *std::move(wait))->start(respond);
  });
}

}  // namespace

void add_deploy_routes(Router& router, const Knobs& knobs) {
  RouteOptions options;
  options.admin_body_limit = knobs.max_push_bytes;
  router.add("POST", "/api/deploy2/start_push", deploy_route(&Deploy::start_push), options);
  router.add("POST", "/api/deploy2/evaluate_push", deploy_route(&Deploy::evaluate_push), options);
  router.add("POST", "/api/deploy2/evaluate_schema", deploy_route(&Deploy::evaluate_schema), options);
  router.add("POST", "/api/deploy2/wait_for_schema", wait_for_schema, options);
  router.add("POST", "/api/deploy2/finish_push", deploy_route(&Deploy::finish_push), options);
  router.add("POST", "/api/deploy2/report_push_completed", deploy_route(&Deploy::report_push_completed),
             options);
  router.add("POST", "/api/get_config_hashes", deploy_route(&Deploy::get_config_hashes));
}

}  // namespace hull
