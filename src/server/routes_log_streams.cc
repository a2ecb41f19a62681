// Log streams: their configurations (http-api.md §7.3, §7.4).
#include "server/router.h"
#include "services/log_stream_config.h"
#include "services/log_stream_rows.h"
#include "services/log_streams.h"
#include "value/json.h"

namespace hull {
namespace {

std::string shown(const ServerContext& context, const DocumentPtr& row) {
  std::string id = row->id.text(), json = public_log_stream_json(id, row->value);
  auto counters = context.log_streams->counters(id);
  json.pop_back();
  return json + ",\"delivery\":{\"delivered\":" + std::to_string(counters.delivered) +
         ",\"dropped\":" + std::to_string(counters.dropped) + "}}";
}

HttpResponse list(ServerContext& context, const HttpRequest&) {
  std::string body = "[";
  for (const DocumentPtr& row : context.catalog()->system_rows("_log_sinks")) {
    if (body.size() > 1) body += ',';
    body += shown(context, row);
  }
  return HttpResponse::json(body + "]");
}

HttpResponse get(ServerContext& context, const HttpRequest& request) {
  auto row = find_log_stream(*context.catalog(), request.params[0]);
  return row.ok() ? HttpResponse::json(shown(context, *row)) : HttpResponse::error(row.error());
}

std::string secret_member(ValueView config) {
  auto secret = config.find("hmacSecret");
  return secret ? ",\"hmacSecret\":" + json_string(secret->as_string()) : "";
}

HttpResponse create(ServerContext& context, const HttpRequest& request) {
  auto apply = [&]() -> Result<ChangedLogStream> {
    HULL_TRY(Value body, json_body(request));
    return create_log_stream(*context.runner, *context.knobs, body);
  };
  auto created = apply();
  if (!created.ok()) return HttpResponse::error(created.error());
  context.log_streams->refresh();
  return HttpResponse::json("{\"logStreamType\":" + json_string(log_stream_type(created->config)) +
                            ",\"id\":" + json_string(created->id) + secret_member(created->config) + "}");
}

HttpResponse update(ServerContext& context, const HttpRequest& request) {
  auto apply = [&]() -> Result<ChangedLogStream> {
    HULL_TRY(Value body, json_body(request));
    return update_log_stream(*context.runner, *context.knobs, request.params[0], body);
  };
  auto updated = apply();
  if (!updated.ok()) return HttpResponse::error(updated.error());
  context.log_streams->refresh();
  return HttpResponse::empty(200);
}

HttpResponse rotate(ServerContext& context, const HttpRequest& request) {
  auto rotated = rotate_log_stream_secret(*context.runner, *context.knobs, request.params[0]);
  if (!rotated.ok()) return HttpResponse::error(rotated.error());
  context.log_streams->refresh();
  return HttpResponse::json("{\"logStreamType\":\"webhook\"" + secret_member(rotated->config) + "}");
}

HttpResponse remove(ServerContext& context, const HttpRequest& request) {
  auto removed = delete_log_stream(*context.runner, *context.knobs, request.params[0]);
  if (!removed.ok()) return HttpResponse::error(removed.error());
  context.log_streams->refresh();
  return HttpResponse::empty(200);
}

}  // namespace

void add_log_stream_routes(Router& router) {
  router.add("GET", "/api/v1/list_log_streams", admin_handler("ViewIntegrations", list));
  router.add("GET", "/api/v1/get_log_stream/{id}", admin_handler("ViewIntegrations", get));
  router.add("POST", "/api/v1/create_log_stream", admin_handler("WriteIntegrations", create));
  router.add("POST", "/api/v1/update_log_stream/{id}", admin_handler("WriteIntegrations", update));
  router.add("POST", "/api/v1/delete_log_stream/{id}", admin_handler("WriteIntegrations", remove));
  router.add("POST", "/api/v1/rotate_webhook_secret/{id}", admin_handler("WriteIntegrations", rotate));
}

}  // namespace hull
