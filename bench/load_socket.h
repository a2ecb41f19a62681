// What the load generators share: blocking loopback sockets, HTTP requests with Content-Length, and a
// websocket client that does no more than split frames. Failures end the program. Not thread-safe; one thread
// per object.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace bench {

using Clock = std::chrono::steady_clock;

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "bench_load: %s\n", what.c_str());
  std::exit(1);
}

inline int dial(int port) {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    die(std::string("connect failed: ") + std::strerror(errno));
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

inline void send_all(int fd, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) die("send failed");
    sent += static_cast<size_t>(n);
  }
}

// Reads more bytes into `buffer`; false at end of stream.
inline bool fill(int fd, std::string& buffer) {
  char chunk[65536];
  ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
  if (n <= 0) return false;
  buffer.append(chunk, static_cast<size_t>(n));
  return true;
}

// One HTTP response (Content-Length framing); returns its body.
inline std::string read_response(int fd, std::string& buffer) {
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

inline std::string http_post(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Starts where no earlier run on the same server has been, so that arguments are new and nothing comes from a
// cache.
inline std::atomic<uint64_t> counter{static_cast<uint64_t>(Clock::now().time_since_epoch().count() / 1000)};

inline std::string with_counter(std::string text) {
  size_t at = text.find("%N%");
  if (at != std::string::npos) text.replace(at, 3, std::to_string(counter++));
  return text;
}

inline std::string frame(const std::string& text) {
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

// One client websocket. It compresses nothing and decompresses nothing, but may say that it could.
class WebSocket {
 public:
  WebSocket(int port, const std::string& path, bool offer_deflate = false) : fd(dial(port)) {
    const std::string extensions =
        offer_deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "";
    send_all(fd, "GET " + path +
                     " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: "
                     "websocket\r\nSec-WebSocket-Version: "
                     "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                     extensions + "\r\n");
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

inline std::string connect_message(int n) {
  char id[64];
  std::snprintf(id, sizeof id, "00000000-0000-4000-8000-%08x%04x", static_cast<unsigned>(::getpid()), n);
  return std::string(R"({"type":"Connect","sessionId":")") + id +
         R"(","connectionCount":0,"lastCloseReason":null})";
}

// Lets the process open as many sockets as the system allows.
inline void raise_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

inline bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace bench
