// HTTP actions on the site port and below /http/ on the main port (http-api.md §10).
#include <algorithm>

#include "server/router.h"

namespace hull {
namespace {

constexpr std::string_view kPrefix = "/http";

// The part of a Forwarded header's first element that is named `name`.
std::optional<std::string_view> forwarded(std::string_view header, std::string_view name) {
  std::string_view element = header.substr(0, header.find(','));
  while (!element.empty()) {
    size_t end = element.find(';');
    std::string_view pair = trim(element.substr(0, end));
    element.remove_prefix(end == std::string_view::npos ? element.size() : end + 1);
    size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !equals_ignoring_case(trim(pair.substr(0, equals)), name))
      continue;
    std::string_view value = trim(pair.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return std::nullopt;
}

std::string scheme_of(const HttpRequest& request) {
  std::optional<std::string_view> scheme;
  if (auto header = request.header("X-Forwarded-Proto")) {
    scheme = trim(header->substr(0, header->find(',')));
  } else if (auto list = request.header("Forwarded")) {
    scheme = forwarded(*list, "proto");
  }
  return scheme && equals_ignoring_case(*scheme, "https") ? "https" : "http";
}

bool is_authority(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 &&
           std::string_view("/\\?#@<>\"^`{|}").find(c) == std::string_view::npos;
  });
}

void run(ServerContext& context, const RequestPtr& request, IdentityPtr identity, const Responder& respond) {
  std::string host(request->header("Host").value_or(""));
  if (host.empty()) {  // HTTP/1.0
    std::string_view origin = request->site_port ? context.site_origin : context.cloud_origin;
    size_t slashes = origin.find("//");
    if (slashes != std::string_view::npos) host = origin.substr(slashes + 2);
  }
  if (!is_authority(host)) return respond(HttpResponse::empty(400));
  HttpActionRequest call;
  call.method = request->method;
  // On the site port the prefix is not part of what the client sent.
  std::string_view target = request->target;
  if (!request->site_port) target.remove_prefix(kPrefix.size());
  call.url = scheme_of(*request) + "://" + host + std::string(target);
  call.path = request->path.substr(kPrefix.size());
  call.headers = request->headers;
  call.body = request->body_stream;
  call.client_gone = request->client_gone;
  call.unlimited = request->for_authentication;
  call.identity = std::move(identity);
  call.context.request_id = request->request_id;
  call.context.caller = "HttpEndpoint";
  call.context.client_ip = request->client_ip();
  call.context.user_agent = request->user_agent();
  context.runner->http_action(std::move(call), [respond](HttpActionResponse made) {
    HttpResponse response;
    response.status = made.status;
    response.headers = std::move(made.headers);
    response.body = std::move(made.body);
    response.stream = std::move(made.stream);
    respond(std::move(response));
  });
}

void http_action(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  // The app would answer 404, and the CLI try again and again.
  if (request->site_port && request->header("Convex-Client").value_or("").starts_with("npm-cli-"))
    return respond(HttpResponse::error(400, "WrongPort",
                                       "This is the address of HTTP actions. The URL of the deployment, for "
                                       "`npx convex` and clients, is " +
                                           context.cloud_url()));
  auto header = request->header("Authorization");
  if (!header) return run(context, request, Identity::anonymous(), respond);
  // A refused header does not refuse the request: the app may have a scheme of its own. getUserIdentity()
  // tells.
  context.auth->from_http(
      *header, std::nullopt, [&context, request, respond = std::move(respond)](Result<IdentityPtr> identity) {
        run(context, request,
            identity.ok() ? *std::move(identity) : Identity::unknown(std::move(identity).error()), respond);
      });
}

}  // namespace

void add_http_action_routes(Router& router) {
  RouteOptions options;
  options.cors = false;
  options.streams_body = true;
  options.raw_path = true;
  options.compress = false;  // lengths are the app's
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    router.add(method, "/http/{*}", http_action, options);
  }
}

}  // namespace hull
