#include "server/body_feed.h"

#include <boost/asio/post.hpp>
#include <boost/beast/http/read.hpp>
#include <utility>

namespace hull {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
namespace {

constexpr size_t kChunk = 64 << 10;

}  // namespace

BodyFeed::BodyFeed(boost::beast::tcp_stream& stream, boost::beast::flat_buffer& buffer, HeadParser&& head,
                   std::shared_ptr<BytePipe> pipe, BodyPace pace)
    : stream_(stream), buffer_(buffer), parser_(std::move(head)), pipe_(std::move(pipe)), pace_(pace) {}

void BodyFeed::start(std::function<void(bool)> ended) {
  ended_ = std::move(ended);
  if (parser_.is_done()) return end(true);
  next();
}

void BodyFeed::discard() {
  discarding_ = true;
  pipe_->cancel();
  if (ended_ && !reading_) next();
}

void BodyFeed::next() {
  reading_ = true;
  chunk_.resize(kChunk);
  parser_.get().body().data = chunk_.data();
  parser_.get().body().size = chunk_.size();
  parser_.get().body().more = true;
  buffer_.reserve(kChunk);  // Beast reads no more than fits
  stream_.expires_after(pace_.patience());
  read_since_ = std::chrono::steady_clock::now();
  http::async_read_some(stream_, buffer_, parser_,
                        [self = shared_from_this()](error_code error, size_t) { self->arrived(error); });
}

void BodyFeed::arrived(error_code error) {
  reading_ = false;
  if (error && error != http::error::need_buffer) return end(false);
  chunk_.resize(chunk_.size() - parser_.get().body().size);
  pace_.received(chunk_.size(), std::chrono::duration_cast<BodyPace::Milliseconds>(
                                    std::chrono::steady_clock::now() - read_since_));
  const bool complete = parser_.is_done();
  if (discarding_) {
    if (complete) return end(true);
    return next();
  }
  auto go_on = [self = shared_from_this(), complete](bool open) {
    if (complete || !open) return;
    asio::post(self->stream_.get_executor(), [self] {
      if (self->ended_ && !self->reading_) self->next();
    });
  };
  pipe_->write(std::exchange(chunk_, {}), go_on);
  if (complete) end(true);
}

void BodyFeed::end(bool complete) {
  if (complete) {
    pipe_->finish();
  } else {
    pipe_->fail(
        Error::bad_request("StreamFailed", "error reading a body from connection: the client went away"));
  }
  // Drops what keeps the connection alive.
  if (auto ended = std::exchange(ended_, nullptr)) ended(complete);
}

}  // namespace hull
