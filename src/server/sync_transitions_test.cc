// When Transitions are computed and what they hold (sync-protocol.md §5, §8.1, §9.2, §9.4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/sync_test_client.h"

namespace hull {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using SyncTransitionsTest = SyncSessionTest;

TEST_F(SyncTransitionsTest, FirstLoadAndLaterQuery) {
  Client client(services_);
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

TEST_F(SyncTransitionsTest, EmptyQuerySetGetsATransition) {
  Client client(services_);
  auto sent =
      client.tell("{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1,\"modifications\":[]}");
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0], HasSubstr("\"modifications\":[]"));
  EXPECT_EQ(client.query_set(), 1u);
}

TEST_F(SyncTransitionsTest, MessagesDuringAComputationCoalesce) {
  Client client(services_);
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

TEST_F(SyncTransitionsTest, InvalidationSendsOnlyWhatChanged) {
  Client client(services_);
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

TEST_F(SyncTransitionsTest, OneCommitThatHitsManyQueriesMakesOneTransition) {
  Client client(services_);
  client.add(0, 0, "tasks:get", "{\"a\":1}");
  client.add(1, 1, "tasks:get", "{\"a\":2}");
  runner_.write("tasks:get", "[]");
  auto sent = client.settle();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0], HasSubstr("\"queryId\":0"));
  EXPECT_THAT(sent[0], HasSubstr("\"queryId\":1"));
}

TEST_F(SyncTransitionsTest, SessionsShareRuns) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<Client>(services_));
    clients.back()->add(0, 0, "tasks:get");
  }
  EXPECT_EQ(runner_.runs, 1u);
  runner_.write("tasks:get", "[]");
  for (auto& client : clients) EXPECT_THAT(client->settle(), SizeIs(1));
  EXPECT_EQ(runner_.runs, 2u);
}

TEST_F(SyncTransitionsTest, RemovalsAreReportedOncePerId) {
  Client client(services_);
  client.add(0, 7, "tasks:get");
  auto change = [&](int base, int next, const std::string& modifications) {
    return client.tell("{\"type\":\"ModifyQuerySet\",\"baseVersion\":" + std::to_string(base) +
                       ",\"newVersion\":" + std::to_string(next) + ",\"modifications\":[" + modifications +
                       "]}");
  };
  const std::string add = "{\"type\":\"Add\",\"queryId\":7,\"udfPath\":\"tasks:get\",\"args\":[{}]}";
  const std::string remove = "{\"type\":\"Remove\",\"queryId\":7}";
  // Removed and added again: a fresh query, reported although its result is the same.
  EXPECT_THAT(change(1, 2, remove + "," + add),
              ElementsAre(AllOf(HasSubstr("QueryUpdated"), Not(HasSubstr("QueryRemoved")))));
  EXPECT_THAT(change(2, 3, remove),
              ElementsAre(HasSubstr("\"modifications\":[{\"type\":\"QueryRemoved\",\"queryId\":7}]")));
  // Never reported. Versions may jump.
  EXPECT_THAT(change(3, 40, add + "," + remove),
              ElementsAre(HasSubstr("\"modifications\":[{\"type\":\"QueryRemoved\",\"queryId\":7}]")));
  EXPECT_EQ(client.query_set(), 40u);
  EXPECT_FALSE(client.closed);
}

TEST_F(SyncTransitionsTest, ARemovalDuringTheComputationDoesNotBreakTheVersions) {
  Client client(services_);
  runner_.hold_queries = true;
  client.add(0, 0, "tasks:get");
  client.tell(
      "{\"type\":\"ModifyQuerySet\",\"baseVersion\":1,\"newVersion\":2,\"modifications\":"
      "[{\"type\":\"Remove\",\"queryId\":0}]}");
  runner_.hold_queries = false;
  runner_.release_queries();
  auto sent = client.settle();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_THAT(sent[1], HasSubstr("\"modifications\":[{\"type\":\"QueryRemoved\",\"queryId\":0}]"));
  runner_.write("tasks:get", "[]");
  EXPECT_THAT(client.settle(), IsEmpty());
}

TEST_F(SyncTransitionsTest, CommitDuringTheComputationIsNotMixedIn) {
  Client client(services_);
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

TEST_F(SyncTransitionsTest, AfterTheFirstRoundTheTimestampIsFixed) {
  Client client(services_);
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

TEST_F(SyncTransitionsTest, SessionsAgreeOnTheTimestamp) {
  Client a(services_), b(services_);
  runner_.hold_queries = true;
  for (Client* client : {&a, &b}) {
    client->tell(
        "{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1,\"modifications\":["
        "{\"type\":\"Add\",\"queryId\":0,\"udfPath\":\"tasks:get\",\"args\":[{}]},"
        "{\"type\":\"Add\",\"queryId\":1,\"udfPath\":\"tasks:count\",\"args\":[{}]}]}");
  }
  auto held = std::exchange(runner_.held_queries, {});
  ASSERT_THAT(held, SizeIs(4));
  runner_.answer(std::move(held[0]));
  runner_.answer(std::move(held[2]));
  Timestamp written = runner_.write("tasks:get", "[]");
  runner_.answer(std::move(held[1]));
  runner_.answer(std::move(held[3]));
  a.settle();
  runner_.write("other:thing", "1.0");
  b.settle();
  ASSERT_THAT(runner_.held_queries, SizeIs(2));
  for (const auto& again : runner_.held_queries) {
    EXPECT_TRUE(again.exactly);
    EXPECT_EQ(again.min_ts, written);
  }
  // Who comes late gets a newer one.
  wall_ns_ += AgreedTimestamp::kJoinNs + 1;
  EXPECT_GT(agreed_.at_or_after(written, runner_.fake_engine(), wall_ns_), written);
}

TEST_F(SyncTransitionsTest, JournalsAreKeptAndSent) {
  Client client(services_);
  runner_.journal = "J1";
  auto sent = client.add(0, 0, "tasks:get");
  EXPECT_THAT(sent[0], HasSubstr("\"journal\":\"J1\""));
  runner_.hold_queries = true;
  runner_.write("tasks:get", "[]");
  client.settle();
  ASSERT_THAT(runner_.held_queries, SizeIs(1));
  EXPECT_EQ(runner_.held_queries[0].journal, "J1");
}

TEST_F(SyncTransitionsTest, TheJournalOfAReconnectingClientIsUsed) {
  Client client(services_);
  runner_.hold_queries = true;
  client.tell(
      "{\"type\":\"ModifyQuerySet\",\"baseVersion\":0,\"newVersion\":1,\"modifications\":[{\"type\":\"Add\","
      "\"queryId\":0,\"udfPath\":\"tasks:get\",\"args\":[{}],\"journal\":\"J0\"}]}");
  ASSERT_THAT(runner_.held_queries, SizeIs(1));
  EXPECT_EQ(runner_.held_queries[0].journal, "J0");
}

TEST_F(SyncTransitionsTest, FailuresAreReportedOnceAndRevive) {
  Client client(services_);
  auto sent = client.add(0, 0, "messages:nope");
  EXPECT_THAT(
      sent[0],
      HasSubstr("\"errorMessage\":\"[Request ID: 0123456789abcdef] Server Error\\nCould not find public "
                "function for 'messages:nope'.\\n\",\"logLines\":[],\"journal\":null}"));
  EXPECT_THAT(sent[0], Not(HasSubstr("errorData")));
  runner_.write("messages:nope", "7.0");
  EXPECT_THAT(client.settle(), ElementsAre(HasSubstr("\"value\":7.0")));
}

TEST_F(SyncTransitionsTest, SlowClientGetsAtMostTwoUnsentTransitions) {
  Client client(services_);
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

TEST_F(SyncTransitionsTest, LargeTransitionsAreCutForNewClientsOnly) {
  runner_.data["tasks:get"] = "\"" + std::string(11'000'000, 'x') + "\"";
  SyncClient facts;
  facts.accepts_chunks = true;
  Client modern(services_, facts);
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
  Client old(services_);
  EXPECT_THAT(old.add(0, 0, "tasks:get"), SizeIs(1));
}

TEST_F(SyncTransitionsTest, ClockSkewAndServerTime) {
  Client client(services_);
  client.tell(connect(",\"clientTs\":" + std::to_string(wall_ns_ / 1'000'000 - 42)));
  auto sent = client.add(0, 0, "tasks:get");
  EXPECT_THAT(sent[0], HasSubstr("\"clientClockSkew\":-42,\"serverTs\":" + std::to_string(wall_ns_) + "}"));
}

TEST_F(SyncTransitionsTest, RedactionHidesErrorsAndLogs) {
  services_.redact_logs = true;
  Client client(services_);
  auto sent = client.add(0, 0, "messages:nope");
  EXPECT_THAT(sent[0], HasSubstr("\"errorMessage\":\"[Request ID: 0123456789abcdef] Server Error\""));
}

}  // namespace
}  // namespace hull
