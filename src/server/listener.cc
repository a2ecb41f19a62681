#include "server/listener.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <future>
#include <utility>

#include "base/log.h"
#include "server/http_session.h"
#include "server/io_threads.h"
#include "server/refused_connection.h"

namespace hull {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
namespace {

constexpr int kBacklog = 256;

struct Acceptor : std::enable_shared_from_this<Acceptor> {
  Acceptor(asio::io_context& context)
      : context(context), strand(asio::make_strand(context)), acceptor(strand), pause(strand) {}

  void accept_next() {
    accepting = true;
    acceptor.async_accept(asio::make_strand(context),
                          [self = shared_from_this()](error_code error, tcp::socket socket) {
                            self->accepting = false;
                            if (!error) self->admit(std::move(socket));
                            if (!self->acceptor.is_open()) return self->closed.set_value();
                            if (!error) return self->accept_next();
                            // Out of file descriptors, most likely: do not spin.
                            spdlog::warn("Cannot accept a connection: {}", error.message());
                            self->pause.expires_after(std::chrono::milliseconds(100));
                            self->pause.async_wait([self](error_code stopped) {
                              if (!stopped && self->acceptor.is_open()) self->accept_next();
                            });
                          });
  }

  void admit(tcp::socket socket) {
    error_code ignored;
    auto admission = environment.limiter->connect(socket.remote_endpoint(ignored).address().to_string());
    if (!admission.refusal) {
      return start_http_session(std::move(socket), site_port, environment, std::move(admission.permit));
    }
    environment.pipeline->context().metrics.record_limited("connections");
    refuse_connection(std::move(socket), too_many_requests(admission.refusal->retry_after_s));
  }

  // The connections that the system has accepted already are served: their clients may have sent something.
  // So is one that is on its way to accept_next(), before `closed` is told.
  void close() {
    error_code error;
    acceptor.non_blocking(true, error);
    while (!error) {
      tcp::socket socket(asio::make_strand(context));
      acceptor.accept(socket, error);
      if (!error) admit(std::move(socket));
    }
    acceptor.close(error);
    pause.cancel();
    if (!accepting) closed.set_value();
  }

  asio::io_context& context;
  asio::strand<asio::io_context::executor_type> strand;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  bool accepting = false;
  std::promise<void> closed;
  bool site_port = false;
  SessionEnvironment environment;
};

class TcpListener final : public Listener {
 public:
  explicit TcpListener(std::shared_ptr<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {
    error_code ignored;
    port_ = acceptor_->acceptor.local_endpoint(ignored).port();
  }
  ~TcpListener() override { stop(); }

  uint16_t port() const override { return port_; }

  void start(bool site_port, const SessionEnvironment& environment) override {
    acceptor_->site_port = site_port;
    acceptor_->environment = environment;
    started_ = true;
    asio::post(acceptor_->strand, [acceptor = acceptor_] { acceptor->accept_next(); });
  }

  void stop() override {
    if (!started_ || std::exchange(stopped_, true)) return;
    asio::post(acceptor_->strand, [acceptor = acceptor_] { acceptor->close(); });
    acceptor_->closed.get_future().wait();
  }

 private:
  std::shared_ptr<Acceptor> acceptor_;
  uint16_t port_ = 0;
  bool started_ = false, stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(IoThreads& io, const std::string& address, uint16_t port) {
  error_code error;
  auto ip = asio::ip::make_address(address, error);
  if (error)
    return Error::bad_request("InvalidInterface", "'" + address + "' is not an IP address to listen on");
  auto acceptor = std::make_shared<Acceptor>(io.context());
  tcp::endpoint endpoint(ip, port);
  auto failed = [&](const char* step) {
    std::string text = std::string("Cannot ") + step + " " + address + " port " + std::to_string(port) +
                       ": " + error.message();
    if (error == asio::error::address_in_use) text += ". Stop the other program or choose another port.";
    return Error::bad_request("ListenFailed", text);
  };
  acceptor->acceptor.open(endpoint.protocol(), error);
  if (error) return failed("open a socket for");
  acceptor->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  acceptor->acceptor.bind(endpoint, error);
  if (error) return failed("bind to");
  acceptor->acceptor.listen(kBacklog, error);
  if (error) return failed("listen on");
  return std::unique_ptr<Listener>(std::make_unique<TcpListener>(std::move(acceptor)));
}

}  // namespace hull
