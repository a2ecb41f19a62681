// An HTTP exchange as plain data: what the Beast adapter hands to the routes and what they answer
// (http-api.md §1). No Boost here, so that everything but the adapters compiles fast and is testable without
// sockets. Not thread-safe; one thread at a time owns a request.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_pipe.h"
#include "base/error.h"
#include "base/one_shot.h"

namespace hull {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// Case-insensitive for ASCII, as header names are.
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim(std::string_view s);
std::string lower_case(std::string_view s);
std::optional<std::string_view> find_header(const HeaderList& headers, std::string_view name);

// application/x-www-form-urlencoded decoding of a path segment or a query part; nullopt for a malformed
// escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
std::vector<std::pair<std::string, std::string>> parse_query_string(std::string_view text);

struct HttpRequest {
  std::string method;                                      // "GET"
  std::string target;                                      // as received: path and query
  std::string path;                                        // raw, without the query
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  HeaderList headers;
  std::string body;
  std::shared_ptr<BytePipe> body_stream;  // instead of `body`, where the route wants it
  // Fired when the client has gone before the response was sent; only where the body is streamed.
  std::shared_ptr<OneShot> client_gone = std::make_shared<OneShot>();
  bool body_too_large = false;  // the body was over the route's limit and was not kept
  size_t body_limit = 0;
  std::string peer;                       // "10.0.0.7"
  std::optional<std::string> checked_ip;  // of the client, where the operator names the trusted proxies
  int version_minor = 1;                  // HTTP/1.x
  bool site_port = false;
  bool for_authentication = false;  // made by this server, to verify a token others present
  std::string request_id;           // from the client, else made here; never empty after routing

  // Filled in by the router: the decoded values of {name} segments, in order.
  std::vector<std::string> params;

  std::optional<std::string_view> header(std::string_view name) const { return find_header(headers, name); }
  std::optional<std::string_view> query_value(std::string_view name) const;
  // `checked_ip`, else the first element of X-Forwarded-For, else the peer; at most 256 characters.
  std::string client_ip() const;
  // At most 512 characters.
  std::string user_agent() const;
};
using RequestPtr = std::shared_ptr<HttpRequest>;

// Splits `target` into path and query. An absolute form ("http://host/path") counts from its path.
void set_target(HttpRequest& request, std::string_view target);

struct HttpResponse {
  int status = 200;
  HeaderList headers;
  std::string body;
  std::shared_ptr<BytePipe>
      stream;         // instead of `body`: one that is still being made. Cancelled if it cannot be sent.
  std::string cause;  // of an internal error, for the server's log only

  static HttpResponse empty(int status);
  static HttpResponse text(int status, std::string body);
  static HttpResponse json(std::string body, int status = 200);
  // {"code","message"} with the status of the error's kind; details of internal errors are the `cause`.
  static HttpResponse error(const Error& error);
  static HttpResponse error(int status, std::string_view code, std::string_view message);
};

// Answers a request, once, from any thread.
using Responder = std::function<void(HttpResponse)>;

}  // namespace hull
