#include "server/http_session.h"

#include <sys/socket.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "server/body_feed.h"
#include "server/response_writer.h"
#include "server/websocket_session.h"

namespace hull {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
namespace {

constexpr std::chrono::seconds kWriteTimeout{300};  // while a piece of an answer leaves
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::chrono::seconds kFirstRequestTime{1};  // for a connection that was accepted just before a stop
constexpr uint32_t kMaxHeadBytes = 64 * 1024;
constexpr size_t kMaxBuffered = 256 * 1024;  // read ahead of what is being parsed
constexpr size_t kFirstRead = 512;

std::string_view view(beast::string_view s) { return {s.data(), s.size()}; }

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(asio::ip::tcp::socket socket, bool site_port, const SessionEnvironment& environment,
              AddressLimiter::Permit permit)
      : stream_(std::move(socket)),
        timeout_(stream_.get_executor()),
        buffer_(kMaxBuffered),
        env_(environment),
        site_port_(site_port),
        permit_(std::move(permit)) {
    error_code ignored;
    auto endpoint = stream_.socket().remote_endpoint(ignored);
    if (!ignored) peer_ = endpoint.address().to_string();
    stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  }

  ~HttpSession() {
    if (connection_ != 0) env_.connections->remove(connection_);
  }

  void start() {
    connection_ = env_.connections->add([weak = weak_from_this()] {
      if (auto alive = weak.lock()) {
        asio::post(alive->stream_.get_executor(), [alive] { alive->stop(); });
      }
    });
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->read_head(); });
  }

 private:
  using Parser = http::request_parser<http::string_body>;

  const NetworkLimits& limits() const { return env_.limiter->limits(); }

  void stop() {
    stopping_ = true;
    end_if_idle();
  }

  // What has arrived already is still answered, and a connection that was accepted just now may send its
  // request.
  void end_if_idle() {
    if (!idle_ || has_input()) return;
    if (served_) return close();
    timeout_.expires_after(kFirstRequestTime);
    timeout_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && self->idle_ && !self->has_input()) self->close();
    });
  }

  bool has_input() {
    char byte = 0;
    return recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  void read_head() {
    if (stopping_ && served_) return close();
    request_.reset();
    feed_.reset();
    parser_.reset();
    body_ended_ = answered_ = false;
    if (buffer_.size() > 0) return read_rest_of_head();
    idle_ = true;
    buffer_.shrink_to_fit();
    stream_.expires_after(limits().idle_time);
    stream_.async_read_some(buffer_.prepare(kFirstRead),
                            [self = shared_from_this()](error_code error, size_t bytes) {
                              self->idle_ = false;
                              if (error) return self->close();
                              self->buffer_.commit(bytes);
                              self->read_rest_of_head();
                            });
    if (stopping_) end_if_idle();
  }

  void read_rest_of_head() {
    served_ = true;
    parser_.emplace();
    parser_->header_limit(kMaxHeadBytes);
    parser_->body_limit(boost::none);
    stream_.expires_after(limits().head_time);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, size_t) { self->head_read(error); });
  }

  void head_read(error_code error) {
    if (error) {
      bool malformed = error.category() == http::make_error_code(http::error::end_of_stream).category() &&
                       error != http::error::end_of_stream && error != http::error::partial_message;
      if (!malformed) return close();
      request_ = std::make_shared<HttpRequest>();
      request_->method = "-";
      keep_alive_ = false;
      begin_ns_ = monotonic_nanos();
      return write(HttpResponse::empty(error == http::error::header_limit ? 431 : 400));
    }
    begin_ns_ = monotonic_nanos();
    const auto& message = parser_->get();
    request_ = std::make_shared<HttpRequest>();
    request_->method = view(message.method_string());
    request_->version_minor = message.version() % 10;
    request_->peer = peer_;
    request_->site_port = site_port_;
    for (const auto& field : message) {
      request_->headers.emplace_back(std::string(view(field.name_string())),
                                     std::string(view(field.value())));
    }
    set_target(*request_, view(message.target()));
    env_.pipeline->map_path(*request_);
    keep_alive_ = parser_->keep_alive();
    if (limits().trusted_proxies)
      request_->checked_ip = limits().trusted_proxies->client(peer_, request_->header("X-Forwarded-For"));
    const std::string client_address = env_.limiter->client_of(peer_, request_->header("X-Forwarded-For"));
    if (auto refusal = env_.limiter->request(client_address)) return limited("requests", *refusal);
    if (env_.pipeline->is_sync_path(*request_)) {
      ClientVersion client;
      auto refused = env_.pipeline->refuse_upgrade(*request_, client);
      if (!refused) {
        auto admission = env_.limiter->upgrade(client_address);
        if (admission.refusal) return limited("upgrades", *admission.refusal);
        websocket_permit_ = std::move(admission.permit);
        return upgrade(client);
      }
      // Whatever body there is was not read, so the connection cannot go on.
      keep_alive_ = keep_alive_ && parser_->is_done();
      return write(std::move(*refused));
    }
    if (env_.pipeline->streams_body(*request_)) {
      after_continue([self = shared_from_this()] { self->stream_body(); });
    } else {
      read_body();
    }
  }

  void limited(std::string_view what, const AddressLimiter::Refusal& refusal) {
    env_.pipeline->context().metrics.record_limited(what);
    keep_alive_ = keep_alive_ && parser_->is_done();
    HttpResponse response = too_many_requests(refusal.retry_after_s);
    add_cors_headers(*request_, response);
    write(std::move(response));
  }

  // Runs `next` once the client has been told to send the body, if it waits for that.
  template <typename Next>
  void after_continue(Next next) {
    auto expect = request_->header("Expect");
    if (!expect || !equals_ignoring_case(*expect, "100-continue") || parser_->is_done()) return next();
    auto go_ahead = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
    http::async_write(
        stream_, *go_ahead,
        [self = shared_from_this(), go_ahead, next = std::move(next)](error_code error, size_t) {
          if (error) return self->close();
          next();
        });
  }

  // The route gets the request at once, and its body as it comes.
  void stream_body() {
    auto pipe = std::make_shared<BytePipe>();
    const bool bodiless =
        request_->method == "GET" || request_->method == "HEAD" || request_->method == "OPTIONS";
    if (!bodiless) request_->body_stream = pipe;
    feed_ = std::make_shared<BodyFeed>(stream_, buffer_, std::move(*parser_), pipe, new_pace());
    feed_->start([self = shared_from_this(), request = request_](bool complete) {
      if (self->closed_) return;
      self->body_ended_ = complete;
      if (complete && self->answer_is_timed_later_) self->time_answer();
      if (!complete) request->client_gone->fire();
      if (self->answered_) return self->after_answer();
      if (complete) self->watch_client();
    });
    if (bodiless) feed_->discard();
    run();
  }

  // Notices a client that goes away while it waits for the answer. It may send its next request meanwhile;
  // then nothing is noticed any more.
  void watch_client() {
    if (std::exchange(watching_, true)) return;
    stream_.socket().async_wait(
        asio::ip::tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
          self->watching_ = false;
          if (error || !self->body_ended_ || self->answered_) return;
          char byte = 0;
          ssize_t got = recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
          if (got > 0) return;
          if (got < 0 && (errno == EAGAIN || errno == EINTR)) return self->watch_client();
          self->request_->client_gone->fire();
        });
  }

  void read_body() {
    size_t limit = env_.pipeline->body_limit(*request_);
    request_->body_limit = limit;
    if (parser_->content_length() && *parser_->content_length() > limit) return body_over_limit();
    parser_->body_limit(limit);
    stream_.expires_after(kWriteTimeout);
    after_continue([self = shared_from_this(), pace = new_pace()] { self->read_body_bytes(pace); });
  }

  BodyPace new_pace() const { return {limits().body_grace, limits().min_body_rate}; }

  void read_body_bytes(BodyPace pace) {
    if (parser_->is_done()) {
      request_->body = std::move(parser_->get().body());
      return run();
    }
    stream_.expires_after(pace.patience());
    const int64_t since_ns = monotonic_nanos();
    http::async_read_some(
        stream_, buffer_, *parser_,
        [self = shared_from_this(), pace, since_ns](error_code error, size_t bytes) mutable {
          if (error == http::error::body_limit) return self->body_over_limit();
          if (error) {
            self->env_.pipeline->log_access(*self->request_, 499, 0, "", self->elapsed_ms());
            return self->close();
          }
          pace.received(bytes, std::chrono::milliseconds((monotonic_nanos() - since_ns) / 1'000'000));
          self->read_body_bytes(pace);
        });
  }

  void body_over_limit() {
    request_->body_too_large = true;
    keep_alive_ = false;
    run();
  }

  void run() {
    if (!feed_) stream_.expires_never();
    uint64_t turn = ++turn_;
    answer_is_timed_later_ = feed_ && !body_ended_ && env_.pipeline->body_may_take_long(*request_);
    if (!answer_is_timed_later_) time_answer();
    env_.pipeline->handle(request_, [self = shared_from_this(), turn](HttpResponse response) {
      asio::dispatch(self->stream_.get_executor(), [self, turn, response = std::move(response)]() mutable {
        if (turn != self->turn_) {
          if (response.stream) response.stream->cancel();
          return;
        }
        ++self->turn_;
        self->timeout_.cancel();
        self->answer_is_timed_later_ = false;
        self->write(std::move(response));
      });
    });
  }

  // The answer to the current request has to come within the time limit from now on.
  void time_answer() {
    answer_is_timed_later_ = false;
    const uint64_t turn = turn_;
    double seconds = env_.pipeline->context().knobs->http_timeout_s;
    timeout_.expires_after(std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
    timeout_.async_wait([self = shared_from_this(), turn](error_code error) {
      if (error || turn != self->turn_) return;
      ++self->turn_;  // a later answer is dropped
      self->write(HttpResponse::empty(408));
    });
  }

  void write(HttpResponse response) {
    WriteOptions options;
    // What is left of the body would have to be read before the next request.
    options.keep_alive = keep_alive_ && !stopping_ && (!feed_ || body_ended_);
    options.head_only = request_->method == "HEAD";
    options.version_minor = request_->version_minor;
    options.timeout = kWriteTimeout;
    std::string content_type(find_header(response.headers, "Content-Type").value_or(""));
    int status = response.status;
    write_response(stream_, std::move(response), options,
                   [self = shared_from_this(), status, content_type](WriteOutcome outcome) {
                     self->written(outcome, status, content_type);
                   });
  }

  void written(const WriteOutcome& outcome, int status, const std::string& content_type) {
    using End = WriteOutcome::End;
    env_.pipeline->log_access(*request_, outcome.end == End::kBroken ? 499 : status, outcome.body_bytes,
                              content_type, elapsed_ms());
    answered_ = true;
    if (outcome.end == End::kBroken) request_->client_gone->fire();
    if (outcome.end == End::kBroken || outcome.end == End::kCut) return close();
    if (outcome.end == End::kReset) return reset();
    if (outcome.end == End::kClose) keep_alive_ = false;
    after_answer();
  }

  // The answer was sent; the body of the request may still be on its way.
  void after_answer() {
    if (keep_alive_) return read_head();
    if (!feed_ || body_ended_) return linger();
    if (std::exchange(lingering_, true)) return close();  // the feed has just ended
    error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    timeout_.expires_after(kLingerTime);
    timeout_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->close();
    });
    feed_->discard();
  }

  void upgrade(const ClientVersion& client) {
    stream_.expires_never();
    SyncClient facts;
    facts.accepts_chunks = client.accepts_transition_chunks();
    facts.ip = request_->client_ip();
    facts.user_agent = request_->user_agent();
    facts.permits = std::make_shared<std::pair<AddressLimiter::Permit, AddressLimiter::Permit>>(
        std::move(permit_), std::move(websocket_permit_));
    env_.pipeline->log_access(*request_, 101, 0, "", elapsed_ms());
    std::string early = beast::buffers_to_string(buffer_.data());
    start_websocket_session(stream_.release_socket(), *request_, std::move(early), std::move(facts), env_);
  }

  // Lets the answer reach a client that is still sending: a reset would throw it away.
  void linger() {
    error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kLingerTime);
    discard();
  }

  void discard() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(64 * 1024),
                            [self = shared_from_this()](error_code error, size_t) {
                              if (error) return self->close();
                              self->discard();
                            });
  }

  void close() {
    error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    end();
  }

  // Closes so that the client cannot take what it got for a whole answer.
  void reset() {
    error_code ignored;
    stream_.socket().set_option(asio::socket_base::linger(true, 0), ignored);
    end();
  }

  void end() {
    closed_ = true;
    if (feed_) feed_->discard();  // else it would wait for its reader
    stream_.close();
  }

  double elapsed_ms() const { return static_cast<double>(monotonic_nanos() - begin_ns_) / 1e6; }

  beast::tcp_stream stream_;
  asio::steady_timer timeout_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  const SessionEnvironment env_;
  const bool site_port_;
  AddressLimiter::Permit permit_, websocket_permit_;  // until an upgrade
  std::string peer_;
  RequestPtr request_;
  uint64_t connection_ = 0;
  uint64_t turn_ = 0;  // counts requests and their answers, so that each request is answered once
  int64_t begin_ns_ = 0;
  std::shared_ptr<BodyFeed> feed_;  // of the current request, where its body is streamed
  bool body_ended_ = false;         // the feed has read it all
  bool answered_ = false;
  bool answer_is_timed_later_ = false;
  bool watching_ = false;
  bool lingering_ = false;
  bool closed_ = false;
  bool keep_alive_ = false;
  bool idle_ = false;
  bool served_ = false;  // a request has begun
  bool stopping_ = false;
};

}  // namespace

void start_http_session(asio::ip::tcp::socket socket, bool site_port, const SessionEnvironment& environment,
                        AddressLimiter::Permit permit) {
  std::make_shared<HttpSession>(std::move(socket), site_port, environment, std::move(permit))->start();
}

}  // namespace hull
