// Writes a response to a connection: the head at once, then the body, which may still be made while it is
// sent. Lives on the connection's strand.
#pragma once

#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <functional>

#include "server/http_types.h"

namespace hull {

struct WriteOptions {
  bool keep_alive = true;             // as the client and the connection wish
  bool head_only = false;             // answer to HEAD
  int version_minor = 1;              // of the client
  std::chrono::seconds timeout{300};  // for each piece to leave
};

struct WriteOutcome {
  enum class End {
    kKeepAlive,
    kClose,   // everything was sent
    kCut,     // the body ended early, and the client notices from what is missing
    kReset,   // the body ended early, and only a reset tells the client
    kBroken,  // the client went away
  } end = End::kKeepAlive;
  uint64_t body_bytes = 0;
};

// `stream` must live until `done` was called, once.
void write_response(boost::beast::tcp_stream& stream, HttpResponse response, const WriteOptions& options,
                    std::function<void(WriteOutcome)> done);

}  // namespace hull
