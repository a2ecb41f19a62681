// Actions: calls of other functions, fetch against a local server, timers, live logs.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <thread>

#include "functions/test_deployment.h"

namespace hull::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kModule = R"js(
const run = (kind, name, args = {}) => op('1.0/actions/' + kind, {name, args});
export const add = mutation(async ({n}) => insert('t', {n}));
export const total = query(async () => (await collect('t')).reduce((a, r) => a + r.n, 0));
export const work = action(async () => {
  console.log('start');
  await Promise.all([1, 2, 3].map(n => run('mutation', 'm:add', {n})));
  return run('query', 'm:total');
});
export const caught = action(async () => { try { await run('query', 'm:broken'); } catch (e) { return e.message; } });
export const broken = query(async () => { throw new Error('boom'); });
export const outer = action(async () => run('action', 'm:work'));
export const sleeps = action(async () => {
  const order = [];
  await Promise.all([30, 10, 20].map(ms => new Promise(r => setTimeout(() => { order.push(ms); r(); }, ms))));
  return order;
});
export const slowTurn = action(async () => {
  const order = [];
  const start = ms => new Promise(r => setTimeout(() => { order.push(ms); r(); }, ms));
  const long = start(30);
  for (const end = Date.now() + 60; Date.now() < end;);
  await Promise.all([long, start(10)]);
  return order;
});
export const get = action(async ({url}) => { const r = await fetch(url); return [r.status, await r.text()]; });
export const post = action(async ({url}) => {
  const r = await fetch(url, {method: 'POST', body: 'x'.repeat(100000)}); return (await r.text()).length; });
export const db = action(async () => { try { await insert('t', {n: 1}); } catch (e) { return e.message; } });
export const loop = action(async () => { for (;;) {} });
export const leave = action(async () => { run('mutation', 'm:add', {n: 1}); });
)js";

// Answers every connection with 200 and the request's body (or "hello"), then closes it.
class EchoServer {
 public:
  EchoServer() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener_, 16);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~EchoServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  void run() {
    for (int fd = 0; (fd = accept(listener_, nullptr, nullptr)) >= 0; close(fd)) {
      std::string in;
      size_t body = std::string::npos, length = 0;
      char chunk[65536];
      while (body == std::string::npos || in.size() < body + length) {
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got <= 0) break;
        in.append(chunk, static_cast<size_t>(got));
        if (body == std::string::npos && in.find("\r\n\r\n") != std::string::npos) {
          body = in.find("\r\n\r\n") + 4;
          size_t at = in.find("Content-Length: ");
          if (at != std::string::npos && at < body) length = std::stoul(in.substr(at + 16));
        }
      }
      std::string payload = length > 0 ? in.substr(body) : "hello";
      std::string out = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(payload.size()) +
                        "\r\nConnection: close\r\n\r\n" + payload;
      [[maybe_unused]] ssize_t sent = send(fd, out.data(), out.size(), MSG_NOSIGNAL);
    }
  }
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

class ActionTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(d.push({{"m.js", kModule}}), ""); }
  TestDeployment d;
};

TEST_F(ActionTest, CallsOtherFunctions) {
  auto result = d.action("m:work");
  EXPECT_EQ(d.text(result), "6");
  ASSERT_EQ(result.log_lines.size(), 1u);
  EXPECT_EQ(result.log_lines[0].pretty(), "[LOG] 'start'");
  EXPECT_EQ(d.text(d.action("m:outer")), "12");
  EXPECT_THAT(d.text(d.action("m:caught")), StartsWith("\"Uncaught Error: boom\\n"));
  EXPECT_EQ(d.text(d.action("m:db")), R"("Unknown async operation 1.0/insert")");
}

TEST_F(ActionTest, LogsArriveAsProgressAndCompletionIsEmpty) {
  d.action("m:work");
  std::string kinds;
  for (auto& entry : d.runner().log().read(0).entries) {
    if (entry->udf_type != UdfType::kAction) continue;
    kinds += entry->kind == FunctionLogEntry::Kind::kProgress ? "P" : "C";
    kinds += std::to_string(entry->log_lines.size());
  }
  EXPECT_EQ(kinds, "P1C0");
}

TEST_F(ActionTest, TimersFireInOrder) {
  EXPECT_EQ(d.text(d.action("m:sleeps")), "[10,20,30]");
  EXPECT_EQ(d.text(d.action("m:slowTurn")), "[10,30]") << "timers of one turn count from one time";
}

TEST_F(ActionTest, Fetches) {
  EchoServer server;
  EXPECT_EQ(d.text(d.action("m:get", R"({"url":")" + server.url() + "\"}")), R"([200,"hello"])");
  EXPECT_EQ(d.text(d.action("m:post", R"({"url":")" + server.url() + "\"}")), "100000");
  EXPECT_THAT(d.text(d.action("m:get", R"({"url":"http://127.0.0.1:1/"})")),
              HasSubstr("error sending request"));
}

TEST_F(ActionTest, WarnsAboutUnawaitedOperations) {
  auto result = d.action("m:leave");
  ASSERT_EQ(result.log_lines.size(), 1u);
  EXPECT_THAT(result.log_lines[0].pretty(), StartsWith("[WARN] 1 unawaited operation: [mutation]. "));
}

TEST_F(ActionTest, ManyShareFewProcesses) {
  std::vector<std::future<FunctionResult>> results;
  for (int i = 0; i < 40; ++i) {
    auto promise = std::make_shared<std::promise<FunctionResult>>();
    results.push_back(promise->get_future());
    d.runner().action(d.call("m:sleeps", "{}"),
                      [promise](FunctionResult r) { promise->set_value(std::move(r)); });
  }
  for (auto& result : results) EXPECT_EQ(d.text(result.get()), "[10,20,30]");
  EXPECT_LE(d.runner().stats().workers, 6u);
}

TEST(ActionPoolTest, LoopingActionsDoNotHoldUpOthers) {
  Knobs knobs;
  knobs.action_user_timeout_s = 12;
  TestDeployment d(knobs);
  ASSERT_EQ(d.push({{"m.js", kModule}}), "");
  std::atomic<int> ended{0};
  std::vector<std::future<void>> loops;
  for (int i = 0; i < 6; ++i) {
    auto done = std::make_shared<std::promise<void>>();
    loops.push_back(done->get_future());
    d.runner().action(d.call("m:loop", "{}"), [&ended, done](FunctionResult) {
      ++ended;
      done->set_value();
    });
  }
  // Long enough for the loops to be found out.
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_EQ(d.text(d.action("m:sleeps")), "[10,20,30]");
  EXPECT_EQ(ended, 0);
  for (auto& loop : loops) loop.wait();
}

}  // namespace
}  // namespace hull::testing
