#include "server/listener.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "base/log.h"
#include "server/http_session.h"
#include "server/io_threads.h"

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
    acceptor.async_accept(asio::make_strand(context),
                          [self = shared_from_this()](error_code error, tcp::socket socket) {
                            if (!self->acceptor.is_open()) return;
                            if (!error) {
                              start_http_session(std::move(socket), self->site_port, self->environment);
                              return self->accept_next();
                            }
                            // Out of file descriptors, most likely: do not spin.
                            spdlog::warn("Cannot accept a connection: {}", error.message());
                            self->pause.expires_after(std::chrono::milliseconds(100));
                            self->pause.async_wait([self](error_code stopped) {
                              if (!stopped && self->acceptor.is_open()) self->accept_next();
                            });
                          });
  }

  asio::io_context& context;
  asio::strand<asio::io_context::executor_type> strand;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
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
    asio::post(acceptor_->strand, [acceptor = acceptor_] { acceptor->accept_next(); });
  }

  void stop() override {
    asio::post(acceptor_->strand, [acceptor = acceptor_] {
      error_code ignored;
      acceptor->acceptor.close(ignored);
      acceptor->pause.cancel();
    });
  }

 private:
  std::shared_ptr<Acceptor> acceptor_;
  uint16_t port_ = 0;
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
