// Health and names of the deployment (http-api.md §1.1; operations.md §7).
#include <charconv>

#include "server/router.h"

namespace hull {
namespace {

constexpr size_t kMaxEchoBytes = 128u << 20;

Route::Handler text_route(std::function<std::string(const ServerContext&)> text) {
  return [text = std::move(text)](ServerContext& context, RequestPtr, ClientVersion, Responder respond) {
    respond(HttpResponse::text(200, text(context)));
  };
}

// The body goes back as it comes, so that many large ones cost no memory.
void echo(ServerContext&, RequestPtr request, ClientVersion, Responder respond) {
  HttpResponse response;
  response.headers.emplace_back(
      "Content-Type", std::string(request->header("Content-Type").value_or("application/octet-stream")));
  auto length = request->header("Content-Length");
  if (length) {
    size_t bytes = 0;
    auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (error != std::errc() || end != length->data() + length->size() || bytes > kMaxEchoBytes) {
      request->body_stream->cancel();
      return respond(HttpResponse::error(400, "BadJsonBody",
                                         "Failed to buffer the request body: length limit exceeded"));
    }
    response.headers.emplace_back("Content-Length", std::string(*length));
  }
  response.stream = request->body_stream;
  respond(std::move(response));
}

void readiness(ServerContext& context, RequestPtr, ClientVersion, Responder respond) {
  bool ready = context.ready.load(std::memory_order_acquire);
  const bool stopping = context.stopping.load(std::memory_order_relaxed);
  bool read_only = ready && context.runner->engine().read_only().has_value();
  std::string reason = stopping    ? "\"stopping\""
                       : !ready    ? "\"starting\""
                       : read_only ? "\"the database accepts no more commits\""
                                   : "";
  bool ok = ready && !read_only && !stopping;
  respond(HttpResponse::json(
      std::string("{\"ready\":") + (ok ? "true" : "false") + ",\"reasons\":[" + reason + "]}",
      ok ? 200 : 503));
}

void metrics_text(ServerContext& context, RequestPtr, ClientVersion, Responder respond) {
  if (!context.metrics_endpoint) {
    return respond(HttpResponse::error(404, "MetricsDisabled", "/metrics endpoint disabled"));
  }
  bool ready = context.ready.load(std::memory_order_acquire);
  HttpResponse response = HttpResponse::text(
      200, context.metrics.render(ready ? context.runner : nullptr, ready ? context.scheduler : nullptr,
                                  ready ? context.crons : nullptr, context.limiter->open(), context.version));
  response.headers[0].second = "text/plain; version=0.0.4; charset=utf-8";
  respond(std::move(response));
}

}  // namespace

void add_meta_routes(Router& router) {
  RouteOptions bare;  // no CORS, no gate, answers at once
  bare.cors = false;
  bare.version_gate = false;
  bare.needs_backend = false;
  RouteOptions polled;
  polled.polled = true;
  RouteOptions early = polled;
  early.needs_backend = false;
  RouteOptions streaming;
  streaming.streams_body = true;
  streaming.compress = false;

  auto version = text_route([](const ServerContext& c) { return c.version; });
  router.add("GET", "/version", version, bare);
  router.add("GET", "/live", text_route([](const ServerContext&) { return std::string("ok"); }), bare);
  router.add("GET", "/ready", readiness, bare);
  router.add("GET", "/metrics", metrics_text, bare);
  router.add("GET", "/instance_version", version, early);
  router.add("GET", "/instance_name", text_route([](const ServerContext& c) { return c.instance_name; }),
             polled);
  router.add("GET", "/", text_route([](const ServerContext&) {
               return std::string("This Convex deployment is running. See https://docs.convex.dev/.");
             }),
             early);
  router.add("POST", "/echo", echo, streaming);
}

void add_site_meta_routes(Router& router) {
  RouteOptions bare;
  bare.cors = false;
  bare.version_gate = false;
  bare.needs_backend = false;
  router.add("GET", "/version", text_route([](const ServerContext& c) { return c.version; }), bare);
  router.add("GET", "/metrics", metrics_text, bare);
}

}  // namespace hull
