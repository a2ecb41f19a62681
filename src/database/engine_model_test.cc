// Random concurrent histories against a naive model: every read of every snapshot, every revision chain and
// every subscription is checked afterwards against the serial order that the commit timestamps claim.
#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "database/engine_fixture.h"
#include "value/key.h"

namespace hull {
namespace {

constexpr uint64_t kDocuments = 60;

class EngineModelTest : public testing::EngineFixture {
 protected:
  using State = std::map<uint64_t, DocumentPtr>;  // live documents

  struct Write {
    uint64_t n;
    DocumentPtr before, after;
  };
  struct ScanRecord {
    Timestamp ts;
    bool by_id;
    Interval interval;
    Order order;
    size_t limit;
    std::vector<IndexRow> rows;
  };
  struct GetRecord {
    Timestamp ts;
    uint64_t n;
    DocumentPtr document;
  };
  struct Watch {
    Timestamp from;
    std::shared_ptr<const ReadSet> reads;
    std::shared_ptr<Subscription> subscription;
    std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  };

  static std::string session(std::mt19937& random) {
    return std::string(1, static_cast<char>('a' + random() % 6));
  }

  Interval random_interval(std::mt19937& random, bool by_id) const {
    auto bound = [&] {
      return by_id ? by_id_key(make_id(random() % kDocuments)) : key_of(Value::string(session(random)));
    };
    Interval interval;
    if (random() % 3) interval.start = bound();
    if (random() % 3) interval.end = bound();
    if (random() % 8 == 0) interval.end = interval.start + '\0';
    return interval;
  }

  void writer(unsigned seed) {
    std::mt19937 random(seed);
    while (!stop_) {
      SnapshotPtr snapshot = engine_->snapshot();
      CommitRequest request;
      request.snapshot = snapshot->ts();
      std::vector<Write> writes;
      std::set<uint64_t> chosen;
      for (size_t i = 1 + random() % 4; i > 0; --i) chosen.insert(random() % kDocuments);
      for (uint64_t n : chosen) {
        DocumentPtr before = get(snapshot, n);
        DocumentPtr after;
        if (!before || random() % 3)
          after = make_document(make_id(n), session(random), static_cast<int64_t>(random() % 5));
        request.reads.add_point(by_id_->id, by_id_key(make_id(n)), true);
        request.writes.push_back(write(make_id(n), before, after));
        writes.push_back({n, before, after});
      }
      if (random() % 4 == 0) request.reads.add(by_session_->id, random_interval(random, false), true);
      if (random() % 8 == 0) std::this_thread::yield();
      std::vector<Interval> ranges;
      if (auto it = request.reads.indexes().find(by_session_->id); it != request.reads.indexes().end()) {
        ranges = it->second.intervals();
      }
      snapshot.reset();
      CommitRequest copy = request;
      auto outcome = commit(std::move(request));
      if (outcome.error) {
        EXPECT_EQ(outcome.error->kind, ErrorKind::kOutOfRetention) << outcome.error->message;
      }
      if (!outcome.ts) continue;
      EXPECT_GE(engine_->latest(), *outcome.ts);
      std::lock_guard lock(mutex_);
      history_[*outcome.ts] = std::move(writes);
      committed_reads_.push_back({copy.snapshot, *outcome.ts, std::move(ranges)});
    }
  }

  void reader(unsigned seed) {
    std::mt19937 random(seed);
    std::vector<SnapshotPtr> held;
    while (!stop_) {
      SnapshotPtr snapshot = engine_->snapshot();
      if (random() % 3 == 0) {
        auto older =
            engine_->snapshot_at(Timestamp{snapshot->ts().ns - static_cast<int64_t>(random() % 8'000'000)});
        if (older.ok()) snapshot = *older;
      }
      // Some snapshots are kept for a while, so that old ones are read after much has changed.
      if (held.size() < 4 && random() % 8 == 0) held.push_back(snapshot);
      if (!held.empty() && random() % 2) {
        size_t i = random() % held.size();
        snapshot = held[i];
        if (random() % 16 == 0) held.erase(held.begin() + static_cast<ptrdiff_t>(i));
      }
      GetRecord got{snapshot->ts(), random() % kDocuments, nullptr};
      got.document = get(snapshot, got.n);
      ScanRecord scan{snapshot->ts(),
                      random() % 2 == 0,
                      {},
                      random() % 2 ? Order::kAsc : Order::kDesc,
                      1 + random() % (random() % 2 ? 5 : 100),
                      {}};
      scan.interval = random_interval(random, scan.by_id);
      auto rows = snapshot->scan(scan.by_id ? *by_id_ : *by_session_, scan.interval, scan.order, scan.limit);
      ASSERT_TRUE(rows.ok()) << rows.error().message;
      scan.rows = std::move(*rows);
      std::lock_guard lock(mutex_);
      gets_.push_back(std::move(got));
      scans_.push_back(std::move(scan));
    }
  }

  void watcher(unsigned seed) {
    std::mt19937 random(seed);
    while (!stop_) {
      Watch watch;
      watch.from = engine_->latest();
      auto reads = std::make_shared<ReadSet>();
      if (random() % 2) reads->add(by_session_->id, random_interval(random, false), true);
      reads->add_point(by_id_->id, by_id_key(make_id(random() % kDocuments)), true);
      watch.reads = reads;
      if (random() % 2) std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
      watch.subscription =
          engine_->subscribe(reads, watch.from, [calls = watch.calls] { calls->fetch_add(1); });
      Timestamp latest = engine_->latest();
      if (random() % 4 == 0) {
        watch.subscription.reset();  // unregistering races with publication
        continue;
      }
      std::lock_guard lock(mutex_);
      valid_claims_.push_back({watches_.size(), latest, watch.subscription->valid_at(latest)});
      watches_.push_back(std::move(watch));
    }
  }

  void run(std::chrono::milliseconds duration) {
    start();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 3; ++i) threads.emplace_back([this, i] { writer(i + 1); });
    for (unsigned i = 0; i < 2; ++i) threads.emplace_back([this, i] { reader(i + 100); });
    threads.emplace_back([this] { watcher(200); });
    std::this_thread::sleep_for(duration);
    stop_ = true;
    for (auto& thread : threads) thread.join();
  }

  // The state after every commit <= ts. Called with ascending ts.
  class Replay {
   public:
    explicit Replay(const std::map<Timestamp, std::vector<Write>>& history)
        : next_(history.begin()), end_(history.end()) {}
    const State& at(Timestamp ts) {
      for (; next_ != end_ && next_->first <= ts; ++next_) {
        for (const Write& write : next_->second) {
          if (write.after)
            state_[write.n] = write.after;
          else
            state_.erase(write.n);
        }
      }
      return state_;
    }

   private:
    std::map<Timestamp, std::vector<Write>>::const_iterator next_, end_;
    State state_;
  };

  static bool same(const DocumentPtr& a, const DocumentPtr& b) {
    return a && b ? equal(a->value, b->value) : !a && !b;
  }

  void check_writers() {
    State state;
    for (const auto& [ts, writes] : history_) {
      for (const Write& write : writes) {
        auto it = state.find(write.n);
        ASSERT_TRUE(same(write.before, it == state.end() ? nullptr : it->second))
            << "lost update at " << ts.ns;
        if (write.after)
          state[write.n] = write.after;
        else
          state.erase(write.n);
      }
    }
    // No committed transaction read a range that another one changed before it committed.
    for (const auto& [snapshot, ts, ranges] : committed_reads_) {
      if (ranges.empty()) continue;
      for (auto it = history_.upper_bound(snapshot); it != history_.end() && it->first < ts; ++it) {
        for (const Write& write : it->second) {
          for (const DocumentPtr& side : {write.before, write.after}) {
            if (!side) continue;
            std::string key = by_session_->key_for(side->value);
            for (const Interval& range : ranges) ASSERT_FALSE(range.contains(key)) << "phantom";
          }
        }
      }
    }
  }

  void check_readers() {
    std::stable_sort(gets_.begin(), gets_.end(), [](const auto& a, const auto& b) { return a.ts < b.ts; });
    std::stable_sort(scans_.begin(), scans_.end(), [](const auto& a, const auto& b) { return a.ts < b.ts; });
    Replay for_gets(history_);
    for (const GetRecord& got : gets_) {
      const State& state = for_gets.at(got.ts);
      auto it = state.find(got.n);
      ASSERT_TRUE(same(got.document, it == state.end() ? nullptr : it->second));
    }
    Replay for_scans(history_);
    for (const ScanRecord& scan : scans_) {
      std::vector<std::pair<std::string, DocumentPtr>> expected;
      for (const auto& [n, document] : for_scans.at(scan.ts)) {
        std::string key = (scan.by_id ? by_id_ : by_session_)->key_for(document->value);
        if (scan.interval.contains(key)) expected.emplace_back(std::move(key), document);
      }
      std::sort(expected.begin(), expected.end());
      if (scan.order == Order::kDesc) std::reverse(expected.begin(), expected.end());
      if (expected.size() > scan.limit) expected.resize(scan.limit);
      ASSERT_EQ(scan.rows.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(scan.rows[i].key, expected[i].first);
        ASSERT_TRUE(same(scan.rows[i].document, expected[i].second));
      }
    }
  }

  void check_watches() {
    for (const auto& [i, latest, valid] : valid_claims_) {
      const Watch& watch = watches_[i];
      Timestamp expected = Timestamp::max();
      for (auto it = history_.upper_bound(watch.from); it != history_.end() && expected == Timestamp::max();
           ++it) {
        for (const Write& write : it->second) {
          bool touched = watch.reads->contains(by_id_->id, by_id_key(make_id(write.n)));
          for (const DocumentPtr& side : {write.before, write.after}) {
            if (side)
              touched = touched || watch.reads->contains(by_session_->id, by_session_->key_for(side->value));
          }
          if (touched) expected = it->first;
        }
      }
      // A subscription that began beyond the write log may be invalid from the start.
      bool forgotten = watch.subscription->invalidated_at().ns == watch.from.ns + 1;
      ASSERT_TRUE(forgotten || watch.subscription->invalidated_at() == expected);
      ASSERT_TRUE(forgotten || valid == (latest < expected));
      ASSERT_EQ(watch.calls->load(), watch.subscription->invalidated_at() == Timestamp::max() ? 0 : 1);
    }
  }

  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards everything below while the threads run
  std::map<Timestamp, std::vector<Write>> history_;
  struct CommittedReads {
    Timestamp snapshot, ts;
    std::vector<Interval> ranges;
  };
  std::vector<CommittedReads> committed_reads_;
  std::vector<ScanRecord> scans_;
  std::vector<GetRecord> gets_;
  std::vector<Watch> watches_;
  struct Claim {
    size_t watch;
    Timestamp latest;
    bool valid;
  };
  std::vector<Claim> valid_claims_;
};

TEST_F(EngineModelTest, HistoriesAreSerializable) {
  // Short retention, so that trimming runs all the time.
  knobs_.write_log_min_retention_s = 0.01;
  knobs_.write_log_max_retention_s = 0.05;
  run(std::chrono::milliseconds(1500));
  // The callbacks of the last group run after its commits have been answered; a drained engine has run them
  // all.
  Timestamp final_ts = engine_->latest();
  engine_.reset();
  check_writers();
  check_readers();
  check_watches();
  EXPECT_GT(history_.size(), 50u);
  EXPECT_GT(scans_.size(), 50u);

  // After a restart the store alone tells the same story.
  watches_.clear();
  start();
  Replay replay(history_);
  const State& state = replay.at(final_ts);
  auto rows = *engine_->snapshot()->scan(*by_session_, {}, Order::kAsc, 1000);
  ASSERT_EQ(rows.size(), state.size());
  for (const IndexRow& row : rows) EXPECT_EQ(row.key, by_session_->key_for(row.document->value));
  for (uint64_t n = 0; n < kDocuments; ++n) {
    auto it = state.find(n);
    EXPECT_TRUE(same(get(engine_->snapshot(), n), it == state.end() ? nullptr : it->second));
  }
}

TEST_F(EngineModelTest, LongRetentionKeepsManyVersions) {
  run(std::chrono::milliseconds(1000));
  engine_.reset();
  check_writers();
  check_readers();
  check_watches();
}

}  // namespace
}  // namespace hull
