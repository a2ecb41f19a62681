// What one heavy session may take (sync-protocol.md §9.3, §11.4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/sync_test_client.h"

namespace hull {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using SyncFairnessTest = SyncSessionTest;

std::string add_many(uint32_t base, size_t count, const std::string& path = "tasks:get") {
  std::string text = "{\"type\":\"ModifyQuerySet\",\"baseVersion\":" + std::to_string(base) +
                     ",\"newVersion\":" + std::to_string(base + 1) + ",\"modifications\":[";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    text += "{\"type\":\"Add\",\"queryId\":" + std::to_string(i) + ",\"udfPath\":\"" + path +
            "\",\"args\":[{\"i\":" + std::to_string(i) + "}]}";
  }
  return text + "]}";
}

TEST_F(SyncFairnessTest, AtMostTwentyQueriesRunAtATime) {
  Client client(services_);
  runner_.hold_queries = true;
  client.tell(add_many(0, 100));
  EXPECT_THAT(runner_.held_queries, SizeIs(SyncSession::kMaxRunningQueries));
  const std::string name = runner_.held_queries[0].call.caller_name();
  EXPECT_THAT(name, HasSubstr("socket "));
  size_t most = 0, rounds = 0;
  while (!runner_.held_queries.empty()) {
    most = std::max(most, runner_.held_queries.size());
    EXPECT_EQ(runner_.held_queries.back().call.caller_name(), name);
    runner_.release_queries();
    client.executor_->run();
    ++rounds;
  }
  EXPECT_EQ(most, SyncSession::kMaxRunningQueries);
  EXPECT_EQ(rounds, 5u);
  EXPECT_THAT(client.sent, SizeIs(1));
  EXPECT_EQ(runner_.runs, 100u);
}

TEST_F(SyncFairnessTest, SocketsHaveNamesOfTheirOwn) {
  Client a(services_), b(services_);
  runner_.hold_queries = true;
  a.add(0, 0, "tasks:get");
  b.add(0, 0, "tasks:get");
  ASSERT_THAT(runner_.held_queries, SizeIs(2));
  EXPECT_NE(runner_.held_queries[0].call.caller_name(), runner_.held_queries[1].call.caller_name());
}

TEST_F(SyncFairnessTest, InitialQuerySetsAreAdmittedInOrder) {
  SyncAdmission narrow(30);
  services_.admission = &narrow;
  Client first(services_), second(services_), third(services_);
  runner_.hold_queries = true;
  first.tell(add_many(0, 100));
  second.tell(add_many(0, 15));
  third.tell(add_many(0, 1));
  EXPECT_THAT(runner_.held_queries, SizeIs(20)) << "the others wait";
  // Pings flow meanwhile, and what else is asked for will be in the same Transition.
  wall_ns_ += 15'000'000'000;
  second.session_->on_tick();
  EXPECT_THAT(second.sent, ElementsAre("{\"type\":\"Ping\"}"));
  second.add(1, 1000, "tasks:count");
  runner_.hold_queries = false;
  while (!runner_.held_queries.empty()) {
    runner_.release_queries();
    first.executor_->run();
  }
  EXPECT_THAT(first.sent, SizeIs(1));
  EXPECT_THAT(second.settle(), ElementsAre(HasSubstr("\"queryId\":1000")));
  EXPECT_EQ(second.query_set(), 2u);
  EXPECT_THAT(third.settle(), SizeIs(1));
}

TEST_F(SyncFairnessTest, SlowInitialQueriesDoNotKeepTheDoorShut) {
  SyncAdmission narrow(20);
  services_.admission = &narrow;
  Client slow(services_), quick(services_);
  runner_.hold_queries = true;
  slow.tell(add_many(0, 20));
  runner_.hold_queries = false;
  EXPECT_THAT(quick.add(0, 0, "tasks:get"), IsEmpty());
  slow.executor_->run_delayed();  // its time at the door is over
  EXPECT_THAT(quick.settle(), SizeIs(1));
}

TEST_F(SyncFairnessTest, LargeInitialSetsDoNotKeepTheDoorShut) {
  SyncAdmission narrow(20);
  services_.admission = &narrow;
  Client large(services_), small(services_);
  runner_.hold_queries = true;
  large.tell(add_many(0, 5000));
  EXPECT_THAT(small.add(0, 0, "tasks:count"), IsEmpty());
  for (size_t answers = 0; answers < SyncAdmission::kQueriesPerStay;
       answers += SyncSession::kMaxRunningQueries) {
    small.executor_->run();
    EXPECT_NE(runner_.held_queries.back().call.path.display(), "tasks:count") << "not yet, after " << answers;
    runner_.release_queries();
    large.executor_->run();
  }
  small.executor_->run();
  EXPECT_EQ(runner_.held_queries.back().call.path.display(), "tasks:count");
}

TEST_F(SyncFairnessTest, WhoLeavesGivesThePlaceBack) {
  SyncAdmission narrow(20);
  services_.admission = &narrow;
  Client next(services_);
  {
    Client gone(services_);
    runner_.hold_queries = true;
    gone.tell(add_many(0, 20));
    runner_.hold_queries = false;
    next.add(0, 0, "tasks:get");
    EXPECT_THAT(next.sent, IsEmpty());
  }
  EXPECT_THAT(next.settle(), SizeIs(1));
}

TEST_F(SyncFairnessTest, OnlyTheFirstQuerySetIsHeldBack) {
  SyncAdmission narrow(20);
  services_.admission = &narrow;
  Client early(services_), slow(services_);
  early.add(0, 0, "tasks:get");
  runner_.hold_queries = true;
  slow.tell(add_many(0, 20));
  runner_.hold_queries = false;
  runner_.write("tasks:count", "2.0");
  EXPECT_THAT(early.add(1, 1, "tasks:count"), SizeIs(1));
}

TEST_F(SyncFairnessTest, LargeMessagesAreParsedElsewhereAndKeepTheirOrder) {
  std::vector<std::function<void()>> elsewhere;
  services_.run_parsing = [&](std::function<void()> work) { elsewhere.push_back(std::move(work)); };
  Client client(services_);
  std::string large = mutation(0);
  large.insert(1, "\"padding\":\"" + std::string(SyncSession::kParseInlineBytes, 'x') + "\",");
  client.tell(large);
  client.tell(mutation(1));
  client.tell("{");
  EXPECT_THAT(elsewhere, SizeIs(1));
  EXPECT_THAT(runner_.mutations, IsEmpty());
  elsewhere[0]();
  client.settle();
  ASSERT_THAT(runner_.mutations, SizeIs(1));
  EXPECT_TRUE(client.closed) << "the last message is malformed, but not before its turn";
  EXPECT_THAT(client.sent, ElementsAre(HasSubstr("FatalError")));
}

TEST_F(SyncFairnessTest, TheSocketIsNotReadWhileMuchWaits) {
  std::vector<std::function<void()>> elsewhere;
  services_.run_parsing = [&](std::function<void()> work) { elsewhere.push_back(std::move(work)); };
  Client client(services_);
  std::string event = "{\"type\":\"Event\",\"eventType\":\"" + std::string(600'000, 'x') + "\",\"event\":0}";
  client.tell(event);
  client.tell(event);
  EXPECT_TRUE(client.session_->wants_input()) << "one is being parsed, one waits";
  client.tell(event);
  EXPECT_FALSE(client.session_->wants_input());
  while (!elsewhere.empty()) {
    std::exchange(elsewhere, {})[0]();
    client.settle();
  }
  EXPECT_TRUE(client.session_->wants_input());
}

TEST_F(SyncFairnessTest, QueuedMutationsAndRunningActionsAreBounded) {
  Client mutations(services_);
  for (int i = 0; i <= 1000; ++i) mutations.tell(mutation(i));
  EXPECT_FALSE(mutations.closed) << "one runs, a thousand wait";
  EXPECT_THAT(runner_.mutations, SizeIs(1));
  mutations.tell(mutation(1001));
  EXPECT_EQ(mutations.close_code, 1013);
  EXPECT_EQ(mutations.close_reason, "TooManyConcurrentMutations");

  Client actions(services_);
  for (int i = 0; i < 1000; ++i) actions.tell(action(i));
  EXPECT_FALSE(actions.closed);
  EXPECT_THAT(runner_.actions, SizeIs(1000));
  actions.tell(action(1000));
  EXPECT_EQ(actions.close_code, 1013);
  EXPECT_EQ(actions.close_reason, "TooManyInflightActionsForSingleClient");
}

}  // namespace
}  // namespace hull
