// Messages, connections, identities and endings of a session (sync-protocol.md §3, §7, §9, §10).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/sync_test_client.h"

namespace hull {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(SyncSessionTest, ReconnectReportsEverythingAgain) {
  {
    Client first(services_);
    first.tell(connect());
    first.add(0, 0, "tasks:get");
  }
  Client again(services_);
  Timestamp observed = runner_.fake_engine().now;
  again.tell(connect(",\"maxObservedTimestamp\":\"" + encode_timestamp(observed) + "\""));
  EXPECT_THAT(again.add(0, 0, "tasks:get"), ElementsAre(HasSubstr("QueryUpdated")));
  EXPECT_GE(again.ts(), observed);
}

TEST_F(SyncSessionTest, ClientThatIsAheadMovesTheClockOrIsRefused) {
  Client ahead(services_);
  Timestamp observed{5000};
  ahead.tell(connect(",\"maxObservedTimestamp\":\"" + encode_timestamp(observed) + "\""));
  ahead.add(0, 0, "tasks:get");
  EXPECT_GE(ahead.ts(), observed);
  Client future(services_);
  future.tell(
      connect(",\"maxObservedTimestamp\":\"" + encode_timestamp({wall_ns_ + 1'000'000'000'000}) + "\""));
  EXPECT_EQ(future.close_code, 1011);
}

TEST_F(SyncSessionTest, BadPathsArgumentsAndComponentsAreFailedResults) {
  Client client(services_);
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
    Client client(services_);
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

TEST_F(SyncSessionTest, AddingALiveIdTwiceClosesTheSocket) {
  Client client(services_);
  client.add(0, 0, "tasks:get");
  EXPECT_THAT(client.add(1, 0, "tasks:get"), IsEmpty());
  EXPECT_EQ(client.close_code, 1011);
}

TEST_F(SyncSessionTest, ErrorsThatEndASocket) {
  struct Case {
    Error error;
    const char* message;  // before the close
    std::optional<uint16_t> code;
    const char* reason;
  };
  const Case cases[] = {
      {Error::bad_request("Bad", "why"), "{\"type\":\"FatalError\",\"error\":\"why\"}", std::nullopt, ""},
      {Error{ErrorKind::kConflict, "Conflict", "why", {}}, "{\"type\":\"FatalError\",\"error\":\"why\"}",
       std::nullopt, ""},
      {Error::forbidden("Forbidden", "why"), "{\"type\":\"FatalError\",\"error\":\"why\"}", 1000,
       "Forbidden"},
      {Error::limit("TooMuch", "why"), "{\"type\":\"FatalError\",\"error\":\"why\"}", 1000, "TooMuch"},
      {Error::unauthenticated("Who", "why"),
       "{\"type\":\"AuthError\",\"error\":\"why\",\"baseVersion\":0,\"authUpdateAttempted\":true}",
       std::nullopt, ""},
      {Error::not_found("Nowhere", "why"), "", 1000, "Nowhere"},
      {Error::internal("why"), "", 1011, "InternalServerError"},
  };
  for (const Case& c : cases) {
    Client client(services_);
    runner_.next_system_error = c.error;
    auto sent = client.add(0, 0, "tasks:get");
    if (*c.message == '\0') {
      EXPECT_THAT(sent, IsEmpty());
    } else {
      EXPECT_THAT(sent, ElementsAre(c.message));
    }
    EXPECT_TRUE(client.closed);
    EXPECT_EQ(client.close_code, c.code);
    EXPECT_EQ(client.close_reason, c.reason);
  }
}

TEST_F(SyncSessionTest, ARefreshedTokenWithEqualClaimsRunsNothingAgain) {
  Client client(services_);
  client.add(0, 0, "tasks:get");
  const std::string authenticate = "\"tokenType\":\"Admin\",\"value\":\"" + admin_key() + "\"}";
  client.tell("{\"type\":\"Authenticate\",\"baseVersion\":0," + authenticate);
  size_t calls = runner_.query_calls;
  EXPECT_THAT(client.tell("{\"type\":\"Authenticate\",\"baseVersion\":1," + authenticate),
              ElementsAre(HasSubstr("\"modifications\":[]")));
  EXPECT_EQ(client.identity(), 2u);
  EXPECT_EQ(runner_.query_calls, calls);
  client.tell(R"({"type":"Authenticate","baseVersion":2,"tokenType":"None"})");
  EXPECT_EQ(runner_.query_calls, calls + 1) << "somebody else";
}

TEST_F(SyncSessionTest, AClientOfTheRustCrate) {
  Client client(services_);
  client.tell(
      std::string("{\"type\":\"Connect\",\"sessionId\":\"") + kSession +
      "\",\"connectionCount\":0,\"lastCloseReason\":null,\"maxObservedTimestamp\":null,\"clientTs\":0}");
  client.tell("{\"type\":\"Authenticate\",\"baseVersion\":0,\"tokenType\":\"Admin\",\"value\":\"" +
              admin_key() + "\",\"acting_as\":{\"tokenIdentifier\":\"t|1\"}}");
  auto sent = client.tell(
      R"({"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":0,)"
      R"("udfPath":"tasks:get","args":[{}],"journal":null,"componentPath":null}]})");
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0], HasSubstr("\"journal\":null"));
  EXPECT_THAT(sent[0], HasSubstr("\"clientClockSkew\":-" + std::to_string(wall_ns_ / 1'000'000) + ","));
  client.tell(mutation(0));
  EXPECT_THAT(*runner_.mutations[0].call.identity->user_json(), HasSubstr("t|1"));
}

TEST_F(SyncSessionTest, EventsAndUnknownTypesAreIgnored) {
  Client client(services_);
  EXPECT_THAT(client.tell(R"({"type":"Event","eventType":"X","event":{"timeSavedMs":8123.4}})"), IsEmpty());
  EXPECT_THAT(client.tell(R"({"type":"FromTheFuture"})"), IsEmpty());
  EXPECT_FALSE(client.closed);
}

TEST_F(SyncSessionTest, AdminAuthentication) {
  Client client(services_);
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
    Client client(services_);
    auto sent = client.tell(std::string("{\"type\":\"Authenticate\",\"baseVersion\":0,\"tokenType\":\"") +
                            kind + "\",\"value\":\"nonsense\"}");
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_THAT(sent[0], HasSubstr("\"type\":\"AuthError\""));
    EXPECT_THAT(sent[0], HasSubstr("\"baseVersion\":0,\"authUpdateAttempted\":true}"));
    EXPECT_TRUE(client.closed);
    EXPECT_EQ(client.close_code, std::nullopt);
  }
}

TEST_F(SyncSessionTest, PingsOnlyAfterSilence) {
  Client client(services_);
  for (int i = 0; i < 3; ++i) {
    wall_ns_ += 5'000'000'000;
    client.session_->on_tick();
    EXPECT_THAT(client.sent, SizeIs(i == 2 ? 1 : 0));
  }
}

TEST_F(SyncSessionTest, OverloadIsRetriedWithTheSocketOpen) {
  Client client(services_);
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

TEST_F(SyncSessionTest, ShutdownClosesWith1012) {
  Client client(services_);
  client.add(0, 0, "tasks:get");
  client.session_->shut_down();
  EXPECT_EQ(client.close_code, 1012);
  runner_.write("tasks:get", "[]");
  EXPECT_THAT(client.settle(), IsEmpty());
}

}  // namespace
}  // namespace hull
