#include "server/pipeline.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "server/response_coding.h"

namespace hull {
namespace {

constexpr std::string_view kSyncSuffix = "/sync";
constexpr std::string_view kProxyAdvice =
    "A reverse proxy in front of the server has to pass websockets on; with nginx by these two lines: "
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";
constexpr int64_t kAdviceIntervalNs = 60'000'000'000;

// A proxy that does not pass websockets on breaks every client at once: logged at most once a minute.
void note_missing_upgrade() {
  static std::atomic<int64_t> next_ns{0};
  const int64_t now = monotonic_nanos();
  int64_t due = next_ns.load(std::memory_order_relaxed);
  if (now < due || !next_ns.compare_exchange_strong(due, now + kAdviceIntervalNs)) return;
  spdlog::warn("A request for the sync websocket came without upgrade headers. {}", kProxyAdvice);
}

// "/api/sync" or "/api/<version>/sync" -> version segment ("" without one).
std::optional<std::string_view> sync_path_version(std::string_view path) {
  while (path.starts_with("//")) path.remove_prefix(1);  // an address with a trailing slash
  if (path == "/api/sync") return "";
  if (!path.starts_with("/api/") || !path.ends_with(kSyncSuffix) || path.size() <= 5 + kSyncSuffix.size()) {
    return std::nullopt;
  }
  std::string_view version = path.substr(5, path.size() - 5 - kSyncSuffix.size());
  if (version.empty() || version.find('/') != std::string_view::npos) return std::nullopt;
  return version;
}

bool has_token(std::optional<std::string_view> list, std::string_view token) {
  if (!list) return false;
  std::string_view rest = *list;
  while (true) {
    size_t comma = rest.find(',');
    if (equals_ignoring_case(trim(rest.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
}

void add_deprecation(const ClientVersion& client, HttpResponse& response) {
  if (client.state() == ClientVersion::State::kSupported) return;
  bool unsupported = client.state() == ClientVersion::State::kUnsupported;
  response.headers.emplace_back("x-convex-deprecation-state",
                                unsupported ? "Unsupported" : "UpgradeRequired");
  response.headers.emplace_back("x-convex-deprecation-message", client.deprecation_message());
}

// The answer to a client that is too old or whose version cannot be read.
std::optional<HttpResponse> gate(const Result<ClientVersion>& client) {
  if (!client.ok()) return HttpResponse::error(client.error());
  if (client->state() != ClientVersion::State::kUnsupported) return std::nullopt;
  HttpResponse response = HttpResponse::error(400, "ClientVersionUnsupported", client->deprecation_message());
  add_deprecation(*client, response);
  return response;
}

bool is_printable(std::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f) return false;
  }
  return true;
}

HttpResponse not_ready() {
  HttpResponse response =
      HttpResponse::error(503, "NotReady", "The server is starting. Try again in a moment.");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

// Answers that take longer to compress than this size does are not made on the calling thread.
constexpr size_t kCompressAtOnce = 16 * 1024;

// Compresses what goes through, as far as client and content allow it.
Responder compressing(ServerContext& context, const HttpRequest& request, Responder respond) {
  auto accepted = request.header("Accept-Encoding");
  ContentCoding coding = accepted ? choose_coding(*accepted) : ContentCoding::kIdentity;
  return [&context, coding, respond = std::move(respond)](HttpResponse response) {
    if (!is_compressible(response)) return respond(std::move(response));
    response.headers.emplace_back("Vary", "accept-encoding");
    if (coding == ContentCoding::kIdentity) return respond(std::move(response));
    if (response.body.size() <= kCompressAtOnce) {
      compress(response, coding);
      return respond(std::move(response));
    }
    context.compressor->submit([coding, respond, response = std::move(response)]() mutable {
      compress(response, coding);
      respond(std::move(response));
    });
  };
}

}  // namespace

HttpResponse too_many_requests(double retry_after_s) {
  HttpResponse response =
      HttpResponse::error(429, "TooManyRequests", "Too many requests from your address. Try again later.");
  response.headers.emplace_back("Retry-After",
                                std::to_string(std::max<int64_t>(1, std::llround(std::ceil(retry_after_s)))));
  return response;
}

void add_cors_headers(const HttpRequest& request, HttpResponse& response) {
  if (auto origin = request.header("Origin")) {
    response.headers.emplace_back("Access-Control-Allow-Origin", std::string(*origin));
  }
  response.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  std::string vary = "origin, access-control-request-method, access-control-request-headers";
  for (auto& header : response.headers) {
    if (!equals_ignoring_case(header.first, "Vary")) continue;
    header.second = vary + ", " + header.second;
    return;
  }
  response.headers.emplace_back("Vary", std::move(vary));
}

HttpResponse preflight_response(const HttpRequest& request) {
  HttpResponse response = HttpResponse::empty(200);
  add_cors_headers(request, response);
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET,POST,OPTIONS,PATCH,DELETE,PUT");
  if (auto headers = request.header("Access-Control-Request-Headers")) {
    response.headers.emplace_back("Access-Control-Allow-Headers", std::string(*headers));
  }
  response.headers.emplace_back("Access-Control-Max-Age", "86400");
  return response;
}

Pipeline::Pipeline(ServerContext& context) : context_(context) {
  add_meta_routes(main_);
  add_function_routes(main_, *context.knobs);
  add_deploy_routes(main_, *context.knobs);
  add_environment_routes(main_);
  add_deployment_routes(main_);
  add_log_stream_routes(main_);
  add_usage_routes(main_);
  add_scheduling_routes(main_);
  add_test_query_routes(main_, *context.knobs);
  add_log_routes(main_);
  add_table_routes(main_);
  add_app_metrics_routes(main_);
  add_storage_routes(main_);
  add_admin_routes(main_);
  add_openapi_routes(main_);
  add_http_action_routes(main_);
  add_site_meta_routes(site_);
  add_http_action_routes(site_);
  if (const char* site = std::getenv("CONVEX_SITE"); site != nullptr) site_name_ = site;
}

void Pipeline::map_path(HttpRequest& request) const {
  if (!request.site_port) {
    // Clients that were given the URL with a slash at its end.
    if (request.path.starts_with("//")) request.path.erase(0, 1);
  } else if (request.path != "/version" && request.path != "/metrics") {
    request.path = "/http" + request.path;
  }
}

size_t Pipeline::body_limit(const HttpRequest& head) const {
  auto match = router_for(head).match(head.method, head.path);
  const RouteOptions options = match.route != nullptr ? match.route->options : RouteOptions();
  // Who has no key is not to fill the memory with what only its owner may send.
  auto key = head.header("Authorization");
  const bool admin = options.admin_body_limit > options.body_limit && key &&
                     context_.ready.load(std::memory_order_acquire) &&
                     context_.auth->from_admin_header(*key).ok();
  return admin ? options.admin_body_limit : options.body_limit;
}

bool Pipeline::body_may_take_long(const HttpRequest& head) const {
  auto match = router_for(head).match(head.method, head.path);
  return match.route != nullptr && match.route->options.body_may_take_long;
}

bool Pipeline::streams_body(const HttpRequest& head) const {
  auto match = router_for(head).match(head.method, head.path);
  return match.route != nullptr && match.route->options.streams_body;
}

void Pipeline::handle(RequestPtr request, Responder respond) const {
  auto& concurrent = context_.metrics.concurrent_requests();
  concurrent.fetch_add(1, std::memory_order_relaxed);
  if (context_.ready.load(std::memory_order_acquire)) {
    context_.host_check.look(*request, request->site_port ? context_.site_origin : context_.cloud_origin);
  }
  route(request, [&concurrent, request, respond = std::move(respond)](HttpResponse response) {
    if (!response.cause.empty())
      spdlog::error("Request failed: {} request_id={} path={}", response.cause, request->request_id,
                    request->path);
    concurrent.fetch_sub(1, std::memory_order_relaxed);
    respond(std::move(response));
  });
}

void Pipeline::route(const RequestPtr& request, Responder respond) const {
  auto id = request->header("Convex-Request-Id");
  request->request_id =
      id && !id->empty() && is_printable(*id) ? std::string(id->substr(0, 256)) : random_hex(8);

  auto match = router_for(*request).match(request->method, request->path);
  const Route* route = match.route;
  bool cors = route == nullptr ? !request->site_port && match.cors : route->options.cors;
  if (request->method == "OPTIONS" && cors) return respond(preflight_response(*request));

  if (cors) {
    respond = [request, inner = std::move(respond)](HttpResponse response) {
      add_cors_headers(*request, response);
      inner(std::move(response));
    };
  }
  auto client = ClientVersion::of(*request, std::nullopt);
  if (route == nullptr || route->options.version_gate) {
    if (auto refused = gate(client)) return respond(std::move(*refused));
    if (client->state() == ClientVersion::State::kDeprecated) {
      respond = [client = *client, inner = std::move(respond)](HttpResponse response) {
        add_deprecation(client, response);
        inner(std::move(response));
      };
    }
  }
  if (route == nullptr) {
    if (match.allow.empty()) return respond(HttpResponse::empty(404));
    HttpResponse response = HttpResponse::empty(405);
    response.headers.emplace_back("Allow", match.allow);
    return respond(std::move(response));
  }
  if (route->options.needs_backend && !context_.ready.load(std::memory_order_acquire))
    return respond(not_ready());
  if (match.bad_param) {
    return respond(HttpResponse::error(400, "BadPathArgs",
                                       "Invalid URL: malformed escape in '" + *match.bad_param + "'"));
  }
  request->params = std::move(match.params);
  if (route->options.compress) respond = compressing(context_, *request, std::move(respond));
  ClientVersion version = client.ok() ? std::move(*client) : ClientVersion{};
  route->handler(context_, request, std::move(version), std::move(respond));
}

bool Pipeline::is_sync_path(const HttpRequest& head) const {
  return !head.site_port && sync_path_version(head.path).has_value();
}

std::optional<HttpResponse> Pipeline::refuse_upgrade(const HttpRequest& head, ClientVersion& client) const {
  auto answer = [&head](HttpResponse response) {
    add_cors_headers(head, response);
    return response;
  };
  if (head.method == "OPTIONS") return preflight_response(head);
  std::string_view segment = *sync_path_version(head.path);
  auto parsed = ClientVersion::of(head, segment.empty() ? std::nullopt : std::optional(segment));
  if (auto refused = gate(parsed)) return answer(std::move(*refused));
  client = std::move(*parsed);
  if (head.method != "GET") {
    return answer(HttpResponse::error(400, "MethodNotGet", "Request method must be `GET`"));
  }
  if (!has_token(head.header("Connection"), "upgrade")) {
    std::string text = "Connection header did not include upgrade";
    if (!head.header("Upgrade")) {
      note_missing_upgrade();
      text.append(". ").append(kProxyAdvice);
    }
    return answer(HttpResponse::error(400, "InvalidConnectionHeader", std::move(text)));
  }
  if (!has_token(head.header("Upgrade"), "websocket")) {
    return answer(
        HttpResponse::error(400, "InvalidUpgradeHeader", "Upgrade header did not include websocket"));
  }
  if (head.header("Sec-WebSocket-Version").value_or("") != "13") {
    return answer(
        HttpResponse::error(400, "InvalidWebSocketVersionHeader", "Sec-WebSocket-Version header must be 13"));
  }
  if (!head.header("Sec-WebSocket-Key")) {
    return answer(
        HttpResponse::error(400, "WebSocketKeyHeaderMissing", "Sec-WebSocket-Key header is missing"));
  }
  if (!context_.ready.load(std::memory_order_acquire)) return answer(not_ready());
  return std::nullopt;
}

void Pipeline::log_access(const HttpRequest& request, int status, size_t length,
                          std::string_view content_type, double ms) const {
  auto match = router_for(request).match(request.method, request.path);
  std::string endpoint = is_sync_path(request)    ? "/api/:client_version/sync"
                         : match.route == nullptr ? "unknown"
                                                  : match.route->pattern;
  auto client = ClientVersion::of(request, std::nullopt);
  context_.metrics.record_http(endpoint, request.method, status, client.ok() ? *client : ClientVersion{},
                               ms / 1000);
  bool polled = match.route != nullptr && match.route->options.polled;
  auto level = polled ? spdlog::level::debug : spdlog::level::info;
  if (!http_log().should_log(level)) return;
  bool hide = (match.route != nullptr && match.route->options.hide_query) ||
              request.target.find("adminKey") != std::string::npos || request.query_value("adminKey");
  auto or_dash = [](std::string_view text) { return text.empty() ? std::string_view("-") : text; };
  http_log().log(level, "[{}] {} \"{} {} HTTP/1.{}\" {} \"{}\" \"{}\" {} {} {:.3f}ms", site_name_,
                 request.client_ip(), request.method,
                 match.route != nullptr && match.route->options.hide_path ? match.route->pattern
                 : hide                                                   ? request.path
                                                                          : request.target,
                 request.version_minor, status, or_dash(request.header("Referer").value_or("")),
                 or_dash(request.user_agent()), or_dash(content_type), length, ms);
}

}  // namespace hull
