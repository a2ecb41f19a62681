#include "server/websocket_session.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>

#include "base/log.h"
#include "base/time.h"
#include "server/sync_session.h"

namespace hull {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
namespace {

constexpr std::chrono::seconds kTick{5};
constexpr int64_t kMaxSilenceNs = 120'000'000'000;
constexpr std::chrono::seconds kCloseTime{5};
constexpr size_t kMaxInboundMessage = 64u << 20;
constexpr size_t kMaxQueuedBytes = 64u << 20;  // of messages that are not Transitions
constexpr size_t kCompressFrom = 256;          // smaller messages are not worth it

class StrandExecutor final : public SyncExecutor {
 public:
  explicit StrandExecutor(asio::any_io_executor strand) : strand_(std::move(strand)) {}
  void post(std::function<void()> work) override { asio::post(strand_, std::move(work)); }
  void post_after(std::chrono::milliseconds delay, std::function<void()> work) override {
    auto timer = std::make_shared<asio::steady_timer>(strand_, delay);
    timer->async_wait([timer, work = std::move(work)](error_code error) {
      if (!error) work();
    });
  }

 private:
  asio::any_io_executor strand_;
};

class WebsocketSession final : public SyncTransport, public std::enable_shared_from_this<WebsocketSession> {
 public:
  WebsocketSession(beast::tcp_stream stream, SyncClient client, const SessionEnvironment& environment)
      : ws_(std::move(stream)), timer_(ws_.get_executor()), client_(std::move(client)), env_(environment) {}

  ~WebsocketSession() override {
    if (session_) {
      session_->closed();
      env_.sync->counters->websockets.fetch_sub(1);
      env_.sync->counters->closed.fetch_add(1);
    }
    if (connection_ != 0) env_.connections->remove(connection_);
  }

  void start(http::request<http::string_body> request) {
    websocket::permessage_deflate deflate;
    deflate.server_enable = true;
    deflate.msg_size_threshold = kCompressFrom;
    deflate.compLevel = 3;
    deflate.memLevel = 4;
    ws_.set_option(deflate);
    ws_.set_option(
        websocket::stream_base::timeout{std::chrono::seconds(30), websocket::stream_base::none(), false});
    ws_.read_message_max(kMaxInboundMessage);
    ws_.write_buffer_bytes(16 * 1024);
    ws_.text(true);
    ws_.control_callback(
        [this](websocket::frame_type, beast::string_view) { last_heard_ns_ = monotonic_nanos(); });
    request_ = std::move(request);
    ws_.async_accept(request_, [self = shared_from_this()](error_code error) {
      if (!error) self->accepted();
    });
  }

  // SyncTransport, on the strand.
  void send(std::shared_ptr<const std::string> text, bool ends_transition) override {
    if (closing_ || dead_) return;
    bool transition = ends_transition || text->starts_with("{\"type\":\"Transition");
    if (!transition) queued_bytes_ += text->size();
    queue_.push_back({std::move(text), ends_transition, transition});
    if (queued_bytes_ > kMaxQueuedBytes && !overflown_) {
      // The client does not read: the rest of the queue is not worth keeping.
      overflown_ = true;
      asio::post(ws_.get_executor(),
                 [self = shared_from_this()] { self->drop("a slow client has too much queued"); });
      return;
    }
    write_next();
  }

  void close(std::optional<uint16_t> code, std::string reason) override {
    if (closing_ || dead_) return;
    closing_ = true;
    close_reason_ = code ? websocket::close_reason(static_cast<websocket::close_code>(*code), reason)
                         : websocket::close_reason();
    // A client that does not read must not hold the socket open.
    timer_.expires_after(kCloseTime);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->drop("the close handshake took too long");
    });
    write_next();
  }

 private:
  struct Outgoing {
    std::shared_ptr<const std::string> text;
    bool ends_transition = false;
    bool transition = false;
  };

  void accepted() {
    request_ = {};
    last_heard_ns_ = monotonic_nanos();
    auto executor = std::make_shared<StrandExecutor>(ws_.get_executor());
    session_ = SyncSession::create(this, std::move(executor), *env_.sync, std::move(client_));
    env_.sync->counters->websockets.fetch_add(1);
    connection_ = env_.connections->add([weak = weak_from_this()] {
      if (auto self = weak.lock())
        asio::post(self->ws_.get_executor(), [self] { self->session_->shut_down(); });
    });
    schedule_tick();
    read_next();
  }

  void read_next() {
    ws_.async_read(buffer_,
                   [self = shared_from_this()](error_code error, size_t) { self->message_read(error); });
  }

  void message_read(error_code error) {
    if (error) return ended();
    last_heard_ns_ = monotonic_nanos();
    if (!ws_.got_text()) {
      session_->closed();
      close(1003, "InternalServerError");
    } else if (!closing_) {
      session_->on_message(beast::buffers_to_string(buffer_.data()));
    }
    buffer_.consume(buffer_.size());
    if (buffer_.capacity() > (1u << 20)) buffer_ = beast::flat_buffer();
    read_next();  // also while closing: the peer's close frame ends it
  }

  void write_next() {
    if (writing_ || dead_) return;
    if (queue_.empty()) {
      if (closing_ && !close_sent_) {
        close_sent_ = writing_ = true;
        ws_.async_close(close_reason_, [self = shared_from_this()](error_code) { self->ended(); });
      }
      return;
    }
    writing_ = true;
    ws_.async_write(asio::buffer(*queue_.front().text),
                    [self = shared_from_this()](error_code error, size_t) {
                      self->writing_ = false;
                      Outgoing done = std::move(self->queue_.front());
                      self->queue_.pop_front();
                      if (!done.transition) self->queued_bytes_ -= done.text->size();
                      if (error) return self->drop("writing failed");
                      if (done.ends_transition) self->session_->transition_written();
                      self->write_next();
                    });
  }

  void schedule_tick() {
    timer_.expires_after(kTick);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->tick();
    });
  }

  void tick() {
    if (closing_ || dead_) return;
    if (monotonic_nanos() - last_heard_ns_ > kMaxSilenceNs) {
      session_->closed();
      return close(1000, "ClientDisconnected");
    }
    session_->on_tick();
    if (closing_) return;
    if (!pinging_) {
      pinging_ = true;
      ws_.async_ping({}, [self = shared_from_this()](error_code) { self->pinging_ = false; });
    }
    schedule_tick();
  }

  void drop(std::string_view why) {
    if (dead_) return;
    spdlog::debug("Dropping a websocket: {}", why);
    beast::get_lowest_layer(ws_).close();
    ended();
  }

  void ended() {
    if (dead_) return;
    dead_ = true;
    timer_.cancel();
    session_->closed();
    // What is being written must stay alive until its handler has run.
    if (!writing_ || close_sent_) queue_.clear();
    beast::get_lowest_layer(ws_).close();
  }

  websocket::stream<beast::tcp_stream> ws_;
  asio::steady_timer timer_;  // ticks, then the limit on closing
  SyncClient client_;
  const SessionEnvironment env_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_;
  std::shared_ptr<SyncSession> session_;
  std::deque<Outgoing> queue_;
  size_t queued_bytes_ = 0;
  websocket::close_reason close_reason_;
  int64_t last_heard_ns_ = 0;
  uint64_t connection_ = 0;
  bool writing_ = false, pinging_ = false, closing_ = false, close_sent_ = false, dead_ = false,
       overflown_ = false;
};

}  // namespace

void start_websocket_session(beast::tcp_stream stream, http::request<http::string_body> request,
                             SyncClient client, const SessionEnvironment& environment) {
  auto session = std::make_shared<WebsocketSession>(std::move(stream), std::move(client), environment);
  session->start(std::move(request));
}

}  // namespace hull
