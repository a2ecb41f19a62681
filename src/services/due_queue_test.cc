#include "services/due_queue.h"

#include <chrono>
#include <set>

#include "database/engine_fixture.h"
#include "database/maintenance_jobs.h"
#include "value/key.h"

namespace hull {
namespace {

constexpr int64_t kMs = 1'000'000;

class DueQueueTest : public testing::EngineFixture {
 protected:
  struct Started {
    int64_t next_ts = 0, at = 0;
    DocumentId id;
    std::function<void()> done;
  };

  void SetUp() override { start(); }
  void TearDown() override {
    queue_.reset();
    EXPECT_FALSE(twice_);
  }

  void start_queue(DueQueueOptions options = {}) {
    options.engine = engine_.get();
    options.table = "_scheduled_jobs";
    options.handle = [this](const DocumentPtr& row, std::function<void()> done) {
      std::lock_guard lock(mutex_);
      if (!running_.insert(row->id.internal).second) twice_ = true;
      started_.push_back({row->value.view().find("nextTs")->as_int64(), engine_->env().unix_nanos(), row->id,
                          [this, id = row->id.internal, done = std::move(done)] {
                            {
                              std::lock_guard inner(mutex_);
                              running_.erase(id);
                            }
                            done();
                          }});
      changed_.notify_all();
    };
    queue_ = DueQueue::start(std::move(options));
  }

  void transact(const std::function<Result<void>(Transaction&)>& body) {
    MaintenanceContext context{*engine_, knobs_, [] { return false; }};
    auto done = run_transaction(context, "test", body);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  static Value fields(std::optional<int64_t> next_ts, std::string_view path) {
    ValueBuilder b;
    b.begin_object().key("udfPath").string(path).key("nextTs");
    next_ts ? b.int64(*next_ts) : b.null();
    return b.end().finish();
  }
  void insert(const std::vector<int64_t>& times, std::string_view path = "a.js:b") {
    transact([&](Transaction& tx) -> Result<void> {
      for (int64_t ts : times) HULL_CHECK_OK(tx.system_insert("_scheduled_jobs", fields(ts, path)));
      return {};
    });
  }
  void set(const DocumentId& id, std::optional<int64_t> next_ts) {
    transact([&](Transaction& tx) { return tx.system_replace(id, fields(next_ts, "a.js:b")); });
  }
  void finish(const Started& started) {
    set(started.id, std::nullopt);
    started.done();
  }

  bool wait_for(size_t count, int64_t ms = 5000) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return started_.size() >= count; });
  }
  Started started(size_t i) {
    std::lock_guard lock(mutex_);
    return started_.at(i);
  }
  size_t count() {
    std::lock_guard lock(mutex_);
    return started_.size();
  }
  int64_t now() { return engine_->env().unix_nanos(); }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Started> started_;
  std::set<InternalId> running_;
  bool twice_ = false;
  std::unique_ptr<DueQueue> queue_;
};

TEST_F(DueQueueTest, StartsInOrderOfTimeWithinTheBound) {
  const int64_t t = now();
  insert({t - 1 * kMs, t - 5 * kMs, t - 3 * kMs, t - 4 * kMs});
  start_queue({.parallelism = 2});
  ASSERT_TRUE(wait_for(2));
  EXPECT_FALSE(wait_for(3, 50));
  EXPECT_EQ(queue_->running(), 2u);
  EXPECT_GE(queue_->lag_ns(), 3 * kMs);
  EXPECT_EQ(started(0).next_ts, t - 5 * kMs);
  EXPECT_EQ(started(1).next_ts, t - 4 * kMs);
  finish(started(1));
  ASSERT_TRUE(wait_for(3));
  EXPECT_EQ(started(2).next_ts, t - 3 * kMs);
  finish(started(0));
  ASSERT_TRUE(wait_for(4));
  EXPECT_EQ(started(3).next_ts, t - 1 * kMs);
}

TEST_F(DueQueueTest, StartsARowWhenItsTimeComesAndNotBefore) {
  start_queue();
  const int64_t due = now() + 300 * kMs;
  insert({due + 3600'000 * kMs, due});
  ASSERT_TRUE(wait_for(1));
  EXPECT_GE(started(0).at, due);
  EXPECT_LT(started(0).at, due + 200 * kMs);
  EXPECT_FALSE(wait_for(2, 50));
  EXPECT_EQ(queue_->lag_ns(), 0);
}

TEST_F(DueQueueTest, SeesARowThatBelongsBeforeThoseItHasRead) {
  const int64_t t = now();
  insert({t - 10 * kMs, t - 10 * kMs, t - 10 * kMs});
  start_queue({.parallelism = 2});
  ASSERT_TRUE(wait_for(2));
  insert({t - 20 * kMs});
  finish(started(0));
  ASSERT_TRUE(wait_for(3));
  EXPECT_EQ(started(2).next_ts, t - 20 * kMs);
}

TEST_F(DueQueueTest, ARowThatMovesIsStartedAgainAtItsNewTime) {
  insert({now()});
  start_queue();
  ASSERT_TRUE(wait_for(1));
  const int64_t later = now() + 100 * kMs;
  set(started(0).id, later);
  started(0).done();
  ASSERT_TRUE(wait_for(2));
  EXPECT_GE(started(1).at, later);
  EXPECT_LT(started(1).at, later + 200 * kMs);
}

TEST_F(DueQueueTest, ARowThatIsLeftAsItWasComesAgainLater) {
  insert({now()});
  start_queue();
  ASSERT_TRUE(wait_for(1));
  started(0).done();
  EXPECT_FALSE(wait_for(2, 500));
  ASSERT_TRUE(wait_for(2));
  finish(started(1));
  EXPECT_FALSE(wait_for(3, 1200));
}

TEST_F(DueQueueTest, DoesNotGoThroughAllRowsWhenNoneCanBeStarted) {
  insert(std::vector<int64_t>(600, now() - kMs));
  start_queue();
  size_t refused = 0;
  for (const int64_t end = now() + 700 * kMs; now() < end && wait_for(refused + 1, 100); ++refused)
    started(refused).done();
  EXPECT_GT(refused, 0u);
  EXPECT_LE(refused, 256u + 8u);
}

TEST_F(DueQueueTest, StartsNothingOnceItDrains) {
  insert({now(), now()});
  start_queue({.parallelism = 1});
  ASSERT_TRUE(wait_for(1));
  queue_->drain();
  auto soon = [this] { return engine_->env().monotonic_nanos() + 50 * kMs; };
  EXPECT_FALSE(queue_->wait_until_idle(soon()));
  finish(started(0));
  EXPECT_TRUE(queue_->wait_until_idle(engine_->env().monotonic_nanos() + 5000 * kMs));
  EXPECT_FALSE(wait_for(2, 50));
  EXPECT_TRUE(queue_->wait_until_idle(soon()));
}

TEST_F(DueQueueTest, ARowThatIsGoneBeforeItsTimeIsNotStarted) {
  start_queue();
  const int64_t due = now() + 200 * kMs;
  insert({due, due + 100 * kMs});
  auto rows = engine_->snapshot()->scan(
      *catalog_->table(std::string_view("_scheduled_jobs"))->find_index("by_next_ts"), Interval{"", {}},
      Order::kAsc, 1);
  ASSERT_TRUE(rows.ok());
  set((*rows)[0].document->id, std::nullopt);
  ASSERT_TRUE(wait_for(1));
  EXPECT_EQ(started(0).next_ts, due + 100 * kMs);
}

TEST_F(DueQueueTest, WaitsWhileItMayNotRun) {
  std::atomic<bool> may_run{false};
  start_queue({.may_run = [&] { return may_run.load(); }});
  insert({now()});
  EXPECT_FALSE(wait_for(1, 100));
  EXPECT_GT(queue_->lag_ns(), 50 * kMs);
  may_run = true;
  transact([](Transaction& tx) -> Result<void> {
    ValueBuilder b;
    HULL_CHECK_OK(tx.system_insert("_backend_state", b.begin_object().end().finish()));
    return {};
  });
  EXPECT_TRUE(wait_for(1));
}

TEST_F(DueQueueTest, RowsOfTheOtherKindHaveABoundOfTheirOwn) {
  const int64_t t = now();
  auto apart = [](const Document& row) { return row.value.view().find("udfPath")->as_string() == "x.js:y"; };
  insert(std::vector<int64_t>(3000, t - 2 * kMs), "x.js:y");
  insert({t - 1 * kMs, t - 1 * kMs});
  start_queue({.parallelism = 1, .apart = apart, .apart_parallelism = 2500});
  ASSERT_TRUE(wait_for(2501));
  EXPECT_FALSE(wait_for(2502, 100));
  EXPECT_EQ(started(2500).next_ts, t - 1 * kMs);
}

TEST_F(DueQueueTest, ManyRowsAreStartedOnceEachInOrderWhileOthersCome) {
  const int64_t t = now();
  std::vector<int64_t> times;
  for (int64_t i = 0; i < 6000; ++i) times.push_back(t - 1'000'000 * kMs + (i * 7919) % 6000 * kMs);
  insert(times);
  start_queue({.parallelism = 8});
  const size_t total = times.size() + 500;
  for (size_t i = 0; i < total; ++i) {
    ASSERT_TRUE(wait_for(i + 1)) << i;
    if (i % 10 == 0 && i < 5000) insert({now()});
    finish(started(i));
  }
  EXPECT_FALSE(wait_for(total + 1, 100));
  for (size_t i = 8; i < total; ++i) EXPECT_LE(started(i - 8).next_ts, started(i).next_ts);
}

}  // namespace
}  // namespace hull
