#include "server/sync_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/envelope.h"
#include "server/fake_backend.h"
#include "services/admin_keys.h"

namespace hull {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kSession = "6b1f3c54-7f1e-4b0a-9d2c-0a1b2c3d4e5f";

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
  Client(FakeRunner& runner, const SyncServices& services, SyncClient facts = {})
      : executor_(std::make_shared<FakeExecutor>()),
        session_(SyncSession::create(this, executor_, services, std::move(facts))),
        runner_(runner) {}
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
  FakeRunner& runner_;
  std::string version_ = "{\"identity\":0,\"querySet\":0,\"ts\":\"AAAAAAAAAAA=\"}";
};

class SyncSessionTest : public ::testing::Test {
 protected:
  SyncSessionTest() : secret_(InstanceSecret::generate()), auth_(&secret_, "test") {
    services_.runner = &runner_;
    services_.auth = &auth_;
    services_.counters = &counters_;
    services_.run_blocking = [](std::function<void()> work) { work(); };
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
  std::string admin_key() const {
    AdminKeyClaims claims;
    claims.issued_s = 1767225600;
    return mint_admin_key(secret_, "test", claims);
  }

  InstanceSecret secret_;
  Authenticator auth_;
  FakeRunner runner_;
  SyncCounters counters_;
  SyncServices services_;
  int64_t wall_ns_ = 1'785'312'004'000'000'000;
};

TEST_F(SyncSessionTest, FirstLoadAndLaterQuery) {
  Client client(runner_, services_);
  EXPECT_THAT(client.tell(connect()), IsEmpty());
  EXPECT_THAT(
      client.add(0, 0, "tasks:get"),
      ElementsAre(HasSubstr("\"modifications\":[{\"type\":\"QueryUpdated\",\"queryId\":0,\"value\":[\"a\"],"
                            "\"logLines\":[],\"journal\":null}]")));
  EXPECT_EQ(client.query_set(), 1u);
  auto second = client.add(1, 1, "tasks:count");
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(second[0], HasSubstr("\"queryId\":1"));
  EXPECT_THAT(second[0], Not(HasSubstr("\"queryId\":0")));
}

TEST_F(SyncSessionTest, EmptyQuerySetGetsATransition) {
  Client client(runner_, services_);
  auto sent =
      client.tell("{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1,\"modifications\":[]}");
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0], HasSubstr("\"modifications\":[]"));
  EXPECT_EQ(client.query_set(), 1u);
}

TEST_F(SyncSessionTest, MessagesDuringAComputationCoalesce) {
  Client client(runner_, services_);
  runner_.hold_queries = true;
  EXPECT_THAT(client.add(0, 0, "tasks:get"), IsEmpty());
  EXPECT_THAT(client.add(1, 1, "tasks:count"), IsEmpty());
  EXPECT_THAT(
      client.tell(
          "{\"type\":\"ModifyQuerySet\",\"baseVersion\":2,\"newVersion\":3,\"modifications\":[{\"type\":"
          "\"Remove\",\"queryId\":0}]}"),
      IsEmpty());
  runner_.hold_queries = false;
  runner_.release_queries();
  auto sent = client.settle();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_THAT(sent[0], HasSubstr("\"queryId\":0"));
  EXPECT_THAT(sent[1], HasSubstr("{\"type\":\"QueryUpdated\",\"queryId\":1"));
  EXPECT_THAT(sent[1], HasSubstr("{\"type\":\"QueryRemoved\",\"queryId\":0}"));
  EXPECT_EQ(client.query_set(), 3u);
}

TEST_F(SyncSessionTest, InvalidationSendsOnlyWhatChanged) {
  Client client(runner_, services_);
  client.add(0, 0, "tasks:get");
  client.add(1, 1, "tasks:count");
  Timestamp written = runner_.write("tasks:get", "[\"a\",\"b\"]");
  auto sent = client.settle();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0], HasSubstr("\"value\":[\"a\",\"b\"]"));
  EXPECT_THAT(sent[0], Not(HasSubstr("\"queryId\":1")));
  EXPECT_GE(client.ts(), written);
  // Equal result: nothing the client could see.
  runner_.write("tasks:get", "[\"a\",\"b\"]");
  EXPECT_THAT(client.settle(), IsEmpty());
  // Unrelated write: not even a run.
  size_t runs = runner_.runs;
  runner_.write("other:thing", "1.0");
  EXPECT_THAT(client.settle(), IsEmpty());
  EXPECT_EQ(runner_.runs, runs);
}

TEST_F(SyncSessionTest, OneCommitThatHitsManyQueriesMakesOneTransition) {
  Client client(runner_, services_);
  client.add(0, 0, "tasks:get", "{\"a\":1}");
  client.add(1, 1, "tasks:get", "{\"a\":2}");
  runner_.write("tasks:get", "[]");
  auto sent = client.settle();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0], HasSubstr("\"queryId\":0"));
  EXPECT_THAT(sent[0], HasSubstr("\"queryId\":1"));
}

TEST_F(SyncSessionTest, SessionsShareRuns) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<Client>(runner_, services_));
    clients.back()->add(0, 0, "tasks:get");
  }
  EXPECT_EQ(runner_.runs, 1u);
  runner_.write("tasks:get", "[]");
  for (auto& client : clients) EXPECT_THAT(client->settle(), SizeIs(1));
  EXPECT_EQ(runner_.runs, 2u);
}

TEST_F(SyncSessionTest, CommitDuringTheComputationIsNotMixedIn) {
  Client client(runner_, services_);
  runner_.hold_queries = true;
  client.tell(
      "{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1,\"modifications\":["
      "{\"type\":\"Add\",\"queryId\":0,\"udfPath\":\"tasks:get\",\"args\":[{}]},"
      "{\"type\":\"Add\",\"queryId\":1,\"udfPath\":\"tasks:count\",\"args\":[{}]}]}");
  ASSERT_THAT(runner_.held_queries, SizeIs(2));
  auto held = std::exchange(runner_.held_queries, {});
  runner_.answer(std::move(held[0]));
  runner_.write("tasks:get", "[\"new\"]");  // the first answer is old now
  runner_.write("tasks:count", "2.0");
  runner_.answer(std::move(held[1]));  // made after both writes
  runner_.hold_queries = false;
  auto sent = client.settle();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0], HasSubstr("[\"new\"]"));
  EXPECT_THAT(sent[0], HasSubstr("\"value\":2.0"));
  EXPECT_EQ(client.ts(), runner_.fake_engine().now);
}

TEST_F(SyncSessionTest, AfterThreeRoundsTheTimestampIsFixed) {
  Client client(runner_, services_);
  runner_.hold_queries = true;
  client.tell(
      "{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1,\"modifications\":["
      "{\"type\":\"Add\",\"queryId\":0,\"udfPath\":\"tasks:get\",\"args\":[{}]},"
      "{\"type\":\"Add\",\"queryId\":1,\"udfPath\":\"tasks:count\",\"args\":[{}]}]}");
  bool exactly = false;
  for (int round = 0; round < 10 && !exactly; ++round) {
    auto held = std::exchange(runner_.held_queries, {});
    for (auto& pending : held) {
      exactly = exactly || pending.exactly;
      runner_.answer(std::move(pending));
      if (exactly) continue;
      runner_.write("tasks:get", "[" + std::to_string(round) + ".0]");
      runner_.write("tasks:count", std::to_string(round) + ".0");
    }
    client.settle();
  }
  EXPECT_TRUE(exactly);
  EXPECT_EQ(client.query_set(), 1u);
}

TEST_F(SyncSessionTest, MutationsRunInOrderAndAnswerBeforeTheTransition) {
  Client client(runner_, services_);
  client.tell(connect());
  client.add(0, 0, "tasks:get");
  client.tell(mutation(0));
  client.tell(mutation(1));
  ASSERT_THAT(runner_.mutations, SizeIs(1));
  EXPECT_EQ(runner_.mutations[0].session->session_id, kSession);
  EXPECT_EQ(runner_.mutations[0].call.context.request_id,
            sha256_hex(std::string(kSession) + "|0").substr(0, 16));
  Timestamp committed = runner_.write("tasks:get", "[\"a\",\"b\"]");
  runner_.mutations[0].done(FakeRunner::success("\"id\"", committed));
  auto sent = client.settle();
  ASSERT_THAT(runner_.mutations, SizeIs(2));
  bool answered = false, shown = false;
  for (const std::string& text : sent) {
    if (text.starts_with("{\"type\":\"MutationResponse\"")) {
      answered = true;
      EXPECT_EQ(
          text,
          "{\"type\":\"MutationResponse\",\"requestId\":0,\"success\":true,\"result\":\"id\",\"ts\":\"" +
              encode_timestamp(committed) + "\",\"logLines\":[]}");
    }
    if (text.find("\"value\":[\"a\",\"b\"]") != std::string::npos) shown = true;
  }
  EXPECT_TRUE(answered && shown);
  EXPECT_TRUE(sent.back().starts_with("{\"type\":\"Transition\""));
  EXPECT_GE(client.ts(), committed);
}

TEST_F(SyncSessionTest, MutationWithoutEffectStillGetsATransition) {
  Client client(runner_, services_);
  client.tell(connect());
  client.tell(mutation(0));
  runner_.mutations[0].done(FakeRunner::success("null", runner_.write("unseen", "1.0")));
  auto sent = client.settle();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_THAT(sent[1], HasSubstr("\"modifications\":[]"));
  EXPECT_EQ(client.ts(), runner_.fake_engine().now);
}

TEST_F(SyncSessionTest, FailedMutation) {
  Client client(runner_, services_);
  client.tell(connect());
  client.tell(mutation(5));
  runner_.mutations[0].done(FakeRunner::failure("Uncaught Error: boom\n"));
  auto sent = client.settle();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_THAT(sent[0], HasSubstr("\"success\":false,\"result\":\"[Request ID: "));
  EXPECT_THAT(sent[0], HasSubstr("] Server Error\\nUncaught Error: boom\\n\""));
  EXPECT_THAT(sent[0], Not(HasSubstr("errorData")));
  EXPECT_TRUE(sent[1].starts_with("{\"type\":\"Transition\""));
  client.tell(mutation(6));
  runner_.mutations[1].done(FakeRunner::failure("Uncaught ConvexError: no\n", "{\"code\":403.0}"));
  EXPECT_THAT(client.settle()[0], HasSubstr("\"errorData\":{\"code\":403.0}"));
}

TEST_F(SyncSessionTest, ExhaustedConflictsCloseTheSocket) {
  Client client(runner_, services_);
  client.tell(mutation(0));
  FunctionResult result;
  result.system_error = Error{ErrorKind::kOcc, "OptimisticConcurrencyControlFailure", "changed"};
  runner_.mutations[0].done(std::move(result));
  EXPECT_THAT(client.settle(), IsEmpty());
  EXPECT_EQ(client.close_code, 1013);
  EXPECT_EQ(client.close_reason, "OptimisticConcurrencyControlFailure");
}

TEST_F(SyncSessionTest, ActionsRunConcurrently) {
  Client client(runner_, services_);
  client.tell("{\"type\":\"Action\",\"requestId\":0,\"udfPath\":\"ai:run\",\"args\":[{}]}");
  client.tell("{\"type\":\"Action\",\"requestId\":1,\"udfPath\":\"ai:run\",\"args\":[{}]}");
  ASSERT_THAT(runner_.actions, SizeIs(2));
  runner_.actions[1].done(FakeRunner::success("null", {}));
  auto sent = client.settle();
  EXPECT_EQ(sent[0],
            "{\"type\":\"ActionResponse\",\"requestId\":1,\"success\":true,\"result\":null,\"logLines\":[]}");
  FunctionResult trouble;
  trouble.system_error = Error::overloaded("ExpiredInQueue", "Too many");
  runner_.actions[0].done(std::move(trouble));
  EXPECT_THAT(client.settle()[0], HasSubstr("\"requestId\":0,\"success\":false"));
  EXPECT_FALSE(client.closed);
}

TEST_F(SyncSessionTest, ReconnectReportsEverythingAgain) {
  {
    Client first(runner_, services_);
    first.tell(connect());
    first.add(0, 0, "tasks:get");
  }
  Client again(runner_, services_);
  Timestamp observed = runner_.fake_engine().now;
  again.tell(connect(",\"maxObservedTimestamp\":\"" + encode_timestamp(observed) + "\""));
  EXPECT_THAT(again.add(0, 0, "tasks:get"), ElementsAre(HasSubstr("QueryUpdated")));
  EXPECT_GE(again.ts(), observed);
}

TEST_F(SyncSessionTest, ClientThatIsAheadMovesTheClockOrIsRefused) {
  Client ahead(runner_, services_);
  Timestamp observed{5000};
  ahead.tell(connect(",\"maxObservedTimestamp\":\"" + encode_timestamp(observed) + "\""));
  ahead.add(0, 0, "tasks:get");
  EXPECT_GE(ahead.ts(), observed);
  Client future(runner_, services_);
  future.tell(
      connect(",\"maxObservedTimestamp\":\"" + encode_timestamp({wall_ns_ + 1'000'000'000'000}) + "\""));
  EXPECT_EQ(future.close_code, 1011);
}

TEST_F(SyncSessionTest, JournalsAreKeptAndSent) {
  Client client(runner_, services_);
  runner_.journal = "J1";
  auto sent = client.add(0, 0, "tasks:get");
  EXPECT_THAT(sent[0], HasSubstr("\"journal\":\"J1\""));
  runner_.hold_queries = true;
  runner_.write("tasks:get", "[]");
  client.settle();
  ASSERT_THAT(runner_.held_queries, SizeIs(1));
  EXPECT_EQ(runner_.held_queries[0].journal, "J1");
}

TEST_F(SyncSessionTest, FailuresAreReportedOnceAndRevive) {
  Client client(runner_, services_);
  auto sent = client.add(0, 0, "messages:nope");
  EXPECT_THAT(
      sent[0],
      HasSubstr("\"errorMessage\":\"[Request ID: 0123456789abcdef] Server Error\\nCould not find public "
                "function for 'messages:nope'.\\n\",\"logLines\":[],\"journal\":null}"));
  EXPECT_THAT(sent[0], Not(HasSubstr("errorData")));
  runner_.write("messages:nope", "7.0");
  EXPECT_THAT(client.settle(), ElementsAre(HasSubstr("\"value\":7.0")));
}

TEST_F(SyncSessionTest, BadPathsArgumentsAndComponentsAreFailedResults) {
  Client client(runner_, services_);
  EXPECT_THAT(client.add(0, 0, "bad path!"), ElementsAre(HasSubstr("QueryFailed")));
  EXPECT_THAT(client.add(1, 1, "tasks:get", "{\"$bad\":1}"), ElementsAre(HasSubstr("QueryFailed")));
  EXPECT_THAT(
      client.tell(R"({"type":"ModifyQuerySet","baseVersion":2,"newVersion":3,"modifications":[{"type":"Add",)"
                  R"("queryId":2,"udfPath":"tasks:get","componentPath":"waitlist","args":[{}]}]})"),
      ElementsAre(
          HasSubstr("Only admin or system users can call functions on non-root components directly")));
  auto sent = client.tell(mutation(0, "a b"));
  EXPECT_THAT(sent[0], HasSubstr("\"success\":false"));
  EXPECT_THAT(runner_.mutations, IsEmpty());
  EXPECT_FALSE(client.closed);
}

TEST_F(SyncSessionTest, BadInput) {
  struct Case {
    std::string message;
    bool fatal;  // FatalError and a close without code; else a close with 1011
  };
  const Case cases[] = {
      {"{", true},
      {"[]", true},
      {"{\"type\":7}", true},
      {"{\"requestId\":0}", true},
      {"{\"type\":\"Connect\",\"sessionId\":\"x\"}", true},
      {"{\"type\":\"Connect\",\"sessionId\":\"6b1f3c54-7f1e-4b0a-9d2c-0a1b2c3d4e5f\","
       "\"maxObservedTimestamp\":\"!\"}",
       true},
      {"{\"type\":\"Mutation\",\"udfPath\":\"a:b\",\"args\":[{}]}", true},
      {"{\"type\":\"Mutation\",\"requestId\":-1,\"udfPath\":\"a:b\",\"args\":[{}]}", true},
      {"{\"type\":\"Mutation\",\"requestId\":0,\"udfPath\":\"a:b\",\"args\":{}}", true},
      {"{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1}", true},
      {"{\"type\":\"Authenticate\",\"baseVersion\":0,\"tokenType\":\"Magic\"}", true},
      {"{\"type\":\"ModifyQuerySet\",\"baseVersion\":1,\"newVersion\":2,\"modifications\":[]}", false},
      {"{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":0,\"modifications\":[]}", false},
      {"{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1,\"modifications\":[{\"type\":"
       "\"Remove\","
       "\"queryId\":3}]}",
       false},
      {"{\"type\":\"Authenticate\",\"baseVersion\":1,\"tokenType\":\"None\"}", false},
  };
  for (const Case& c : cases) {
    Client client(runner_, services_);
    auto sent = client.tell(c.message);
    EXPECT_TRUE(client.closed) << c.message;
    if (c.fatal) {
      EXPECT_THAT(
          sent,
          ElementsAre(HasSubstr("{\"type\":\"FatalError\",\"error\":\"Received Invalid JSON on websocket: ")))
          << c.message;
      EXPECT_EQ(client.close_code, std::nullopt);
    } else {
      EXPECT_THAT(sent, IsEmpty()) << c.message;
      EXPECT_EQ(client.close_code, 1011);
      EXPECT_EQ(client.close_reason, "InternalServerError");
    }
  }
}

TEST_F(SyncSessionTest, EventsAndUnknownTypesAreIgnored) {
  Client client(runner_, services_);
  EXPECT_THAT(client.tell(R"({"type":"Event","eventType":"X","event":{"timeSavedMs":8123.4}})"), IsEmpty());
  EXPECT_THAT(client.tell(R"({"type":"FromTheFuture"})"), IsEmpty());
  EXPECT_FALSE(client.closed);
}

TEST_F(SyncSessionTest, AdminAuthentication) {
  Client client(runner_, services_);
  auto sent =
      client.tell("{\"type\":\"Authenticate\",\"baseVersion\":0,\"tokenType\":\"Admin\",\"value\":\"" +
                  admin_key() + "\",\"impersonating\":{\"issuer\":\"https://i\",\"subject\":\"u1\"}}");
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(client.identity(), 1u);
  client.tell(mutation(0));
  ASSERT_THAT(runner_.mutations, SizeIs(1));
  EXPECT_TRUE(runner_.mutations[0].call.allow_internal);
  EXPECT_THAT(*runner_.mutations[0].call.identity->user_json(), HasSubstr("https://i|u1"));
  client.tell("{\"type\":\"Authenticate\",\"baseVersion\":1,\"tokenType\":\"None\"}");
  EXPECT_EQ(client.identity(), 2u);
}

TEST_F(SyncSessionTest, RejectedTokens) {
  for (const char* kind : {"Admin", "User"}) {
    Client client(runner_, services_);
    auto sent = client.tell(std::string("{\"type\":\"Authenticate\",\"baseVersion\":0,\"tokenType\":\"") +
                            kind + "\",\"value\":\"nonsense\"}");
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_THAT(sent[0], HasSubstr("\"type\":\"AuthError\""));
    EXPECT_THAT(sent[0], HasSubstr("\"baseVersion\":0,\"authUpdateAttempted\":true}"));
    EXPECT_TRUE(client.closed);
    EXPECT_EQ(client.close_code, std::nullopt);
  }
}

TEST_F(SyncSessionTest, MessagesBehindATokenWaitForIt) {
  std::function<void()> verification;
  services_.run_blocking = [&](std::function<void()> work) { verification = std::move(work); };
  Client client(runner_, services_);
  client.tell("{\"type\":\"Authenticate\",\"baseVersion\":0,\"tokenType\":\"User\",\"value\":\"x\"}");
  EXPECT_THAT(client.add(0, 0, "tasks:get"), IsEmpty());
  wall_ns_ += 15'000'000'000;
  client.session_->on_tick();
  EXPECT_THAT(client.sent, ElementsAre("{\"type\":\"Ping\"}"));
  verification();
  EXPECT_THAT(client.settle(), ElementsAre(HasSubstr("AuthError")));
}

TEST_F(SyncSessionTest, PingsOnlyAfterSilence) {
  Client client(runner_, services_);
  for (int i = 0; i < 3; ++i) {
    wall_ns_ += 5'000'000'000;
    client.session_->on_tick();
    EXPECT_THAT(client.sent, SizeIs(i == 2 ? 1 : 0));
  }
}

TEST_F(SyncSessionTest, SlowClientGetsAtMostTwoUnsentTransitions) {
  Client client(runner_, services_);
  client.reads = false;
  client.add(0, 0, "tasks:get");
  for (int i = 0; i < 10; ++i) {
    runner_.write("tasks:get", "[" + std::to_string(i) + ".0]");
    client.executor_->run();
  }
  EXPECT_EQ(client.unread, 2);
  client.reads = true;
  client.session_->transition_written();
  auto sent = client.settle();
  EXPECT_EQ(client.ts(), runner_.fake_engine().now);
}

TEST_F(SyncSessionTest, LargeTransitionsAreCutForNewClientsOnly) {
  runner_.data["tasks:get"] = "\"" + std::string(11'000'000, 'x') + "\"";
  SyncClient facts;
  facts.accepts_chunks = true;
  Client modern(runner_, services_, facts);
  auto parts = modern.add(0, 0, "tasks:get");
  ASSERT_THAT(parts, SizeIs(3));
  std::string whole;
  for (const std::string& part : parts) {
    auto message = parse_plain_json(part);
    whole += message->view().find("chunk")->as_string();
    EXPECT_EQ(message->view().find("totalParts")->as_float64(), 3);
  }
  EXPECT_TRUE(whole.starts_with("{\"type\":\"Transition\""));
  EXPECT_TRUE(parse_plain_json(whole).ok());
  Client old(runner_, services_);
  EXPECT_THAT(old.add(0, 0, "tasks:get"), SizeIs(1));
}

TEST_F(SyncSessionTest, OverloadIsRetriedWithTheSocketOpen) {
  Client client(runner_, services_);
  runner_.next_system_error = Error::overloaded("WorkerOverloaded", "busy");
  EXPECT_THAT(client.add(0, 0, "tasks:get"), IsEmpty());
  EXPECT_FALSE(client.closed);
  client.sent.clear();
  client.executor_->run_delayed();
  EXPECT_THAT(client.sent, ElementsAre(HasSubstr("QueryUpdated")));
  runner_.next_system_error = Error::internal("broken");
  client.add(1, 1, "tasks:count");
  EXPECT_EQ(client.close_code, 1011);
}

TEST_F(SyncSessionTest, ClockSkewAndServerTime) {
  Client client(runner_, services_);
  client.tell(connect(",\"clientTs\":" + std::to_string(wall_ns_ / 1'000'000 - 42)));
  auto sent = client.add(0, 0, "tasks:get");
  EXPECT_THAT(sent[0], HasSubstr("\"clientClockSkew\":-42,\"serverTs\":" + std::to_string(wall_ns_) + "}"));
}

TEST_F(SyncSessionTest, RedactionHidesErrorsAndLogs) {
  services_.redact_logs = true;
  Client client(runner_, services_);
  auto sent = client.add(0, 0, "messages:nope");
  EXPECT_THAT(sent[0], HasSubstr("\"errorMessage\":\"[Request ID: 0123456789abcdef] Server Error\""));
}

TEST_F(SyncSessionTest, ShutdownClosesWith1012) {
  Client client(runner_, services_);
  client.add(0, 0, "tasks:get");
  client.session_->shut_down();
  EXPECT_EQ(client.close_code, 1012);
  runner_.write("tasks:get", "[]");
  EXPECT_THAT(client.settle(), IsEmpty());
}

}  // namespace
}  // namespace hull
