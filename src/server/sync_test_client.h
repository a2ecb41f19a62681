// For the tests of sync sessions: a client that speaks to one without a socket, and the fixture around it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/envelope.h"
#include "server/fake_backend.h"
#include "server/sync_session.h"
#include "services/admin_keys.h"

namespace hull {

inline constexpr const char* kSession = "6b1f3c54-7f1e-4b0a-9d2c-0a1b2c3d4e5f";

class FakeExecutor final : public SyncExecutor {
 public:
  void post(std::function<void()> work) override { queue_.push_back(std::move(work)); }
  void post_after(std::chrono::milliseconds, std::function<void()> work) override {
    delayed_.push_back(std::move(work));
  }
  void run() {
    while (!queue_.empty()) {
      auto work = std::move(queue_.front());
      queue_.pop_front();
      work();
    }
  }
  size_t run_delayed() {
    auto delayed = std::exchange(delayed_, {});
    for (auto& work : delayed) work();
    run();
    return delayed.size();
  }

 private:
  std::deque<std::function<void()>> queue_;
  std::vector<std::function<void()>> delayed_;
};

// One client: sends messages, collects what comes back and checks the version chain as the JavaScript client
// does.
class Client : public SyncTransport {
 public:
  explicit Client(const SyncServices& services, SyncClient facts = {})
      : executor_(std::make_shared<FakeExecutor>()),
        session_(SyncSession::create(this, executor_, services, std::move(facts))) {}
  ~Client() override { session_->closed(); }

  void send(OutgoingMessage message, SendKind kind) override {
    const std::string text = message.flat();
    EXPECT_FALSE(closed) << "sent after close: " << text;
    sent.push_back(text);
    const bool ends_transition = kind == SendKind::kTransitionEnd;
    if (ends_transition && reads) {
      executor_->post([this] { session_->transition_written(); });
    } else if (ends_transition) {
      ++unread;
    }
    auto parsed = parse_plain_json(text);
    ASSERT_TRUE(parsed.ok()) << text;
    if (parsed->view().find("type")->as_string() != "Transition") return;
    std::string start = to_plain_json(*parsed->view().find("startVersion"));
    EXPECT_EQ(start, version_) << text;
    Timestamp before = ts();
    version_ = to_plain_json(*parsed->view().find("endVersion"));
    EXPECT_LE(before, ts());
  }
  void close(std::optional<uint16_t> code, std::string reason) override {
    closed = true;
    close_code = code;
    close_reason = std::move(reason);
  }

  // Sends and lets everything settle; returns what came back since the last call.
  std::vector<std::string> tell(const std::string& message) {
    sent.clear();
    session_->on_message(message);
    executor_->run();
    return sent;
  }
  std::vector<std::string> settle() {
    sent.clear();
    executor_->run();
    return sent;
  }
  std::vector<std::string> add(uint32_t base, uint32_t id, const std::string& path,
                               const std::string& args = "{}") {
    return tell("{\"type\":\"ModifyQuerySet\",\"baseVersion\":" + std::to_string(base) +
                ",\"newVersion\":" + std::to_string(base + 1) +
                ",\"modifications\":[{\"type\":\"Add\",\"queryId\":" + std::to_string(id) +
                ",\"udfPath\":\"" + path + "\",\"args\":[" + args + "]}]}");
  }
  Timestamp ts() const {
    auto parsed = parse_plain_json(version_);
    return *decode_timestamp(parsed->view().find("ts")->as_string());
  }
  uint32_t query_set() const {
    return static_cast<uint32_t>(parse_plain_json(version_)->view().find("querySet")->as_float64());
  }
  uint32_t identity() const {
    return static_cast<uint32_t>(parse_plain_json(version_)->view().find("identity")->as_float64());
  }

  std::vector<std::string> sent;
  bool closed = false, reads = true;
  int unread = 0;
  std::optional<uint16_t> close_code;
  std::string close_reason;
  std::shared_ptr<FakeExecutor> executor_;
  std::shared_ptr<SyncSession> session_;

 private:
  std::string version_ = "{\"identity\":0,\"querySet\":0,\"ts\":\"AAAAAAAAAAA=\"}";
};

class SyncSessionTest : public ::testing::Test {
 protected:
  SyncSessionTest() : secret_(InstanceSecret::generate()), auth_(&secret_, "test") {
    services_.runner = &runner_;
    services_.auth = &auth_;
    services_.counters = &counters_;
    services_.admission = &admission_;
    services_.agreed = &agreed_;
    services_.run_parsing = [](std::function<void()> work) { work(); };
    services_.now_unix_ns = [this] { return wall_ns_; };
    services_.now_monotonic_ns = [this] { return wall_ns_; };
    runner_.data["tasks:get"] = "[\"a\"]";
    runner_.data["tasks:count"] = "1.0";
  }
  std::string connect(const std::string& extra = "") const {
    return std::string("{\"type\":\"Connect\",\"sessionId\":\"") + kSession +
           "\",\"connectionCount\":0,\"lastCloseReason\":\"InitialConnect\"" + extra + "}";
  }
  static std::string mutation(int id, const std::string& path = "tasks:add") {
    return "{\"type\":\"Mutation\",\"requestId\":" + std::to_string(id) + ",\"udfPath\":\"" + path +
           "\",\"args\":[{}]}";
  }
  static std::string action(int id) {
    return "{\"type\":\"Action\",\"requestId\":" + std::to_string(id) +
           ",\"udfPath\":\"ai:run\",\"args\":[{}]}";
  }
  std::string admin_key() const {
    AdminKeyClaims claims;
    claims.issued_s = 1767225600;
    return mint_admin_key(secret_, "test", claims);
  }

  InstanceSecret secret_;
  Authenticator auth_;
  FakeRunner runner_;
  SyncCounters counters_;
  SyncAdmission admission_;
  AgreedTimestamp agreed_;
  SyncServices services_;
  int64_t wall_ns_ = 1'785'312'004'000'000'000;
};

}  // namespace hull
