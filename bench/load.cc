// Load generator for request rates: blocking sockets, a thread per connection, and no parsing to speak of, so
// that the server is what is measured.
//   bench_load http <port> <connections> <seconds> <path> <body>
//       POSTs the body (with %N% replaced by a counter) over keep-alive connections; prints requests per
//       second
//   bench_load ws <port> <connections> <seconds> <function>
//       sends mutations one after another on each websocket and waits for each response; prints mutations per
//       second
// Stops by itself; exits with 1 if anything fails.
#include <memory>
#include <thread>
#include <vector>

#include "bench/load_socket.h"

namespace {

using namespace bench;

template <typename F>
double run_threads(int count, double seconds, F one_call) {
  std::atomic<uint64_t> done{0};
  std::vector<std::thread> threads;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration<double>(seconds);
  for (int n = 0; n < count; ++n) {
    threads.emplace_back([&, n] {
      auto call = one_call(n);
      while (Clock::now() < end) {
        call();
        ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return static_cast<double>(done) / std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  const std::string mode = argv[1];
  const int port = std::atoi(argv[2]);
  const int count = std::atoi(argv[3]);

  if (mode == "http" && argc == 7) {
    const std::string path = argv[5], body = argv[6];
    double rate = run_threads(count, std::atof(argv[4]), [&](int) {
      return [fd = dial(port), buffer = std::string(), &path, &body]() mutable {
        send_all(fd, http_post(path, with_counter(body)));
        std::string answer = read_response(fd, buffer);
        if (!has(answer, "\"success\"")) die("bad answer: " + answer.substr(0, 300));
      };
    });
    std::printf("%.1f\n", rate);
    return 0;
  }
  if (mode == "ws") {
    const std::string function = argv[5];
    double rate = run_threads(count, std::atof(argv[4]), [&](int n) {
      auto socket = std::make_shared<WebSocket>(port, "/api/1.48.0/sync");
      socket->send(connect_message(n));
      socket->send(R"({"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[]})");
      return [socket, &function, id = 0, n]() mutable {
        socket->send(R"({"type":"Mutation","requestId":)" + std::to_string(id++) + R"(,"udfPath":")" +
                     function + R"(","args":[{"text":"w)" + std::to_string(n) + R"(","rank":1}]})");
        for (;;) {
          std::string text = socket->receive();
          if (!has(text, "MutationResponse")) continue;
          if (!has(text, "\"success\":true")) die("bad answer: " + text.substr(0, 300));
          break;
        }
      };
    });
    std::printf("%.1f\n", rate);
    return 0;
  }
  return 2;
}
