#include "server/local_fetch.h"

#include <utility>

namespace hull {
namespace {

// The target ("/path?query") of a URL below an origin.
std::optional<std::string> target_below(std::string_view url, std::string_view origin) {
  while (origin.ends_with('/')) origin.remove_suffix(1);
  if (origin.empty() || !url.starts_with(origin)) return std::nullopt;
  std::string_view rest = url.substr(origin.size());
  if (rest.empty()) return "/";
  if (rest.front() == '?') return "/" + std::string(rest);
  if (rest.front() != '/') return std::nullopt;
  return std::string(rest);
}

// Below the configured origin, or the canonical URL that overrides it.
std::optional<std::string> target_below_site(std::string_view url, const ServerContext& context) {
  auto target = target_below(url, context.site_origin);
  return target ? target : target_below(url, context.site_url());
}

std::optional<std::string> target_below_cloud(std::string_view url, const ServerContext& context) {
  auto target = target_below(url, context.cloud_origin);
  return target ? target : target_below(url, context.cloud_url());
}

std::string authority_of(std::string_view url) {
  size_t begin = url.find("//") + 2;
  return std::string(url.substr(begin, url.find_first_of("/?", begin) - begin));
}

FetchService::Response fetched(HttpResponse answer, bool head_only) {
  FetchService::Response response;
  response.status = answer.status;
  for (auto& [name, value] : answer.headers)
    response.headers.emplace_back(lower_case(name), std::move(value));
  response.body = std::move(answer.stream);
  if (head_only) {
    if (response.body) std::exchange(response.body, nullptr)->cancel();
    answer.body.clear();
  }
  if (!response.body) {
    if (!head_only && answer.status != 204 && answer.status != 304 &&
        !find_header(response.headers, "content-length")) {
      response.headers.emplace_back("content-length", std::to_string(answer.body.size()));
    }
    response.body = std::make_shared<BytePipe>();
    response.body->write(std::move(answer.body), [](bool) {});
    response.body->finish();
  }
  return response;
}

}  // namespace

FetchService::Local local_fetch(const Pipeline* pipeline, LocalCaller caller) {
  return [pipeline, caller](FetchService::Request& fetch, FetchService::OnResponse& on_response) {
    const ServerContext& context = pipeline->context();
    auto request = std::make_shared<HttpRequest>();
    auto target = target_below_site(fetch.url, context);
    request->site_port = target.has_value();
    if (!target) target = target_below_cloud(fetch.url, context);
    if (!target) return false;
    request->method = fetch.method;
    set_target(*request, *target);
    pipeline->map_path(*request);
    const bool streams = pipeline->streams_body(*request);
    if (pipeline->is_sync_path(*request) || (fetch.upload && !streams)) return false;
    request->peer = "127.0.0.1";
    request->for_authentication = caller == LocalCaller::kAuthentication;
    request->headers.emplace_back("host", authority_of(fetch.url));
    for (auto& header : fetch.headers) {
      // Nothing is gained by compressing what stays in this process, and nobody would undo it.
      if (!streams && equals_ignoring_case(header.first, "accept-encoding")) continue;
      request->headers.push_back(std::move(header));
    }
    if (fetch.has_body && !fetch.upload) {
      request->headers.emplace_back("content-length", std::to_string(fetch.body.size()));
    }
    const bool bodiless =
        request->method == "GET" || request->method == "HEAD" || request->method == "OPTIONS";
    if (!streams) {
      request->body = std::move(fetch.body);
    } else if (!bodiless) {
      request->body_stream = fetch.upload ? fetch.upload : std::make_shared<BytePipe>();
      if (!fetch.upload) {
        request->body_stream->write(std::move(fetch.body), [](bool) {});
        request->body_stream->finish();
      }
    }
    request->body_limit = pipeline->body_limit(*request);
    request->body_too_large = request->body.size() > request->body_limit;

    auto answer = std::make_shared<FetchService::OnResponse>(std::move(on_response));
    auto answered = std::make_shared<OneShot>();
    fetch.aborted->when_fired([gone = request->client_gone, answered, answer] {
      gone->fire();
      if (answered->fire()) (*answer)(Error::bad_request("FetchFailed", "The operation was aborted"));
    });
    pipeline->handle(request, [gone = request->client_gone, head_only = fetch.method == "HEAD", answered,
                               answer](HttpResponse made) {
      if (!answered->fire()) {
        if (made.stream) made.stream->cancel();
        return;
      }
      FetchService::Response response = fetched(std::move(made), head_only);
      response.body->on_cancel([gone] { gone->fire(); });
      (*answer)(std::move(response));
    });
    return true;
  };
}

}  // namespace hull
