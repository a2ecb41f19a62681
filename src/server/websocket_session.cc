#include "server/websocket_session.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "base/log.h"
#include "base/time.h"
#include "server/sync_session.h"
#include "server/wake_queue.h"
#include "server/websocket_handshake.h"
#include "server/websocket_outbox.h"
#include "server/websocket_reader.h"

namespace hull {
namespace asio = boost::asio;
using boost::system::error_code;
namespace {

constexpr std::chrono::seconds kTick{5};
constexpr std::chrono::seconds kCloseTime{5};
constexpr int64_t kMaxSilenceNs = 120'000'000'000;
constexpr size_t kMaxInboundMessage = 64u << 20;
constexpr size_t kMaxQueuedBytes = 64u << 20;  // of messages that are not Transitions
constexpr size_t kReadBytes = 64 * 1024;
constexpr int kReadsPerTurn = 4;
constexpr size_t kBuffersPerWrite = 64;
constexpr size_t kWriteBytesPerTurn = 512 * 1024;

std::string close_payload(std::optional<uint16_t> code, std::string_view reason) {
  if (!code) return {};
  std::string out{static_cast<char>(*code >> 8), static_cast<char>(*code & 0xff)};
  out += reason;
  return out;
}

class WebsocketSession final : public SyncTransport, public std::enable_shared_from_this<WebsocketSession> {
 public:
  WebsocketSession(asio::ip::tcp::socket socket, bool deflate, SyncClient client,
                   const SessionEnvironment& environment)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        reader_(deflate, kMaxInboundMessage),
        outbox_(deflate),
        client_(std::move(client)),
        env_(environment) {}

  ~WebsocketSession() override {
    if (session_) {
      session_->closed();
      env_.sync->counters->websockets.fetch_sub(1);
      env_.sync->counters->closed.fetch_add(1);
    }
    if (connection_ != 0) env_.connections->remove(connection_);
  }

  void start(std::string response, std::string early) {
    auto text = std::make_shared<const std::string>(std::move(response));
    asio::async_write(
        socket_, asio::buffer(*text),
        [self = shared_from_this(), text, early = std::move(early)](error_code error, size_t) mutable {
          if (!error) self->opened(std::move(early));
        });
  }

  // SyncTransport. What is queued leaves at the end of the turn: see end_turn().
  void send(OutgoingMessage message, SendKind kind) override {
    if (phase_ != Phase::kOpen) return;
    outbox_.push(std::move(message), kind);
    if (outbox_.queued_bytes() > kMaxQueuedBytes) overflown_ = true;
  }
  void close(std::optional<uint16_t> code, std::string reason) override {
    if (phase_ != Phase::kOpen) return;
    phase_ = Phase::kClosing;
    outbox_.push_close(close_payload(code, reason));
    limit_closing();
  }

 private:
  class Executor;
  enum class Phase {
    kOpen,
    kClosing,   // our close frame is queued or sent; waits for the peer's
    kFailing,   // our close frame is the last thing to leave; what comes in is thrown away
    kAnswered,  // the same after the peer's close frame: nothing comes in
    kDead,
  };

  void opened(std::string early);
  void limit_closing() {
    // A client that does not read must not hold the socket open.
    timer_.expires_after(kCloseTime);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->drop("the close handshake took too long");
    });
  }
  // Ends the session and lets only a close frame follow what is already on its way.
  void fail(Phase phase, std::optional<uint16_t> code, std::string_view reason) {
    phase_ = phase;
    session_->closed();
    outbox_.abandon();
    outbox_.push_control(WebsocketOutbox::Opcode::kClose, close_payload(code, reason));
    limit_closing();
  }

  void read_next() {
    if (reading_ || paused_ || phase_ == Phase::kDead) return;
    reading_ = true;
    socket_.async_wait(asio::ip::tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
      self->reading_ = false;
      if (error) return self->ended();
      self->readable();
      self->end_turn();
    });
  }

  void readable() {
    thread_local std::array<char, kReadBytes> buffer;
    for (int reads = 0; reads < kReadsPerTurn && !paused_ && phase_ != Phase::kDead; ++reads) {
      const ssize_t got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (got <= 0) return ended();
      last_alive_ns_ = monotonic_nanos();
      take({buffer.data(), static_cast<size_t>(got)});
      if (static_cast<size_t>(got) < buffer.size()) return;
    }
  }

  void take(std::string_view input) {
    while (phase_ == Phase::kOpen || phase_ == Phase::kClosing) {
      if (phase_ == Phase::kOpen && !session_->wants_input()) {
        paused_ = true;
        waiting_input_ = input;
        return;
      }
      WebsocketReader::Event event = reader_.next(input);
      if (event.kind == WebsocketReader::Kind::kNothing) return;
      handle(std::move(event));
    }
  }

  void handle(WebsocketReader::Event event) {
    using Kind = WebsocketReader::Kind;
    const bool ends = event.kind == Kind::kViolation || event.kind == Kind::kClose;
    if (ends && phase_ == Phase::kClosing && outbox_.empty()) return ended();  // our close frame has left
    if (event.kind == Kind::kViolation) return fail(Phase::kFailing, event.code, "");
    if (event.kind == Kind::kClose) {
      std::optional<uint16_t> code;
      if (event.code != 1005) code = event.code;
      return fail(Phase::kAnswered, code, "");
    }
    if (phase_ == Phase::kClosing) return;
    if (event.kind == Kind::kText) {
      session_->on_message(std::move(event.payload));
    } else if (event.kind == Kind::kBinary) {
      session_->closed();
      close(1003, "InternalServerError");
    } else if (event.kind == Kind::kPing) {
      pong_ = std::move(event.payload);
    }
  }

  // Every handler ends with this: what it has queued leaves in as few writes as possible.
  void end_turn() {
    if (phase_ == Phase::kDead) return;
    if (paused_ && session_->wants_input()) {
      paused_ = false;
      std::string input = std::move(waiting_input_);
      waiting_input_ = {};
      take(input);
    }
    write();
    read_next();
  }

  void write() {
    thread_local std::vector<iovec> buffers;
    if (overflown_ && phase_ == Phase::kOpen) fail(Phase::kFailing, 1013, "TooManyQueuedBytes");
    if (writing_ || phase_ == Phase::kDead) return;
    // Only the latest ping needs an answer (RFC 6455 §5.5.3), so a peer that reads none costs nothing.
    if (pong_ && phase_ == Phase::kOpen) outbox_.push_control(WebsocketOutbox::Opcode::kPong, *pong_);
    pong_.reset();
    for (size_t written = 0;;) {
      outbox_.gather(buffers, kBuffersPerWrite);
      if (buffers.empty()) break;
      if (written >= kWriteBytesPerTurn) {  // others' turn
        writing_ = true;
        return asio::post(socket_.get_executor(), [self = shared_from_this()] {
          self->writing_ = false;
          self->end_turn();
        });
      }
      msghdr message{};
      message.msg_iov = buffers.data();
      message.msg_iovlen = buffers.size();
      const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return wait_until_writable();
      if (sent < 0) return drop("writing failed");
      written += static_cast<size_t>(sent);
      for (size_t ended = outbox_.written(static_cast<size_t>(sent)); ended > 0; --ended) {
        session_->transition_written();
      }
    }
    if (phase_ == Phase::kAnswered) return ended();
    if (phase_ == Phase::kFailing) {
      error_code ignored;
      socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    }
  }

  void wait_until_writable() {
    writing_ = true;
    blocked_since_ns_ = monotonic_nanos();
    socket_.async_wait(asio::ip::tcp::socket::wait_write, [self = shared_from_this()](error_code error) {
      self->writing_ = false;
      self->blocked_since_ns_ = 0;
      if (error) return self->ended();
      self->last_alive_ns_ = monotonic_nanos();  // the peer has made room
      self->end_turn();
    });
  }

  void schedule_tick() {
    timer_.expires_after(kTick);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->phase_ != Phase::kOpen) return;
      self->tick();
      self->end_turn();
    });
  }

  void tick() {
    const int64_t now = monotonic_nanos();
    if (blocked_since_ns_ != 0 && now - blocked_since_ns_ > kMaxSilenceNs) {
      return drop("the client reads nothing");
    }
    if (!paused_ && now - last_alive_ns_ > kMaxSilenceNs) {
      session_->closed();
      return close(1000, "ClientDisconnected");
    }
    session_->on_tick();
    if (phase_ != Phase::kOpen) return;
    if (!writing_) outbox_.push_control(WebsocketOutbox::Opcode::kPing, "");
    schedule_tick();
  }

  void drop(std::string_view why) {
    if (phase_ == Phase::kDead) return;
    spdlog::debug("Dropping a websocket: {}", why);
    ended();
  }

  void ended() {
    if (phase_ == Phase::kDead) return;
    phase_ = Phase::kDead;
    timer_.cancel();
    session_->closed();
    error_code ignored;
    socket_.close(ignored);
  }

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;  // ticks, then the limit on closing
  WebsocketReader reader_;
  WebsocketOutbox outbox_;
  SyncClient client_;
  const SessionEnvironment env_;
  std::shared_ptr<SyncSession> session_;
  std::optional<std::string> pong_;  // to be sent
  std::string waiting_input_;        // while paused_
  int64_t last_alive_ns_ = 0;        // the peer sent something, or took something that had to wait
  int64_t blocked_since_ns_ = 0;     // the socket takes nothing more; 0 while it does
  uint64_t connection_ = 0;
  Phase phase_ = Phase::kOpen;
  bool reading_ = false, writing_ = false, paused_ = false, overflown_ = false;
};

// Runs the session's work on the strand, each piece as a turn.
class WebsocketSession::Executor final : public SyncExecutor {
 public:
  explicit Executor(const std::shared_ptr<WebsocketSession>& owner)
      : strand_(owner->socket_.get_executor()), wakes_(WakeQueue::of(strand_)), owner_(owner) {}

  void post(std::function<void()> work) override { asio::post(strand_, turn(std::move(work))); }
  void wake(std::function<void()> work) override { wakes_.add(strand_, turn(std::move(work))); }
  void post_after(std::chrono::milliseconds delay, std::function<void()> work) override {
    auto timer = std::make_shared<asio::steady_timer>(strand_, delay);
    timer->async_wait([timer, work = turn(std::move(work))](error_code error) {
      if (!error) work();
    });
  }

 private:
  std::function<void()> turn(std::function<void()> work) const {
    return [owner = owner_, work = std::move(work)] {
      work();
      if (auto self = owner.lock()) self->end_turn();
    };
  }

  const asio::any_io_executor strand_;
  WakeQueue& wakes_;
  const std::weak_ptr<WebsocketSession> owner_;
};

void WebsocketSession::opened(std::string early) {
  last_alive_ns_ = monotonic_nanos();
  session_ = SyncSession::create(this, std::make_shared<Executor>(shared_from_this()), *env_.sync,
                                 std::move(client_));
  env_.sync->counters->websockets.fetch_add(1);
  connection_ = env_.connections->add([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    asio::post(self->socket_.get_executor(), [self] {
      self->session_->shut_down();
      self->end_turn();
    });
  });
  schedule_tick();
  take(early);
  end_turn();
}

}  // namespace

void start_websocket_session(asio::ip::tcp::socket socket, const HttpRequest& request, std::string early,
                             SyncClient client, const SessionEnvironment& environment) {
  WebsocketHandshake handshake = answer_websocket_upgrade(request);
  std::make_shared<WebsocketSession>(std::move(socket), handshake.deflate, std::move(client), environment)
      ->start(std::move(handshake.response), std::move(early));
}

}  // namespace hull
