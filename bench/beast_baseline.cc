// Baseline: the least a Boost.Beast server can do.
//   bench_beast hello <port>       answers every HTTP request with a small JSON body (two I/O threads)
//   bench_beast broadcast <port>   websocket server: a text frame starting with '!' is sent on to every
//   client
// Runs until it is killed.
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

asio::awaitable<void> hello(beast::tcp_stream stream) {
  beast::flat_buffer buffer;
  try {
    for (;;) {
      http::request<http::string_body> request;
      co_await http::async_read(stream, buffer, request, asio::use_awaitable);
      http::response<http::string_body> response{http::status::ok, request.version()};
      response.set(http::field::content_type, "application/json");
      response.keep_alive(request.keep_alive());
      response.body() = R"({"status":"success","value":1})";
      response.prepare_payload();
      co_await http::async_write(stream, response, asio::use_awaitable);
    }
  } catch (const std::exception&) {
  }
}

class Peer;
std::mutex peers_mutex;
std::set<std::shared_ptr<Peer>> peers;

class Peer : public std::enable_shared_from_this<Peer> {
 public:
  explicit Peer(tcp::socket socket) : ws_(std::move(socket)) {}

  asio::awaitable<void> run() {
    try {
      ws_.text(true);
      co_await ws_.async_accept(asio::use_awaitable);
      {
        std::lock_guard lock(peers_mutex);
        peers.insert(shared_from_this());
      }
      for (;;) {
        beast::flat_buffer buffer;
        co_await ws_.async_read(buffer, asio::use_awaitable);
        auto text = std::make_shared<const std::string>(beast::buffers_to_string(buffer.data()));
        if (text->empty() || text->front() != '!') continue;
        std::lock_guard lock(peers_mutex);
        for (const auto& peer : peers) peer->post(text);
      }
    } catch (const std::exception&) {
    }
    std::lock_guard lock(peers_mutex);
    peers.erase(shared_from_this());
  }

  void post(std::shared_ptr<const std::string> text) {
    asio::post(ws_.get_executor(), [self = shared_from_this(), text = std::move(text)]() mutable {
      self->queue_.push_back(std::move(text));
      if (self->queue_.size() == 1) self->write();
    });
  }

 private:
  void write() {
    ws_.async_write(asio::buffer(*queue_.front()),
                    [self = shared_from_this()](beast::error_code error, size_t) {
                      self->queue_.pop_front();
                      if (!error && !self->queue_.empty()) self->write();
                    });
  }

  beast::websocket::stream<tcp::socket> ws_;
  std::deque<std::shared_ptr<const std::string>> queue_;
};

asio::awaitable<void> listen(asio::io_context& io, uint16_t port, bool broadcast) {
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), port});
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::make_strand(io), asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    auto executor = socket.get_executor();
    if (broadcast) {
      auto peer = std::make_shared<Peer>(std::move(socket));
      asio::co_spawn(
          executor, [peer] { return peer->run(); }, asio::detached);
    } else {
      asio::co_spawn(executor, hello(beast::tcp_stream(std::move(socket))), asio::detached);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  asio::io_context io(2);
  asio::co_spawn(io,
                 listen(io, static_cast<uint16_t>(std::atoi(argv[2])), std::string(argv[1]) == "broadcast"),
                 asio::detached);
  std::thread second([&io] { io.run(); });
  io.run();
  second.join();
}
