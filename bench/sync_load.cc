// Load generator for live queries: many subscribed websockets in one epoll loop, writers in threads of their
// own.
//   bench_sync fanout <port> <subscribers> <rounds> <query> <mutation>
//       subscribes all sockets to one query, then for each round runs the mutation over HTTP and waits until
//       the last socket has its new value; prints p50 and p99 of send-to-last-client in ms, and the size of
//       one update in bytes
//   bench_sync broadcast <port> <subscribers> <rounds> <bytes>
//       the same against the bare broadcast server
//   bench_sync distinct <port> <queries> <seconds> <writes per second> <query> <mutation>
//       as many sockets as queries, each with a query of its own; prints p50 and p99 of send-to-client in ms
//       and the count of updates
//   bench_sync steady <port> <clients> <seconds> <writes per second> <query> <mutation> <subscriptions>
//       clients with several subscriptions each, half of them shared by all; prints a line "<unix ms>
//       <latency ms>" for each mutation, then "failed <calls> <queries>"
//   bench_sync idle <port> <sockets> <seconds> <pid> <path> [<query> <args>]
//       opens the sockets, offers compression, subscribes each to the query and waits for its result, if
//       there is one; after as many quiet seconds prints by how many bytes per socket process `pid` has grown
// Stops by itself; exits with 1 if anything fails (in mode steady failures are counted).
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/load_socket.h"

namespace {

using namespace bench;
using Sockets = std::vector<std::unique_ptr<WebSocket>>;

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

std::string add_query(int id, const std::string& query, const std::string& name) {
  return R"({"type":"Add","queryId":)" + std::to_string(id) + R"(,"udfPath":")" + query +
         R"(","args":[{"name":")" + name + R"("}]})";
}

void subscribe(WebSocket& socket, int n, const std::string& additions) {
  socket.send(connect_message(n));
  socket.send(R"({"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[)" + additions +
              "]}");
}

std::string mutation_request(const std::string& mutation, const std::string& name) {
  return http_post("/api/mutation",
                   R"({"path":")" + mutation + R"(","args":{"name":")" + name + R"("},"format":"json"})");
}

bool is_update(const std::string& text) { return has(text, "QueryUpdated"); }

// --- modes

int fanout(int port, int count, int rounds, const std::string& query, const std::string& mutation) {
  Sockets sockets;
  for (int n = 0; n < count; ++n) {
    sockets.push_back(std::make_unique<WebSocket>(port, "/api/1.48.0/sync"));
    subscribe(*sockets.back(), n, add_query(0, query, "fanout"));
  }
  int epoll = make_epoll(sockets);
  wait_for_all(epoll, sockets, is_update);
  int writer = dial(port);
  std::string buffer;
  const std::string request = mutation_request(mutation, "fanout");
  std::vector<double> samples;
  size_t bytes = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    send_all(writer, request);
    bytes = wait_for_all(epoll, sockets, is_update);
    samples.push_back(millis_since(start));
    read_response(writer, buffer);
  }
  print_percentiles(samples, bytes);
  return 0;
}

int broadcast(int port, int count, int rounds, size_t bytes) {
  Sockets sockets;
  for (int n = 0; n < count; ++n) sockets.push_back(std::make_unique<WebSocket>(port, "/"));
  int epoll = make_epoll(sockets);
  const std::string message = "!" + std::string(bytes - 1, 'x');
  WebSocket writer(port, "/");
  ::usleep(200000);
  std::vector<double> samples;
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

// When each value of each counter was asked for. A counter is bumped by one writer only, so its values come
// in order.
struct Sent {
  std::mutex mutex;
  std::vector<std::vector<Clock::time_point>> times;  // [query][value]
  std::vector<size_t> seen;                           // values below it have been measured
};

// Runs `call` every `interval`, late ones at once, until `end`.
template <typename F>
void pace(Clock::time_point end, Clock::duration interval, F call) {
  for (auto next = Clock::now(); std::max(next, Clock::now()) < end; next += interval) {
    std::this_thread::sleep_until(next);
    call();
  }
}

int distinct(int port, int count, double seconds, double rate, const std::string& query,
             const std::string& mutation) {
  constexpr int kWriters = 8;
  const std::string prefix = "d" + std::to_string(::getpid()) + "_";
  Sockets sockets;
  for (int n = 0; n < count; ++n) {
    sockets.push_back(std::make_unique<WebSocket>(port, "/api/1.48.0/sync"));
    subscribe(*sockets.back(), n, add_query(0, query, prefix + std::to_string(n)));
  }
  int epoll = make_epoll(sockets);
  wait_for_all(epoll, sockets, is_update);
  Sent sent;
  sent.times.resize(sockets.size());
  sent.seen.resize(sockets.size());
  std::atomic<int> writing{kWriters};
  std::vector<std::thread> writers;
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      int fd = dial(port);
      std::string buffer;
      uint32_t random = static_cast<uint32_t>(w) + 1;
      pace(end, std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(kWriters / rate)),
           [&] {
             random = random * 1664525u + 1013904223u;
             const size_t n = (random >> 8) % (sockets.size() / kWriters) * kWriters + static_cast<size_t>(w);
             {
               std::lock_guard lock(sent.mutex);
               sent.times[n].push_back(Clock::now());
             }
             send_all(fd, mutation_request(mutation, prefix + std::to_string(n)));
             if (!has(read_response(fd, buffer), "\"success\"")) die("a mutation failed");
           });
      ::close(fd);
      --writing;
    });
  }
  std::vector<double> samples;
  std::vector<epoll_event> events(256);
  std::string text;
  auto drained = [&] {
    std::lock_guard lock(sent.mutex);
    for (size_t n = 0; n < sent.times.size(); ++n)
      if (sent.seen[n] < sent.times[n].size()) return false;
    return true;
  };
  auto deadline = end + std::chrono::seconds(10);
  while (writing > 0 || !drained()) {
    if (Clock::now() > deadline) die("an update did not arrive within 10 s");
    int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 100);
    const auto now = Clock::now();
    for (int i = 0; i < ready; ++i) {
      const size_t n = events[static_cast<size_t>(i)].data.u64;
      if (!sockets[n]->more()) die("websocket closed");
      while (sockets[n]->take(text)) {
        size_t at = text.find("\"value\":");
        if (!is_update(text) || at == std::string::npos) continue;
        const auto value = static_cast<size_t>(std::strtod(text.c_str() + at + 8, nullptr));
        std::lock_guard lock(sent.mutex);
        for (; sent.seen[n] < value && sent.seen[n] < sent.times[n].size(); ++sent.seen[n])
          samples.push_back(
              std::chrono::duration<double, std::milli>(now - sent.times[n][sent.seen[n]]).count());
      }
    }
  }
  for (auto& writer : writers) writer.join();
  if (samples.empty()) die("no updates");
  print_percentiles(samples, samples.size());
  return 0;
}

int steady(int port, int count, double seconds, double rate, const std::string& query,
           const std::string& mutation, int subscriptions) {
  constexpr int kWriters = 4, kNames = 40;
  Sockets sockets;
  for (int n = 0; n < count; ++n) {
    sockets.push_back(std::make_unique<WebSocket>(port, "/api/1.48.0/sync"));
    std::string additions;
    for (int i = 0; i < subscriptions; ++i) {
      const int name = i % 2 == 0 ? i : (n * subscriptions + i) % kNames;
      if (!additions.empty()) additions += ',';
      additions += add_query(i, query, "s" + std::to_string(name));
    }
    subscribe(*sockets.back(), n, additions);
  }
  int epoll = make_epoll(sockets);
  wait_for_all(epoll, sockets, is_update);
  std::atomic<int> writing{kWriters};
  std::atomic<size_t> failed_calls{0};
  size_t failed_queries = 0;
  std::mutex output;
  std::vector<std::thread> writers;
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      int fd = dial(port);
      std::string buffer;
      int turn = w;
      pace(end, std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(kWriters / rate)),
           [&] {
             turn = (turn + kWriters) % kNames;
             const auto start = Clock::now();
             const double at = std::chrono::duration<double, std::milli>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count();
             send_all(fd, mutation_request(mutation, "s" + std::to_string(turn)));
             if (!has(read_response(fd, buffer), "\"success\"")) ++failed_calls;
             std::lock_guard lock(output);
             std::printf("%.0f %.3f\n", at, millis_since(start));
           });
      ::close(fd);
      --writing;
    });
  }
  std::vector<epoll_event> events(256);
  std::string text;
  const auto quiet = end + std::chrono::seconds(2);
  while (writing > 0 || Clock::now() < quiet) {
    int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < ready; ++i) {
      const size_t n = events[static_cast<size_t>(i)].data.u64;
      if (!sockets[n]->more()) die("websocket closed");
      while (sockets[n]->take(text))
        if (has(text, "QueryFailed")) ++failed_queries;
    }
  }
  for (auto& writer : writers) writer.join();
  std::printf("failed %zu %zu\n", failed_calls.load(), failed_queries);
  return 0;
}

size_t resident_bytes(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/statm");
  size_t pages = 0;
  file >> pages >> pages;
  if (!file) die("no process " + pid);
  return pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

int idle(int port, int count, int seconds, const std::string& pid, const std::string& path,
         const std::string& query, const std::string& args) {
  const size_t before = resident_bytes(pid);
  Sockets sockets;
  for (int n = 0; n < count; ++n) {
    sockets.push_back(std::make_unique<WebSocket>(port, path, true));
    if (query.empty()) continue;
    subscribe(*sockets.back(), n,
              R"({"type":"Add","queryId":0,"udfPath":")" + query + R"(","args":[)" + args + "]}");
  }
  if (!query.empty()) {
    int epoll = make_epoll(sockets);
    wait_for_all(epoll, sockets, [](const std::string&) { return true; });
  }
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  const size_t after = resident_bytes(pid);
  std::printf("%.0f\n", (static_cast<double>(after) - static_cast<double>(before)) / count);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  raise_file_limit();
  const std::string mode = argv[1];
  const int port = std::atoi(argv[2]);
  const int count = std::atoi(argv[3]);
  if (mode == "fanout" && argc == 7) return fanout(port, count, std::atoi(argv[4]), argv[5], argv[6]);
  if (mode == "broadcast")
    return broadcast(port, count, std::atoi(argv[4]), std::strtoul(argv[5], nullptr, 10));
  if (mode == "distinct" && argc == 8)
    return distinct(port, count, std::atof(argv[4]), std::atof(argv[5]), argv[6], argv[7]);
  if (mode == "steady" && argc == 9)
    return steady(port, count, std::atof(argv[4]), std::atof(argv[5]), argv[6], argv[7], std::atoi(argv[8]));
  if (mode == "idle" && (argc == 7 || argc == 9))
    return idle(port, count, std::atoi(argv[4]), argv[5], argv[6], argc == 9 ? argv[7] : "",
                argc == 9 ? argv[8] : "");
  return 2;
}
