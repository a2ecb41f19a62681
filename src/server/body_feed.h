// BodyFeed: reads the body of a request from its connection into a pipe, as fast as the pipe's reader takes
// it. Lives on the connection's strand.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/byte_pipe.h"
#include "server/body_pace.h"

namespace hull {

class BodyFeed : public std::enable_shared_from_this<BodyFeed> {
 public:
  using HeadParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  // `head` has read the head and nothing else. `stream` and `buffer` must live until `ended` was called.
  BodyFeed(boost::beast::tcp_stream& stream, boost::beast::flat_buffer& buffer, HeadParser&& head,
           std::shared_ptr<BytePipe> pipe, BodyPace pace);

  // Calls `ended` once: true when the body was read to its end, false when the client went away before. If
  // the pipe is cancelled, reading stops until discard().
  void start(std::function<void(bool)> ended);
  // From now on bytes are thrown away as they come.
  void discard();

 private:
  void next();
  void arrived(boost::system::error_code error);
  void end(bool complete);

  boost::beast::tcp_stream& stream_;
  boost::beast::flat_buffer& buffer_;
  boost::beast::http::request_parser<boost::beast::http::buffer_body> parser_;
  const std::shared_ptr<BytePipe> pipe_;
  BodyPace pace_;
  std::chrono::steady_clock::time_point read_since_;
  std::string chunk_;
  std::function<void(bool)> ended_;
  bool reading_ = false, discarding_ = false;
};

}  // namespace hull
