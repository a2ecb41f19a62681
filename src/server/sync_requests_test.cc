// Mutations and actions of a session (sync-protocol.md §6).
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

using SyncRequestsTest = SyncSessionTest;

TEST_F(SyncRequestsTest, MutationsRunInOrderAndAnswerBeforeTheTransition) {
  Client client(services_);
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

TEST_F(SyncRequestsTest, MutationsSentAgainAreAnsweredBeforeTheFirstTransition) {
  const Timestamp committed = runner_.write("tasks:get", "[\"a\",\"b\"]");
  Client client(services_);
  client.tell(connect(",\"maxObservedTimestamp\":\"" + encode_timestamp(committed) + "\""));
  // All in one packet: nothing is computed in between.
  client.session_->on_message(
      "{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1,\"modifications\":["
      "{\"type\":\"Add\",\"queryId\":0,\"udfPath\":\"tasks:get\",\"args\":[{}]}]}");
  client.session_->on_message(mutation(0));
  EXPECT_THAT(client.settle(), IsEmpty()) << "the result is there, but the mutation has not been answered";
  runner_.mutations[0].done(FakeRunner::success("null", committed));
  EXPECT_THAT(client.settle(), ElementsAre(HasSubstr("MutationResponse"), HasSubstr("[\"a\",\"b\"]")));

  // A new one may take its time.
  Client slow(services_);
  slow.tell(connect(",\"maxObservedTimestamp\":\"" + encode_timestamp(committed) + "\""));
  slow.session_->on_message(
      "{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1,\"modifications\":["
      "{\"type\":\"Add\",\"queryId\":0,\"udfPath\":\"tasks:get\",\"args\":[{}]}]}");
  slow.session_->on_message(mutation(1));
  slow.settle();
  slow.executor_->run_delayed();
  EXPECT_THAT(slow.sent, ElementsAre(HasSubstr("[\"a\",\"b\"]")));
}

TEST_F(SyncRequestsTest, MutationWithoutEffectStillGetsATransition) {
  Client client(services_);
  client.tell(connect());
  client.tell(mutation(0));
  runner_.mutations[0].done(FakeRunner::success("null", runner_.write("unseen", "1.0")));
  auto sent = client.settle();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_THAT(sent[1], HasSubstr("\"modifications\":[]"));
  EXPECT_EQ(client.ts(), runner_.fake_engine().now);
}

TEST_F(SyncRequestsTest, FailedMutation) {
  Client client(services_);
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

TEST_F(SyncRequestsTest, ExhaustedConflictsCloseTheSocket) {
  Client client(services_);
  client.tell(mutation(0));
  FunctionResult result;
  result.system_error = Error{ErrorKind::kOcc, "OptimisticConcurrencyControlFailure", "changed"};
  runner_.mutations[0].done(std::move(result));
  EXPECT_THAT(client.settle(), IsEmpty());
  EXPECT_EQ(client.close_code, 1013);
  EXPECT_EQ(client.close_reason, "OptimisticConcurrencyControlFailure");
}

TEST_F(SyncRequestsTest, ActionsRunConcurrently) {
  Client client(services_);
  client.tell(action(0));
  client.tell(action(1));
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

TEST_F(SyncRequestsTest, TheIdentityIsThatOfTheArrival) {
  Client client(services_);
  client.tell(mutation(0));
  client.tell(mutation(1));
  client.tell("{\"type\":\"Authenticate\",\"baseVersion\":0,\"tokenType\":\"Admin\",\"value\":\"" +
              admin_key() + "\"}");
  client.tell(mutation(2));
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_THAT(runner_.mutations, SizeIs(i + 1));
    EXPECT_EQ(runner_.mutations[i].call.identity->is_admin(), i == 2);
    runner_.mutations[i].done(FakeRunner::success("null", runner_.fake_engine().now));
    client.settle();
  }
}

TEST_F(SyncRequestsTest, TheSessionIsThatOfTheLastConnect) {
  Client client(services_);
  client.tell(mutation(0));
  client.tell(connect());
  client.tell(mutation(1));
  constexpr const char* kOther = "00000000-0000-4000-8000-000000000001";
  client.tell(std::string("{\"type\":\"Connect\",\"sessionId\":\"") + kOther + "\",\"connectionCount\":1}");
  client.tell(mutation(2));
  EXPECT_FALSE(client.closed);
  for (size_t i = 0; i < 3; ++i) {
    runner_.mutations[i].done(FakeRunner::success("null", runner_.fake_engine().now));
    client.settle();
  }
  ASSERT_THAT(runner_.mutations, SizeIs(3));
  EXPECT_FALSE(runner_.mutations[0].session) << "without Connect there is no idempotency key";
  EXPECT_EQ(runner_.mutations[1].session->session_id, kSession);
  EXPECT_EQ(runner_.mutations[2].session->session_id, kOther);
}

TEST_F(SyncRequestsTest, AMutationThatEndsDuringAComputationGetsALaterTransition) {
  Client client(services_);
  client.tell(mutation(0));
  runner_.hold_queries = true;
  client.add(0, 0, "tasks:get");
  runner_.hold_queries = false;
  runner_.release_queries();  // a result from before the commit
  Timestamp committed = runner_.write("tasks:get", "[\"a\",\"b\"]");
  runner_.mutations[0].done(FakeRunner::success("null", committed));
  auto sent = client.settle();
  EXPECT_GE(client.ts(), committed);
  EXPECT_THAT(sent.back(), HasSubstr("[\"a\",\"b\"]"));
}

TEST_F(SyncRequestsTest, AnActionIsFollowedByATransition) {
  Client client(services_);
  client.tell(action(0));
  runner_.actions[0].done(FakeRunner::failure("Uncaught Error: boom\n"));
  EXPECT_THAT(client.settle(),
              ElementsAre(HasSubstr("\"success\":false"), HasSubstr("\"modifications\":[]")));
}

TEST_F(SyncRequestsTest, AMutationThatTakesAMinuteClosesTheSocket) {
  Client client(services_);
  client.tell(mutation(0));
  wall_ns_ += SyncSession::kMaxMutationNs - 1;
  client.session_->on_tick();
  EXPECT_FALSE(client.closed);
  wall_ns_ += 1;
  client.session_->on_tick();
  EXPECT_EQ(client.close_code, 1011);
  EXPECT_EQ(client.close_reason, "InternalServerError");
  runner_.mutations[0].done(FakeRunner::success("null", runner_.fake_engine().now));
  client.settle();  // nothing is sent any more
}

TEST_F(SyncRequestsTest, AShutdownWaitsForWhatRuns) {
  Client client(services_);
  client.tell(mutation(0));
  client.tell(mutation(1));
  client.tell(action(2));
  client.session_->shut_down();
  EXPECT_FALSE(client.closed);
  client.tell(action(3));
  EXPECT_THAT(runner_.actions, SizeIs(1)) << "nothing new begins";
  runner_.mutations[0].done(FakeRunner::success("null", runner_.fake_engine().now));
  EXPECT_THAT(client.settle()[0], HasSubstr("\"requestId\":0,\"success\":true"));
  EXPECT_THAT(runner_.mutations, SizeIs(1)) << "what has not begun is sent again by the client";
  EXPECT_FALSE(client.closed);
  runner_.actions[0].done(FakeRunner::success("null", {}));
  EXPECT_THAT(client.settle()[0], HasSubstr("\"requestId\":2,\"success\":true"));
  EXPECT_EQ(client.close_code, 1012);
  EXPECT_EQ(client.close_reason, "InternalServerError");
}

}  // namespace
}  // namespace hull
