#include "functions/runner.h"

#include <gmock/gmock.h>

#include <set>

#include "functions/test_deployment.h"

namespace hull::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kMessages = R"js(
export const list = query(async () => (await collect('messages')).map(m => m.body));
export const first = query(async () => (await collect('messages', 1)).length);
export const send = mutation(async ({body}) => { console.log('sending', body); return insert('messages', {body}); });
export const sendTwice = mutation(async ({body}) => {
  await runMutation('messages:send', {body});
  try { await runMutation('messages:sendAndFail', {body: 'lost'}); } catch (e) { return e.message; }
});
export const sendAndFail = mutation(async ({body}) => { await insert('messages', {body}); throw new Error('boom'); });
export const count = query(async () => (await runQuery('messages:list')).length);
export const me = query(async () => op('1.0/getUserIdentity', {}));
export const secret = query(async () => 1, {internal: true});
export const fail = query(async () => { throw new Error('no'); });
export const now = query(async () => Date.now() > 0);
export const wrongReturn = query(async () => 'x');
export const increment = mutation(async () => {
  const [row] = await collect('counters');
  if (!row) { await insert('counters', {n: 1}); return 1; }
  await op('1.0/shallowMerge', {id: row._id, value: {n: row.n + 1}});
  return row.n + 1;
});
export const counter = query(async () => (await collect('counters'))[0]?.n ?? 0);
export const many = mutation(async ({n}) => { for (let i = 0; i < n; i++) insert('many', {i}); });
export const sum = query(async () => (await collect('many')).reduce((a, r) => a + r.i, 0));
export const page = query(async ({cursor}) => {
  const r = await op('1.0/queryPage', {query: {source: {type: 'FullTableScan', tableName: 'many', order: 'asc'},
    operators: []}, cursor, endCursor: null, pageSize: 3, maximumRowsRead: null});
  return r.page.length;
});
export const unknown = query(async () => op('1.0/nonsense', {}));
export const writes = query(async () => insert('messages', {body: 'x'}));
export const deep = query(async () => runQuery('messages:deep'));
export const metrics = query(async () => (await op('1.0/getTransactionMetrics', {})).documentsRead.used);
)js";

class RunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(
        d.push(
            {{"messages.js", kMessages}},
            {{"send",
              {R"({"type":"object","value":{"body":{"fieldType":{"type":"string"},"optional":false}}})", ""}},
             {"wrongReturn", {"", R"({"type":"number"})"}}}),
        "");
  }
  TestDeployment d;
};

TEST_F(RunnerTest, MutationsWriteAndQueriesSeeIt) {
  EXPECT_EQ(d.text(d.query("messages:list")), "[]");
  auto sent = d.mutation("messages:send", R"({"body":"hi"})");
  ASSERT_TRUE(sent.ok()) << d.text(sent);
  ASSERT_EQ(sent.log_lines.size(), 1u);
  EXPECT_EQ(sent.log_lines[0].pretty(), "[LOG] 'sending' 'hi'");
  EXPECT_EQ(d.text(d.query("messages:list")), R"(["hi"])");
  EXPECT_EQ(d.text(d.query("messages:count")), "1");
  EXPECT_GE(d.engine().latest(), sent.ts);
}

TEST_F(RunnerTest, LookupAndValidationTexts) {
  EXPECT_EQ(d.text(d.query("messages:nope")), "Could not find public function for 'messages:nope'.\n");
  EXPECT_EQ(d.text(d.query("messages:secret")), "Could not find public function for 'messages:secret'.\n");
  EXPECT_EQ(d.text(d.query("messages:send")),
            "Trying to execute messages.js:send as Query, but it is defined as Mutation.\n");
  EXPECT_THAT(d.text(d.mutation("messages:send", R"({"body":1})")),
              StartsWith("ArgumentValidationError: Value does not match validator.\nPath: .body\n"));
  EXPECT_THAT(d.text(d.query("messages:wrongReturn")), StartsWith("ReturnsValidationError: "));
  EXPECT_THAT(d.text(d.query("messages:fail")), StartsWith("Uncaught Error: no\n"));
  EXPECT_THAT(d.text(d.query("messages:unknown")), HasSubstr("Unknown async operation 1.0/nonsense"));
  EXPECT_THAT(d.text(d.query("messages:writes")), HasSubstr("Unknown async operation 1.0/insert"));
  EXPECT_THAT(d.text(d.query("messages:deep")), HasSubstr("Cross component call depth limit exceeded"));
}

TEST_F(RunnerTest, NestedMutationsRollBackAlone) {
  EXPECT_THAT(d.text(d.mutation("messages:sendTwice", R"({"body":"kept"})")),
              HasSubstr("Uncaught Error: boom"));
  EXPECT_EQ(d.text(d.query("messages:list")), R"(["kept"])");
}

TEST_F(RunnerTest, CachesUntilACommitTouchesTheReadSet) {
  auto one = d.query("messages:list");
  auto two = d.query("messages:list");
  EXPECT_FALSE(one.from_cache);
  EXPECT_TRUE(two.from_cache);
  EXPECT_EQ(one.query, two.query);
  std::promise<void> invalid;
  auto watch = one.query->watch([&] { invalid.set_value(); });
  d.mutation("messages:send", R"({"body":"a"})");
  EXPECT_EQ(invalid.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_TRUE(one.query->invalidated());
  EXPECT_EQ(d.text(d.query("messages:list")), R"(["a"])");
  EXPECT_FALSE(d.query("messages:fail").from_cache);
  EXPECT_FALSE(d.query("messages:fail").from_cache);
}

TEST_F(RunnerTest, ALaterResultIsFoundFromTheEarlierOne) {
  auto first = d.query("messages:count").query;
  auto other = d.query("messages:me").query;
  EXPECT_EQ(first->successor(first->ts()), nullptr);
  d.mutation("messages:send", R"({"body":"x"})");
  EXPECT_EQ(first->successor(d.engine().latest()), nullptr) << "nobody has run it yet";
  auto second = d.query("messages:count").query;
  ASSERT_NE(second, first);
  EXPECT_EQ(first->successor(d.engine().latest()), second);
  EXPECT_EQ(first->successor(first->ts()), nullptr) << "it is not valid so far back";
  EXPECT_EQ(second->successor(d.engine().latest()), nullptr);
  EXPECT_EQ(other->successor(d.engine().latest()), nullptr);
  d.mutation("messages:send", R"({"body":"y"})");
  EXPECT_EQ(first->successor(d.engine().latest()), nullptr);
  auto third = d.query("messages:count").query;
  EXPECT_EQ(first->successor(d.engine().latest()), third);

  // Who takes it leaves an entry in the log like who asks for it.
  const double before = d.runner().log().read(0).new_cursor;
  d.runner().took_result(d.call("messages:count", "{}"), *third);
  auto entries = d.runner().log().read(before).entries;
  ASSERT_EQ(entries.size(), 1);
  EXPECT_EQ(entries[0]->identifier, "messages:count");
  EXPECT_TRUE(entries[0]->cached_result);
  EXPECT_EQ(entries[0]->return_bytes, convex_size(*third->value()));
}

TEST_F(RunnerTest, IdenticalConcurrentQueriesRunOnce) {
  std::vector<std::future<QueryOutcome>> outcomes;
  for (int i = 0; i < 50; ++i) {
    auto promise = std::make_shared<std::promise<QueryOutcome>>();
    outcomes.push_back(promise->get_future());
    d.runner().query(d.call("messages:list", "{}"), std::nullopt, Timestamp{}, false,
                     [promise](QueryOutcome o) { promise->set_value(std::move(o)); });
  }
  std::set<CachedQueryPtr> distinct;
  for (auto& outcome : outcomes) distinct.insert(outcome.get().query);
  EXPECT_EQ(distinct.size(), 1u);
}

TEST_F(RunnerTest, ExactSnapshotsInThePastSeeThePast) {
  d.mutation("messages:send", R"({"body":"a"})");
  Timestamp before = d.engine().latest();
  d.mutation("messages:send", R"({"body":"b"})");
  auto query_past = [&] {
    std::promise<QueryOutcome> done;
    d.runner().query(d.call("messages:list", "{}"), std::nullopt, before, true,
                     [&](QueryOutcome o) { done.set_value(std::move(o)); });
    return done.get_future().get();
  };
  QueryOutcome past = query_past();
  EXPECT_EQ(d.text(past), R"(["a"])");
  EXPECT_EQ(query_past().query, past.query) << "found again by those who need the same past";
  EXPECT_TRUE(past.query->invalidated());
  EXPECT_TRUE(past.query->valid_at(before));
  EXPECT_EQ(d.text(d.query("messages:list")), R"(["a","b"])");
}

IdentityPtr user(const std::string& name) {
  auto identity = std::make_shared<Identity>();
  identity->kind = Identity::Kind::kUser;
  identity->attributes = *parse_plain_json(R"({"subject":")" + name + "\"}");
  return identity;
}

TEST_F(RunnerTest, UsersShareTheFirstRunUnlessItLooksAtThem) {
  for (const char* path : {"messages:list", "messages:me"}) {
    std::vector<std::future<QueryOutcome>> outcomes;
    for (int i = 0; i < 20; ++i) {
      auto promise = std::make_shared<std::promise<QueryOutcome>>();
      outcomes.push_back(promise->get_future());
      FunctionCall call = d.call(path, "{}");
      call.identity = user("u" + std::to_string(i));
      d.runner().query(std::move(call), std::nullopt, Timestamp{}, false,
                       [promise](QueryOutcome o) { promise->set_value(std::move(o)); });
    }
    std::set<std::string> results;
    std::set<CachedQueryPtr> runs;
    for (auto& future : outcomes) {
      QueryOutcome outcome = future.get();
      results.insert(d.text(outcome));
      runs.insert(outcome.query);
    }
    const size_t expected = path == std::string("messages:me") ? 20 : 1;
    EXPECT_EQ(results.size(), expected) << path;
    EXPECT_EQ(runs.size(), expected) << path;
  }
}

TEST_F(RunnerTest, IdentityIsPartOfTheKeyOnlyIfObserved) {
  EXPECT_EQ(d.text(d.query("messages:me")), "null");
  EXPECT_EQ(d.text(d.query("messages:me", "{}", user("ann"))), R"({"subject":"ann"})");
  EXPECT_EQ(d.text(d.query("messages:me", "{}", user("bob"))), R"({"subject":"bob"})");
  EXPECT_TRUE(d.query("messages:me", "{}", user("ann")).from_cache);
  d.query("messages:count", "{}", user("ann"));
  EXPECT_TRUE(d.query("messages:count", "{}", user("bob")).from_cache);
}

TEST_F(RunnerTest, ANewPushReplacesResultsAndRevivesMissingFunctions) {
  auto missing = d.query("messages:later");
  std::promise<void> invalid;
  auto watch = missing.query->watch([&] { invalid.set_value(); });
  ASSERT_EQ(d.push({{"messages.js", "export const later = query(async () => 7);"}}), "");
  EXPECT_EQ(invalid.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_EQ(d.text(d.query("messages:later")), "7");
}

TEST_F(RunnerTest, ConflictingMutationsRetry) {
  std::vector<std::future<FunctionResult>> results;
  for (int i = 0; i < 6; ++i) {
    auto promise = std::make_shared<std::promise<FunctionResult>>();
    results.push_back(promise->get_future());
    d.runner().mutation(d.call("messages:increment", "{}"), std::nullopt,
                        [promise](FunctionResult r) { promise->set_value(std::move(r)); });
  }
  int succeeded = 0;
  for (auto& result : results) succeeded += result.get().ok();
  EXPECT_EQ(d.text(d.query("messages:counter")), std::to_string(succeeded));
  EXPECT_GE(succeeded, 4);
}

TEST_F(RunnerTest, SessionRequestsRunOnce) {
  SessionRequest session{random_uuid(), 3};
  auto first = d.mutation("messages:send", R"({"body":"once"})", session);
  auto again = d.mutation("messages:send", R"({"body":"once"})", session);
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(d.text(first), d.text(again));
  EXPECT_EQ(first.ts, again.ts);
  ASSERT_EQ(again.log_lines.size(), 1u);
  EXPECT_EQ(again.log_lines[0].pretty(), "[LOG] 'sending' 'once'");
  EXPECT_EQ(d.text(d.query("messages:list")), R"(["once"])");
}

TEST_F(RunnerTest, UnawaitedWritesCommitAndLongReadsArePaged) {
  ASSERT_TRUE(d.mutation("messages:many", R"({"n":1000})").ok());
  EXPECT_EQ(d.text(d.query("messages:sum")), "499500");
  EXPECT_EQ(d.text(d.query("messages:metrics")), "0");
}

TEST_F(RunnerTest, JournalKeepsAPageFixed) {
  d.mutation("messages:many", R"({"n":10})");
  auto page = d.query("messages:page", R"({"cursor":null})");
  ASSERT_TRUE(page.query && page.query->ok()) << d.text(page);
  ASSERT_TRUE(page.query->journal().has_value());
  auto again = d.query("messages:page", R"({"cursor":null})", nullptr, *page.query->journal());
  EXPECT_TRUE(again.from_cache);
  EXPECT_EQ(again.query->journal(), page.query->journal());
}

TEST_F(RunnerTest, SystemFunctionsNeedAnAdmin) {
  d.runner().system_functions().add(
      "_system/cli/answer.js:default",
      {UdfType::kQuery, "WriteData", nullptr,
       [](Transaction&, ValueView, std::optional<std::string_view>) -> Result<Value> {
         return Value::float64(42);
       }});
  EXPECT_EQ(d.text(d.query("_system/cli/answer", "{}", Identity::admin(false, std::nullopt))), "42");
  EXPECT_EQ(d.text(d.query("_system/cli/answer")),
            "Could not find public function for '_system/cli/answer'.\n");
  EXPECT_EQ(d.text(d.query("_system/cli/answer", "{}", Identity::admin(true, std::nullopt))),
            "You do not have permission to perform this operation (deployment:data:write).\n");
  for (auto& entry : d.runner().log().read(0).entries)
    EXPECT_EQ(entry->identifier.find("_system"), std::string::npos);
}

TEST_F(RunnerTest, AnalysisFailuresNameTheModule) {
  EXPECT_THAT(d.push({{"bad.js", "throw new Error('at import');"}}), HasSubstr("bad.js: "));
  EXPECT_THAT(d.push({{"loop.js", "for (;;) {}"}}), HasSubstr("loop.js: "));
}

}  // namespace
}  // namespace hull::testing
