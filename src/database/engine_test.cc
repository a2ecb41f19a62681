#include "database/engine.h"

#include <algorithm>
#include <thread>

#include "database/engine_fixture.h"
#include "value/key.h"

namespace hull {
namespace {

class EngineTest : public testing::EngineFixture {};

Interval session_interval(std::string_view session) {
  std::string start = key_of(Value::string(session));
  return {start, end_of_prefix(start)};
}

TEST_F(EngineTest, CommitsAndReads) {
  start();
  Timestamp begin = engine_->latest();
  auto outcome = commit(insert_request(1, "a"));
  ASSERT_TRUE(outcome.ts.has_value());
  EXPECT_GT(*outcome.ts, begin);
  EXPECT_EQ(engine_->latest(), *outcome.ts);
  auto document = get(engine_->snapshot(), 1);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->ts, *outcome.ts);
  EXPECT_FALSE(get(*engine_->snapshot_at(begin), 1));
  EXPECT_EQ(engine_->snapshot()->scan(*by_session_, session_interval("a"), Order::kAsc, 10)->size(), 1u);
  EXPECT_TRUE(
      (*engine_->snapshot_at(begin))->scan(*by_session_, session_interval("a"), Order::kAsc, 10)->empty());
}

TEST_F(EngineTest, SnapshotBounds) {
  start();
  EXPECT_EQ(engine_->snapshot_at(Timestamp{1}).error().kind, ErrorKind::kOutOfRetention);
  EXPECT_EQ(engine_->snapshot_at(Timestamp{engine_->latest().ns + 1}).error().kind, ErrorKind::kInternal);
}

TEST_F(EngineTest, CommitTimestampTokensAreResolved) {
  start();
  ValueBuilder builder;
  builder.begin_object().key("_id").string(make_id(1).text()).key("_creationTime").float64(1);
  builder.key("sessionId").string("s").key("requestId").commit_ts().end();
  CommitRequest request;
  request.snapshot = engine_->latest();
  request.writes.push_back(
      write(make_id(1), nullptr,
            std::make_shared<Document>(Document{make_id(1), table_->tablet, Timestamp{}, builder.finish()})));
  auto outcome = commit(std::move(request));
  auto rows = *engine_->snapshot()->scan(*by_session_, session_interval("s"), Order::kAsc, 10);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].document->value->find("requestId")->as_int64(), outcome.ts->ns);
  EXPECT_EQ(rows[0].key, by_session_->key_for(rows[0].document->value));
}

TEST_F(EngineTest, PhantomsConflict) {
  start();
  Timestamp snapshot = engine_->latest();
  ASSERT_TRUE(commit(insert_request(1, "a")).ts);
  CommitRequest request = insert_request(2, "b");
  request.snapshot = snapshot;
  request.reads.add(by_session_->id, session_interval("a"), true);
  auto outcome = commit(request);
  ASSERT_TRUE(outcome.conflict.has_value());
  EXPECT_EQ(outcome.conflict->table, "_session_requests");
  EXPECT_TRUE(outcome.conflict->system_table);
  EXPECT_EQ(outcome.conflict->document_id, make_id(1).text());
  EXPECT_EQ(outcome.conflict->source, "test:insert");
  EXPECT_EQ(outcome.conflict->conflicting, engine_->latest());

  request.reads = ReadSet();
  request.reads.add(by_session_->id, session_interval("c"), true);
  EXPECT_TRUE(commit(request).ts);
}

TEST_F(EngineTest, OldAndNewKeysConflict) {
  start();
  ASSERT_TRUE(commit(insert_request(1, "a")).ts);
  Timestamp snapshot = engine_->latest();
  CommitRequest move;
  move.snapshot = snapshot;
  move.writes.push_back(write(make_id(1), get(engine_->snapshot(), 1), make_document(make_id(1), "b", 0)));
  ASSERT_TRUE(commit(move).ts);
  for (const char* session : {"a", "b"}) {
    CommitRequest request = insert_request(2, "z");
    request.snapshot = snapshot;
    request.reads.add(by_session_->id, session_interval(session), true);
    EXPECT_TRUE(commit(request).conflict) << session;
  }
  // The same document, without any read set.
  EXPECT_TRUE(commit(move).conflict);
}

TEST_F(EngineTest, ConflictsWithCommitsStillBeingWritten) {
  start();
  gate_->close();
  auto first = submit(insert_request(1, "a"));
  gate_->wait_until_blocked();
  Timestamp before = engine_->latest();
  CommitRequest request = insert_request(2, "b");
  request.reads.add(by_session_->id, session_interval("a"), true);
  auto outcome = commit(request);
  ASSERT_TRUE(outcome.conflict);
  EXPECT_GT(outcome.conflict->conflicting, before);
  EXPECT_FALSE(get(engine_->snapshot(), 1));  // not visible before it is durable
  std::promise<void> published;
  engine_->when_published(outcome.conflict->conflicting, [&] { published.set_value(); });
  gate_->open();
  published.get_future().wait();
  EXPECT_GE(engine_->latest(), outcome.conflict->conflicting);
  EXPECT_TRUE(get(engine_->snapshot(), 1));
}

TEST_F(EngineTest, GroupsWhatArrivesDuringASync) {
  start();
  gate_->close();
  std::vector<std::future<CommitOutcome>> outcomes;
  outcomes.push_back(submit(insert_request(0, "a")));
  gate_->wait_until_blocked();
  for (uint64_t i = 1; i <= 20; ++i) outcomes.push_back(submit(insert_request(i, "a")));
  // Submissions are answered in order, so a refused one shows that all before it have been assigned.
  CommitRequest last = insert_request(99, "b");
  last.reads.add(by_session_->id, session_interval("a"), true);
  ASSERT_TRUE(commit(last).conflict);
  gate_->open();
  Timestamp previous;
  for (auto& outcome : outcomes) {
    auto result = outcome.get();
    ASSERT_TRUE(result.ts);
    EXPECT_GT(*result.ts, previous);
    previous = *result.ts;
  }
  EXPECT_EQ(gate_->groups, (std::vector<size_t>{1, 20}));
}

TEST_F(EngineTest, IsReadOnlyWhileTheStoreFails) {
  start();
  ASSERT_TRUE(commit(insert_request(1, "a")).ts);
  Timestamp latest = engine_->latest();
  gate_->set_broken(true);
  auto outcome = commit(insert_request(2, "a"));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, "ReadOnly");
  EXPECT_EQ(outcome.error->kind, ErrorKind::kOverloaded);
  EXPECT_TRUE(engine_->read_only());
  EXPECT_TRUE(commit(insert_request(3, "a")).error);
  EXPECT_EQ(engine_->latest(), latest);
  EXPECT_TRUE(get(engine_->snapshot(), 1));
  EXPECT_FALSE(get(engine_->snapshot(), 2));
  bool woken = false;
  engine_->when_published(Timestamp{latest.ns + 1'000'000'000}, [&] { woken = true; });
  EXPECT_TRUE(woken);

  // What failed is forgotten: neither visible nor in the way.
  gate_->set_broken(false);
  while (engine_->read_only()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CommitRequest request = insert_request(2, "b");
  request.snapshot = latest;
  request.reads.add(by_session_->id, session_interval("a"), true);
  ASSERT_TRUE(commit(request).ts);
  EXPECT_EQ(get(engine_->snapshot(), 2)->value->find("sessionId")->as_string(), "b");
  EXPECT_FALSE(get(engine_->snapshot(), 3));
}

TEST_F(EngineTest, ReadsDoNotDependOnWhatIsApplied) {
  gate_->hold_apply(true);
  start();
  ASSERT_TRUE(commit(insert_request(1, "a")).ts);
  SnapshotPtr first = engine_->snapshot();
  CommitRequest removal;
  removal.snapshot = first->ts();
  removal.writes.push_back(write(make_id(1), get(first, 1), nullptr));
  ASSERT_TRUE(commit(removal).ts);
  ASSERT_TRUE(commit(insert_request(2, "a")).ts);
  SnapshotPtr second = engine_->snapshot();
  auto check = [&] {
    EXPECT_TRUE(get(first, 1));
    EXPECT_FALSE(get(first, 2));
    EXPECT_FALSE(get(second, 1));
    EXPECT_TRUE(get(second, 2));
    for (const auto& [snapshot, n] : {std::pair(first, 1), std::pair(second, 2)}) {
      auto rows = snapshot->scan(*by_session_, session_interval("a"), Order::kAsc, 10);
      ASSERT_TRUE(rows.ok());
      ASSERT_EQ(rows->size(), 1u);
      EXPECT_EQ(rows->front().document->id, make_id(static_cast<uint64_t>(n)));
    }
  };
  check();
  gate_->hold_apply(false);
  ASSERT_TRUE(commit(insert_request(3, "b")).ts);
  while (engine_->store().unapplied_bytes() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  check();
}

TEST_F(EngineTest, TableSummariesOfEverySnapshotAndAfterARestart) {
  start();
  std::vector<SnapshotPtr> snapshots;
  for (uint64_t i = 1; i <= 6; ++i) {
    ASSERT_TRUE(commit(insert_request(i, "a")).ts);
    snapshots.push_back(engine_->snapshot());
  }
  const Timestamp middle = snapshots[2]->ts();
  CommitRequest removal;
  removal.snapshot = engine_->latest();
  removal.writes.push_back(write(make_id(1), get(engine_->snapshot(), 1), nullptr));
  ASSERT_TRUE(commit(removal).ts);
  snapshots.push_back(engine_->snapshot());
  auto check = [&](const SnapshotPtr& snapshot) {
    auto kept = snapshot->summary(table_->tablet);
    auto counted = snapshot->Snapshot::summary(table_->tablet);
    ASSERT_TRUE(kept.ok() && counted.ok());
    EXPECT_EQ(*kept, *counted);
    EXPECT_GT(kept->documents, 0);
  };
  for (const SnapshotPtr& snapshot : snapshots) check(snapshot);
  // One that is made anew from the newest state.
  snapshots.clear();
  auto old = engine_->snapshot_at(Timestamp{middle.ns + 1});
  ASSERT_TRUE(old.ok());
  check(*old);
  EXPECT_EQ((*old)->summary(table_->tablet)->documents, 3);
  old->reset();
  engine_.reset();
  start();
  check(engine_->snapshot());
  EXPECT_EQ(engine_->snapshot()->summary(table_->tablet)->documents, 5);
}

TEST_F(EngineTest, LosersTakeTurns) {
  start();
  ASSERT_TRUE(commit(insert_request(1, "a")).ts);
  DocumentPtr before = get(engine_->snapshot(), 1);
  const Timestamp old = engine_->latest();
  auto update = [&](Timestamp snapshot, const DocumentPtr& current, std::shared_ptr<Turn> turn) {
    CommitRequest request;
    request.snapshot = snapshot;
    request.queues = true;
    request.turn = std::move(turn);
    request.reads.add_point(by_id_->id, by_id_key(make_id(1)), true);
    request.writes.push_back(write(make_id(1), current, make_document(make_id(1), "a", 7)));
    return commit(request);
  };
  ASSERT_TRUE(update(old, before, nullptr).ts);
  CommitOutcome lost = update(old, before, nullptr);
  ASSERT_TRUE(lost.conflict);
  EXPECT_FALSE(lost.conflict->overtaken);
  ASSERT_TRUE(lost.conflict->turn);
  bool ready = false;
  lost.conflict->turn->when_ready([&] { ready = true; });
  EXPECT_TRUE(ready);

  // A newcomer whose snapshot is fresh must wait for the loser, and only for it.
  DocumentPtr now = get(engine_->snapshot(), 1);
  CommitOutcome newcomer = update(engine_->latest(), now, nullptr);
  ASSERT_TRUE(newcomer.conflict);
  EXPECT_TRUE(newcomer.conflict->overtaken);
  bool newcomer_ready = false;
  newcomer.conflict->turn->when_ready([&] { newcomer_ready = true; });
  EXPECT_FALSE(newcomer_ready);
  EXPECT_TRUE(commit(insert_request(2, "b")).ts);

  ASSERT_TRUE(update(engine_->latest(), now, lost.conflict->turn).ts);
  EXPECT_FALSE(newcomer_ready);
  lost.conflict->turn.reset();
  EXPECT_TRUE(newcomer_ready);
  now = get(engine_->snapshot(), 1);
  EXPECT_TRUE(update(engine_->latest(), now, newcomer.conflict->turn).ts);
}

TEST_F(EngineTest, RestartKeepsDataAndTimeMovesForward) {
  start();
  ASSERT_TRUE(commit(insert_request(1, "a")).ts);
  std::promise<void> advanced;
  Timestamp target{std::max(engine_->latest().ns + 1, unix_nanos())};
  engine_->advance_to(target);
  engine_->when_published(target, [&] { advanced.set_value(); });
  advanced.get_future().wait();
  Timestamp before = engine_->latest();
  engine_.reset();
  start();
  EXPECT_GE(engine_->latest(), before);
  EXPECT_TRUE(get(engine_->snapshot(), 1));
  EXPECT_EQ(engine_->snapshot()->scan(*by_session_, {}, Order::kAsc, 10)->size(), 1u);
  auto outcome = commit(insert_request(2, "a"));
  EXPECT_GT(*outcome.ts, before);
}

TEST_F(EngineTest, RestartRecoversTheCatalog) {
  start();
  const TableInfo* variables = catalog_->table(std::string_view("_environment_variables"));
  DocumentId id{variables->number, InternalId::random(unix_nanos())};
  ValueBuilder builder;
  builder.begin_object().key("_id").string(id.text()).key("_creationTime").float64(1);
  builder.key("name").string("N").key("value").string("V").end();
  CommitRequest request;
  request.snapshot = engine_->latest();
  request.writes.push_back(
      {variables->tablet, id, nullptr,
       std::make_shared<Document>(Document{id, variables->tablet, Timestamp{}, builder.finish()})});
  SnapshotPtr old = engine_->snapshot();
  auto outcome = commit(request);
  ASSERT_TRUE(outcome.ts);
  EXPECT_TRUE(old->catalog()->system_rows("_environment_variables").empty());
  EXPECT_TRUE((*engine_->snapshot_at(old->ts()))->catalog()->system_rows("_environment_variables").empty());
  ASSERT_EQ(engine_->snapshot()->catalog()->system_rows("_environment_variables").size(), 1u);
  old.reset();
  engine_.reset();
  start();
  auto rows = catalog_->system_rows("_environment_variables");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]->value->find("value")->as_string(), "V");
  EXPECT_EQ(rows[0]->ts, *outcome.ts);
}

TEST_F(EngineTest, SnapshotsOutliveTheEngine) {
  start();
  ASSERT_TRUE(commit(insert_request(1, "a")).ts);
  SnapshotPtr snapshot = engine_->snapshot();
  engine_.reset();
  EXPECT_TRUE(get(snapshot, 1));
}

TEST_F(EngineTest, SubscriptionsSeePastPresentAndNothingElse) {
  start();
  auto reads = std::make_shared<ReadSet>();
  reads->add(by_session_->id, session_interval("a"), true);
  reads->add_point(by_id_->id, by_id_key(make_id(7)), true);
  Timestamp begin = engine_->latest();
  std::promise<void> invalid;
  auto subscription = engine_->subscribe(reads, begin, [&] { invalid.set_value(); });
  EXPECT_EQ(engine_->subscription_count(), 1u);
  ASSERT_TRUE(commit(insert_request(1, "b")).ts);
  EXPECT_TRUE(subscription->valid_at(engine_->latest()));
  auto outcome = commit(insert_request(7, "c"));
  invalid.get_future().wait();
  EXPECT_EQ(subscription->invalidated_at(), *outcome.ts);
  ASSERT_TRUE(commit(insert_request(8, "a")).ts);
  EXPECT_EQ(subscription->invalidated_at(), *outcome.ts);  // the first one counts; the callback ran once
  subscription.reset();
  EXPECT_EQ(engine_->subscription_count(), 0u);

  std::promise<void> late;
  auto past = engine_->subscribe(reads, begin, [&] { late.set_value(); });
  EXPECT_EQ(past->invalidated_at(), *outcome.ts);
  late.get_future().wait();
  std::promise<void> forgotten;
  auto ancient = engine_->subscribe(reads, Timestamp{5}, [&] { forgotten.set_value(); });
  EXPECT_FALSE(ancient->valid_at(Timestamp{6}));
  forgotten.get_future().wait();
}

TEST_F(EngineTest, ManyPointSubscriptions) {
  start();
  std::vector<std::shared_ptr<Subscription>> subscriptions;
  for (uint64_t i = 0; i < 100'000; ++i) {
    auto reads = std::make_shared<ReadSet>();
    reads->add_point(by_id_->id, by_id_key(make_id(i % 50'000)), true);
    subscriptions.push_back(engine_->subscribe(std::move(reads), engine_->latest(), nullptr));
  }
  EXPECT_EQ(engine_->subscription_count(), 100'000u);
  auto outcome = commit(insert_request(77, "x"));
  size_t invalid = std::count_if(subscriptions.begin(), subscriptions.end(),
                                 [&](const auto& s) { return !s->valid_at(*outcome.ts); });
  EXPECT_EQ(invalid, 2u);
  subscriptions.clear();
  EXPECT_EQ(engine_->subscription_count(), 0u);
}

TEST_F(EngineTest, BackfillRowsReachTheStore) {
  start();
  ASSERT_TRUE(commit(insert_request(1, "a")).ts);
  auto document = get(engine_->snapshot(), 1);
  CommitRequest request;
  request.snapshot = engine_->latest();
  request.backfill.push_back({by_session_->id, "zz", document});
  auto outcome = commit(request);
  ASSERT_TRUE(outcome.ts);
  while (engine_->store().unapplied_bytes() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(engine_->store().scan_index(by_session_->id, {"zz", std::nullopt}, Order::kAsc, 9)->size(), 1u);
  engine_.reset();
  start();
  EXPECT_GE(engine_->latest(), *outcome.ts);
}

TEST_F(EngineTest, ByIdBoundsMatchKeyOrder) {
  start();
  for (int round = 0; round < 200; ++round) {
    DocumentId id{table_->number, InternalId::from(random_bytes(16))};
    std::string key = by_id_key(id);
    EXPECT_EQ(first_id_at_or_after(table_->number, key), id.internal);
    // A bound that is not an id: between ids, or before and after all of them.
    std::string other = key.substr(0, random_u64() % key.size());
    other.push_back(static_cast<char>(random_u64()));
    auto found = first_id_at_or_after(table_->number, other);
    EXPECT_EQ(found.has_value() && *found <= id.internal, other <= key) << round;
    if (found) {
      EXPECT_GE(by_id_key({table_->number, *found}), other);
    }
  }
}

}  // namespace
}  // namespace hull
