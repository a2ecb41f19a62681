// The order in which a request is judged (http-api.md §1.2), CORS (§14), request ids, the access log and
// metrics. Sits between the Beast adapter and the routes. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/router.h"

namespace hull {

class Pipeline {
 public:
  explicit Pipeline(ServerContext& context);

  // Turns the path that a client sent into that of its route.
  void map_path(HttpRequest& request) const;
  // Most bytes of body the adapter should keep for this request (head only).
  size_t body_limit(const HttpRequest& head) const;
  // The route reads the body as a stream (head only).
  bool streams_body(const HttpRequest& head) const;
  // Whether the time for an answer counts from the end of the body.
  bool body_may_take_long(const HttpRequest& head) const;
  // Answers through `respond`, once, from any thread.
  void handle(RequestPtr request, Responder respond) const;

  // Checks an upgrade to the sync websocket. `client` is set and nullopt returned if it may go ahead.
  bool is_sync_path(const HttpRequest& head) const;
  std::optional<HttpResponse> refuse_upgrade(const HttpRequest& head, ClientVersion& client) const;

  ServerContext& context() const { return context_; }
  // Called by the adapter when the answer has been written, or the client has gone (status 499).
  void log_access(const HttpRequest& request, int status, size_t length, std::string_view content_type,
                  double ms) const;

 private:
  const Router& router_for(const HttpRequest& request) const { return request.site_port ? site_ : main_; }
  void route(const RequestPtr& request, Responder respond) const;

  ServerContext& context_;
  Router main_, site_;
  std::string site_name_;  // CONVEX_SITE, first field of an access line
};

// 429 for who sends too much (operations of this server, not of the reference).
HttpResponse too_many_requests(double retry_after_s);

// Adds the CORS headers of §14 for `request` to `response`.
void add_cors_headers(const HttpRequest& request, HttpResponse& response);
HttpResponse preflight_response(const HttpRequest& request);

}  // namespace hull
