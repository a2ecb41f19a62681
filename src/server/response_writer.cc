#include "server/response_writer.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

namespace hull {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
namespace {

// Headers that belong to the connection, not to the response.
constexpr std::array<std::string_view, 6> kConnectionHeaders = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "trailer"};

std::optional<uint64_t> content_length(const HeaderList& headers) {
  auto text = find_header(headers, "Content-Length");
  if (!text) return std::nullopt;
  uint64_t length = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return length;
}

class ResponseWriter : public std::enable_shared_from_this<ResponseWriter> {
 public:
  ResponseWriter(boost::beast::tcp_stream& stream, HttpResponse response, const WriteOptions& options,
                 std::function<void(WriteOutcome)> done)
      : stream_(stream), response_(std::move(response)), options_(options), done_(std::move(done)) {}

  void start() {
    const bool no_body = response_.status == 204 || response_.status == 304 || options_.head_only;
    length_ = content_length(response_.headers);
    if (!response_.stream && !(options_.head_only && length_ && response_.body.empty())) {
      length_ = response_.body.size();
    }
    if (no_body && response_.stream) std::exchange(response_.stream, nullptr)->cancel();
    chunked_ = response_.stream && !length_ && options_.version_minor >= 1;
    keep_alive_ = options_.keep_alive && (!response_.stream || length_ || chunked_);

    auto head = std::make_shared<http::response<http::string_body>>();
    head->result(static_cast<unsigned>(response_.status));
    head->version(11);
    for (const auto& header : response_.headers) {
      bool ours =
          std::any_of(kConnectionHeaders.begin(), kConnectionHeaders.end(),
                      [&](std::string_view each) { return equals_ignoring_case(header.first, each); });
      if (!ours && !equals_ignoring_case(header.first, "Content-Length")) {
        head->insert(header.first, header.second);
      }
    }
    head->keep_alive(keep_alive_);
    if (chunked_) head->chunked(true);
    const bool tells_length = response_.status != 204 && response_.status != 304 && length_;
    if (tells_length) head->content_length(*length_);
    if (!no_body && !response_.stream) {
      sent_ = response_.body.size();
      head->body() = std::move(response_.body);
    }
    stream_.expires_after(options_.timeout);
    auto sent = [self = shared_from_this(), head](error_code error, size_t) {
      if (error) return self->finish(WriteOutcome::End::kBroken);
      if (self->response_.stream) return self->next();
      self->finish(self->keep_alive_ ? WriteOutcome::End::kKeepAlive : WriteOutcome::End::kClose);
    };
    if (!response_.stream) {
      http::async_write(stream_, *head, std::move(sent));
      return;
    }
    auto serializer = std::make_shared<http::response_serializer<http::string_body>>(*head);
    http::async_write_header(
        stream_, *serializer,
        [serializer, sent = std::move(sent)](error_code error, size_t bytes) { sent(error, bytes); });
  }

 private:
  void next() {
    stream_.expires_never();
    response_.stream->read([self = shared_from_this()](Result<BytePipe::Chunk> chunk) {
      asio::post(self->stream_.get_executor(), [self, chunk = std::move(chunk)]() mutable {
        if (!chunk.ok()) return self->cut();
        if (chunk->done) return self->last();
        self->write(std::move(chunk->bytes));
      });
    });
  }

  void write(std::string bytes) {
    if (length_ && sent_ + bytes.size() > *length_) {
      bytes.resize(*length_ - sent_);
      too_long_ = true;
    }
    auto kept = std::make_shared<std::string>(std::move(bytes));
    auto sent = [self = shared_from_this(), kept](error_code error, size_t) {
      if (error) return self->finish(WriteOutcome::End::kBroken);
      self->sent_ += kept->size();
      // More than was announced cannot be sent.
      if (self->too_long_) return self->finish(WriteOutcome::End::kClose);
      self->next();
    };
    stream_.expires_after(options_.timeout);
    if (chunked_) {
      asio::async_write(stream_, http::make_chunk(asio::buffer(*kept)), std::move(sent));
    } else {
      asio::async_write(stream_, asio::buffer(*kept), std::move(sent));
    }
  }

  void last() {
    if (length_ && sent_ < *length_) return cut();
    const auto end = keep_alive_ ? WriteOutcome::End::kKeepAlive : WriteOutcome::End::kClose;
    if (!chunked_) return finish(end);
    stream_.expires_after(options_.timeout);
    asio::async_write(stream_, http::make_chunk_last(),
                      [self = shared_from_this(), end](error_code error, size_t) {
                        self->finish(error ? WriteOutcome::End::kBroken : end);
                      });
  }

  void cut() { finish(length_ || chunked_ ? WriteOutcome::End::kCut : WriteOutcome::End::kReset); }

  void finish(WriteOutcome::End end) {
    if (response_.stream) response_.stream->cancel();
    std::exchange(done_, nullptr)({end, sent_});
  }

  boost::beast::tcp_stream& stream_;
  HttpResponse response_;
  const WriteOptions options_;
  std::function<void(WriteOutcome)> done_;
  std::optional<uint64_t> length_;  // of the body, if it is announced
  uint64_t sent_ = 0;
  bool chunked_ = false, keep_alive_ = false, too_long_ = false;
};

}  // namespace

void write_response(boost::beast::tcp_stream& stream, HttpResponse response, const WriteOptions& options,
                    std::function<void(WriteOutcome)> done) {
  std::make_shared<ResponseWriter>(stream, std::move(response), options, std::move(done))->start();
}

}  // namespace hull
