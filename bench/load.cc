// Load generator: blocking sockets and no parsing to speak of, so that the server is what is measured.
//   bench_load http <port> <connections> <seconds> <path> <body>
//       POSTs the body (with %N% replaced by a counter) over keep-alive connections; prints requests per
//       second
//   bench_load ws <port> <connections> <seconds> <function>
//       sends mutations one after another on each websocket and waits for each response; prints mutations per
//       second
//   bench_load fanout <port> <subscribers> <rounds> <query> <mutation>
//       subscribes all sockets to one query, then for each round runs the mutation over HTTP and waits until
//       the last socket has its new value; prints p50 and p99 of send-to-last-client in ms, and the size of
//       one update in bytes
//   bench_load broadcast <port> <subscribers> <rounds> <bytes>
//       the same against the bare broadcast server
// Stops by itself; exits with 1 if anything fails.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bench_load: %s\n", what.c_str());
  std::exit(1);
}

int dial(int port) {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("connect failed");
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void send_all(int fd, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) die("send failed");
    sent += static_cast<size_t>(n);
  }
}

// Reads more bytes into `buffer`; false at end of stream.
bool fill(int fd, std::string& buffer) {
  char chunk[65536];
  ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
  if (n <= 0) return false;
  buffer.append(chunk, static_cast<size_t>(n));
  return true;
}

// One HTTP response (Content-Length framing); returns its body.
std::string read_response(int fd, std::string& buffer) {
  size_t head;
  while ((head = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!fill(fd, buffer)) die("connection closed");
  }
  std::string lower = buffer.substr(0, head);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  size_t at = lower.find("content-length:");
  size_t length = at == std::string::npos ? 0 : std::strtoul(lower.c_str() + at + 15, nullptr, 10);
  while (buffer.size() < head + 4 + length) {
    if (!fill(fd, buffer)) die("connection closed");
  }
  std::string body = buffer.substr(head + 4, length);
  buffer.erase(0, head + 4 + length);
  return body;
}

std::string http_post(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Starts where no earlier run on the same server has been, so that arguments are new and nothing comes from a
// cache.
std::atomic<uint64_t> counter{static_cast<uint64_t>(Clock::now().time_since_epoch().count() / 1000)};

std::string with_counter(std::string text) {
  size_t at = text.find("%N%");
  if (at != std::string::npos) text.replace(at, 3, std::to_string(counter++));
  return text;
}

// --- websocket
// ----------------------------------------------------------------------------------------------------------

std::string frame(const std::string& text) {
  std::string out = "\x81";
  if (text.size() < 126) {
    out.push_back(static_cast<char>(0x80 | text.size()));
  } else if (text.size() < 65536) {
    out.push_back(static_cast<char>(0x80 | 126));
    out.push_back(static_cast<char>(text.size() >> 8));
    out.push_back(static_cast<char>(text.size()));
  } else {
    out.push_back(static_cast<char>(0x80 | 127));
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(text.size() >> shift));
  }
  out.append(4, '\0');  // an all-zero mask leaves the payload as it is
  return out + text;
}

class WebSocket {
 public:
  WebSocket(int port, const std::string& path) : fd(dial(port)) {
    send_all(fd, "GET " + path +
                     " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: "
                     "websocket\r\nSec-WebSocket-Version: "
                     "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    size_t head;
    while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill(fd, buffer_)) die("upgrade refused");
    }
    if (buffer_.find(" 101 ") == std::string::npos) die("upgrade refused: " + buffer_.substr(0, 200));
    buffer_.erase(0, head + 4);
  }
  ~WebSocket() { ::close(fd); }
  WebSocket(const WebSocket&) = delete;

  void send(const std::string& text) { send_all(fd, frame(text)); }

  // A complete text frame if one is buffered.
  bool take(std::string& text) {
    for (;;) {
      if (buffer_.size() < 2) return false;
      const auto* b = reinterpret_cast<const uint8_t*>(buffer_.data());
      size_t length = b[1] & 0x7f, head = 2;
      if (length == 126) {
        if (buffer_.size() < 4) return false;
        length = static_cast<size_t>(b[2]) << 8 | b[3];
        head = 4;
      } else if (length == 127) {
        if (buffer_.size() < 10) return false;
        length = 0;
        for (int i = 2; i < 10; ++i) length = length << 8 | b[i];
        head = 10;
      }
      if (buffer_.size() < head + length) return false;
      const int opcode = b[0] & 0x0f;
      text = buffer_.substr(head, length);
      buffer_.erase(0, head + length);
      if (opcode == 8) die("the server closed the websocket: " + text);
      if (opcode == 1 || opcode == 0) return true;
    }
  }
  std::string receive() {
    std::string text;
    while (!take(text)) {
      if (!fill(fd, buffer_)) die("websocket closed");
    }
    return text;
  }
  bool more() { return fill(fd, buffer_); }

  const int fd;

 private:
  std::string buffer_;
};

std::string connect_message(int n) {
  char id[64];
  std::snprintf(id, sizeof id, "00000000-0000-4000-8000-%08x%04x", static_cast<unsigned>(::getpid()), n);
  return std::string(R"({"type":"Connect","sessionId":")") + id +
         R"(","connectionCount":0,"lastCloseReason":null})";
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// --- modes
// ----------------------------------------------------------------------------------------------------------------

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

void print_percentiles(std::vector<double> samples, size_t bytes) {
  std::sort(samples.begin(), samples.end());
  auto at = [&](double q) {
    return samples[std::min(samples.size() - 1,
                            static_cast<size_t>(q * static_cast<double>(samples.size())))];
  };
  std::printf("%.3f %.3f %zu\n", at(0.5), at(0.99), bytes);
}

// Waits until every socket has received a message for which `is_it` holds; returns the size of the last one.
template <typename F>
size_t wait_for_all(int epoll, std::vector<std::unique_ptr<WebSocket>>& sockets, F is_it) {
  std::vector<bool> got(sockets.size());
  size_t missing = sockets.size(), bytes = 0;
  std::vector<epoll_event> events(256);
  std::string text;
  while (missing > 0) {
    int n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 10000);
    if (n <= 0) die("an update did not arrive within 10 s");
    for (int i = 0; i < n; ++i) {
      const size_t index = events[static_cast<size_t>(i)].data.u64;
      if (!sockets[index]->more()) die("websocket closed");
      while (sockets[index]->take(text)) {
        if (!got[index] && is_it(text)) {
          got[index] = true;
          bytes = text.size();
          --missing;
        }
      }
    }
  }
  return bytes;
}

int make_epoll(std::vector<std::unique_ptr<WebSocket>>& sockets) {
  int epoll = ::epoll_create1(0);
  for (size_t n = 0; n < sockets.size(); ++n) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = n;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[n]->fd, &event);
  }
  return epoll;
}

double millis_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
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
  const int rounds = std::atoi(argv[4]);
  std::vector<std::unique_ptr<WebSocket>> sockets;
  std::vector<double> samples;
  size_t bytes = 0;
  if (mode == "fanout" && argc == 7) {
    for (int n = 0; n < count; ++n) {
      sockets.push_back(std::make_unique<WebSocket>(port, "/api/1.48.0/sync"));
      sockets.back()->send(connect_message(n));
      sockets.back()->send(
          std::string(
              R"({"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":0,"udfPath":")") +
          argv[5] + R"(","args":[{"name":"fanout"}]}]})");
    }
    int epoll = make_epoll(sockets);
    wait_for_all(epoll, sockets, [](const std::string& text) { return has(text, "QueryUpdated"); });
    int writer = dial(port);
    std::string buffer;
    const std::string request =
        http_post("/api/mutation",
                  std::string(R"({"path":")") + argv[6] + R"(","args":{"name":"fanout"},"format":"json"})");
    for (int round = 0; round < rounds; ++round) {
      const auto start = Clock::now();
      send_all(writer, request);
      bytes = wait_for_all(epoll, sockets, [](const std::string& text) { return has(text, "QueryUpdated"); });
      samples.push_back(millis_since(start));
      read_response(writer, buffer);
    }
    print_percentiles(samples, bytes);
    return 0;
  }
  if (mode == "broadcast") {
    for (int n = 0; n < count; ++n) sockets.push_back(std::make_unique<WebSocket>(port, "/"));
    int epoll = make_epoll(sockets);
    const std::string message = "!" + std::string(static_cast<size_t>(std::atoi(argv[5])) - 1, 'x');
    WebSocket writer(port, "/");
    ::usleep(200000);
    for (int round = 0; round < rounds; ++round) {
      const auto start = Clock::now();
      writer.send(message);
      wait_for_all(epoll, sockets, [](const std::string& text) { return text[0] == '!'; });
      samples.push_back(millis_since(start));
      writer.receive();
    }
    print_percentiles(samples, message.size());
    return 0;
  }
  return 2;
}
