// Route table (http-api.md §1): finds the handler of a path, and what the adapter must know before it reads
// the body. Built once at start, then read-only and thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/context.h"

namespace hull {

struct RouteOptions {
  size_t body_limit = 2'097'152;
  size_t admin_body_limit = 0;  // if more: of requests whose Authorization header has an admin key
  bool cors = true;
  bool version_gate = true;
  bool needs_backend = true;        // false: answers while the server still starts
  bool polled = false;              // access log at DEBUG
  bool hide_query = false;          // never log the query string
  bool hide_path = false;           // log the pattern instead of the path and the query
  bool streams_body = false;        // the body comes as a stream, without limit
  bool body_may_take_long = false;  // the time for the answer counts from the end of a streamed body
  bool raw_path = false;            // segments are not decoded, and so cannot be malformed
  bool compress = true;             // answers may be compressed if the client accepts that
  bool described = true;            // part of the OpenAPI descriptions
};

struct Route {
  using Handler = std::function<void(ServerContext&, RequestPtr, ClientVersion, Responder)>;
  std::string method;   // "GET"; "*" = any
  std::string pattern;  // "/api/v1/get_log_stream/{id}"; a final "{*}" matches the rest, possibly empty
  Handler handler;
  RouteOptions options;
};

class Router {
 public:
  void add(std::string method, std::string pattern, Route::Handler handler, RouteOptions options = {});

  struct Match {
    const Route* route = nullptr;     // null: no such path, or no such method on it
    std::string allow;                // set if the path exists with other methods: value of the Allow header
    bool cors = true;                 // then: whether that path has CORS headers
    std::vector<std::string> params;  // decoded
    std::optional<std::string> bad_param;
  };
  void for_each(const std::function<void(const Route&)>& use) const;
  // HEAD matches GET routes.
  Match match(std::string_view method, std::string_view path) const;

 private:
  struct Pattern {
    std::vector<std::string> segments;
    bool open_ended = false;
  };
  static bool matches(const Pattern& pattern, const std::vector<std::string_view>& segments);

  std::vector<std::pair<Pattern, std::unique_ptr<Route>>> routes_;
};

// A handler that needs `operation` and answers from the blocking pool.
Route::Handler admin_handler(std::string operation,
                             std::function<HttpResponse(ServerContext&, const HttpRequest&)> answer);

// One function per file of routes.
void add_meta_routes(Router& router);
void add_site_meta_routes(Router& router);
void add_function_routes(Router& router, const Knobs& knobs);
void add_deploy_routes(Router& router, const Knobs& knobs);
void add_environment_routes(Router& router);
void add_deployment_routes(Router& router);
void add_log_stream_routes(Router& router);
void add_usage_routes(Router& router);
void add_scheduling_routes(Router& router);
void add_storage_routes(Router& router);
void add_openapi_routes(Router& router);
void add_test_query_routes(Router& router, const Knobs& knobs);
void add_log_routes(Router& router);
void add_table_routes(Router& router);
void add_app_metrics_routes(Router& router);
void add_admin_routes(Router& router);
void add_http_action_routes(Router& router);

}  // namespace hull
