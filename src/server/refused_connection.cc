#include "server/refused_connection.h"

#include <array>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <memory>

namespace hull {
namespace asio = boost::asio;
using boost::system::error_code;
namespace {

constexpr int kMaxAtOnce = 64;
constexpr std::chrono::seconds kTime{1};
std::atomic<int> at_once{0};

// Closing with unread input would reset the connection and lose the answer: what comes is thrown away for a
// moment.
class Refused : public std::enable_shared_from_this<Refused> {
 public:
  Refused(asio::ip::tcp::socket socket, const HttpResponse& answer)
      : socket_(std::move(socket)), timer_(socket_.get_executor(), kTime) {
    text_ = "HTTP/1.1 " + std::to_string(answer.status) + " Too Many Requests\r\nConnection: close\r\n";
    for (const auto& [name, value] : answer.headers) text_ += name + ": " + value + "\r\n";
    text_ += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
    at_once.fetch_add(1);
  }
  ~Refused() { at_once.fetch_sub(1); }

  void start() {
    timer_.async_wait([self = shared_from_this()](error_code) { self->close(); });
    asio::async_write(socket_, asio::buffer(text_), [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->close();
      error_code ignored;
      self->socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
      self->discard();
    });
  }

 private:
  void discard() {
    socket_.async_read_some(asio::buffer(scratch_), [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->close();
      self->discard();
    });
  }

  void close() {
    error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
  }

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  std::string text_;
  std::array<char, 4096> scratch_{};
};

}  // namespace

void refuse_connection(asio::ip::tcp::socket socket, const HttpResponse& answer) {
  if (at_once.load() >= kMaxAtOnce) return;  // the socket closes itself
  std::make_shared<Refused>(std::move(socket), answer)->start();
}

}  // namespace hull
