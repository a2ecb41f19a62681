// A request to an HTTP action and its response, as the server and the action runner pass them (http-api.md
// §10, runtime.md §9.3). Plain data; bodies stream through pipes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/byte_pipe.h"
#include "base/one_shot.h"
#include "functions/call.h"
#include "functions/http_headers.h"

namespace hull {

struct HttpActionRequest {
  std::string method;              // "GET"
  std::string url;                 // as the handler sees it, absolute
  std::string path;                // what the router matches, without the query
  HeaderPairs headers;             // as received
  std::shared_ptr<BytePipe> body;  // null: none
  std::shared_ptr<OneShot> client_gone;
  IdentityPtr identity = Identity::anonymous();
  bool unlimited = false;  // running actions may be waiting for it: it does not wait for any of them
  RequestContext context;
};

struct HttpActionResponse {
  int status = 200;
  HeaderPairs headers;
  std::string body;                  // the whole body, unless there is a stream
  std::shared_ptr<BytePipe> stream;  // a body still being made; cancel it if nobody reads it
};

// Called once, from any thread, as soon as the head is known.
using OnHttpResponse = std::function<void(HttpActionResponse)>;

}  // namespace hull
