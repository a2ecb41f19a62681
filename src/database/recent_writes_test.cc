// Recent writes against a naive model: a list of all touches.
#include "database/recent_writes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace hull {
namespace {

constexpr IndexId kIndex{7};
constexpr RecentWrites::Limits kForgetAll{0, 0, 0};
bool always(Timestamp) { return true; }

DocumentPtr document(int64_t n) {
  return std::make_shared<Document>(Document{{}, {}, Timestamp{n}, Value::int64(n)});
}
std::string key(int n) { return std::string(1, static_cast<char>('a' + n)); }

class RecentWritesTest : public ::testing::Test {
 protected:
  // Commits a random change of a few keys; `state_` follows.
  void commit() {
    auto logged = std::make_shared<LoggedCommit>();
    logged->ts = Timestamp{++now_};
    logged->appended_at = now_ * 100'000'000;  // a generation is full after twenty
    for (int i = static_cast<int>(random_() % 3); i >= 0; --i) {
      std::string k = key(static_cast<int>(random_() % 12));
      if (std::any_of(logged->keys.begin(), logged->keys.end(), [&](const auto& t) { return t.key == k; }))
        continue;
      DocumentPtr after = random_() % 3 ? document(now_ * 100 + i) : nullptr;
      logged->keys.push_back({kIndex, k, {}, {}, state_[k], after});
      state_[k] = after;
    }
    history_[now_] = state_;
    recent_.append(logged);
    commits_.push_back(logged);
  }
  DocumentPtr at(int64_t ts, const std::string& k) {
    auto it = history_.upper_bound(ts);
    if (it == history_.begin()) return nullptr;
    return std::prev(it)->second[k];
  }

  std::mt19937 random_{42};
  int64_t now_ = 0;
  RecentWrites recent_{Timestamp{0}};
  std::map<std::string, DocumentPtr> state_;
  std::map<int64_t, std::map<std::string, DocumentPtr>> history_;
  std::vector<LoggedCommitPtr> commits_;
};

TEST_F(RecentWritesTest, RowsAsOfAnySnapshot) {
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 7; ++i) commit();
    for (int probe = 0; probe < 20; ++probe) {
      const int64_t ts = static_cast<int64_t>(random_() % static_cast<uint64_t>(now_ + 1));
      const int64_t applied = static_cast<int64_t>(random_() % static_cast<uint64_t>(now_ + 1));
      auto capture = recent_.capture(Timestamp{ts}, Timestamp{applied});
      for (int n = 0; n < 12; ++n) {
        // A store that shows the state at `applied`, or any later one.
        auto row = RecentWrites::find(capture, kIndex, key(n));
        EXPECT_EQ(row ? *row : at(std::max(applied, ts), key(n)), at(ts, key(n)));
      }
      Interval interval{key(static_cast<int>(random_() % 12)), std::nullopt};
      if (random_() % 2) interval.end = key(static_cast<int>(random_() % 12));
      const Order order = random_() % 2 ? Order::kAsc : Order::kDesc;
      const size_t max_live = 1 + random_() % 5;
      auto rows = RecentWrites::collect(capture, kIndex, interval, order, max_live);
      size_t live = 0;
      std::vector<std::string> seen;
      for (const auto& row : rows) {
        EXPECT_TRUE(interval.contains(row.key));
        EXPECT_EQ(row.document, at(ts, row.key));
        live += row.document != nullptr;
        seen.push_back(row.key);
      }
      EXPECT_TRUE(order == Order::kAsc ? std::is_sorted(seen.begin(), seen.end())
                                       : std::is_sorted(seen.rbegin(), seen.rend()));
      EXPECT_LE(live, max_live);
      for (int n = 0; n < 12; ++n) {
        const bool beyond =
            live == max_live && (order == Order::kAsc ? key(n) > seen.back() : key(n) < seen.back());
        if (!interval.contains(key(n)) || beyond || std::count(seen.begin(), seen.end(), key(n))) continue;
        EXPECT_EQ(at(std::max(applied, ts), key(n)), at(ts, key(n)));
      }
    }
  }
}

TEST_F(RecentWritesTest, WritesDuringAReadAreAdded) {
  for (int i = 0; i < 30; ++i) commit();
  auto capture = recent_.capture(Timestamp{now_}, Timestamp{now_});
  EXPECT_TRUE(capture.generations.empty());
  const int64_t ts = now_;
  for (int i = 0; i < 60; ++i) commit();
  recent_.extend(capture);
  for (int n = 0; n < 12; ++n) {
    auto row = RecentWrites::find(capture, kIndex, key(n));
    ASSERT_TRUE(row) << key(n);
    EXPECT_EQ(*row, at(ts, key(n)));
  }
}

TEST_F(RecentWritesTest, HitsOfReadSets) {
  for (int i = 0; i < 400; ++i) commit();
  for (int probe = 0; probe < 400; ++probe) {
    ReadSet reads;
    for (int i = static_cast<int>(random_() % 3); i >= 0; --i) {
      std::string start = key(static_cast<int>(random_() % 14));
      if (random_() % 2) {
        reads.add_point(kIndex, start, true);
      } else {
        reads.add(kIndex, {start, key(static_cast<int>(random_() % 14))}, true);
      }
    }
    const int64_t after = now_ - static_cast<int64_t>(random_() % 100);
    const int64_t until = after + static_cast<int64_t>(random_() % 100);
    std::optional<Timestamp> oldest, newest;
    for (const auto& logged : commits_) {
      for (const auto& touched : logged->keys) {
        if (logged->ts.ns <= after || !reads.contains(kIndex, touched.key)) continue;
        if (!oldest && logged->ts.ns <= until) oldest = logged->ts;
        newest = logged->ts;
      }
    }
    auto recent = recent_.recent_hit(reads, Timestamp{after});
    EXPECT_EQ(recent.hit.has_value(), newest.has_value());
    if (recent.hit) {
      EXPECT_GT(recent.hit->commit->ts.ns, after);
      EXPECT_TRUE(reads.contains(kIndex, recent.hit->key->key));
    }
    auto first = recent_.oldest_hit(reads, Timestamp{after}, Timestamp{until});
    ASSERT_EQ(first.hit.has_value(), oldest.has_value());
    if (first.hit) {
      EXPECT_EQ(first.hit->commit->ts, *oldest);
    }
  }
}

TEST_F(RecentWritesTest, RollsBackWhatWasNeverPublished) {
  for (int i = 0; i < 45; ++i) commit();
  const int64_t published = now_;
  for (int i = 0; i < 70; ++i) commit();
  const size_t bytes = recent_.memory_bytes();
  recent_.rollback(Timestamp{published});
  EXPECT_LT(recent_.memory_bytes(), bytes);
  state_ = history_[published];
  history_.erase(history_.upper_bound(published), history_.end());
  for (int n = 0; n < 12; ++n) EXPECT_FALSE(recent_.recent_hit(kIndex, key(n), Timestamp{published}));
  // Older touches are still found behind what was taken out, and new ones come after.
  ReadSet all;
  all.add(kIndex, {"", std::nullopt}, true);
  EXPECT_TRUE(recent_.recent_hit(all, Timestamp{published - 1}).hit);
  commit();
  auto capture = recent_.capture(Timestamp{now_}, Timestamp{0});
  for (int n = 0; n < 12; ++n) {
    auto row = RecentWrites::find(capture, kIndex, key(n));
    EXPECT_EQ(row.value_or(at(now_, key(n))), at(now_, key(n)));
  }
}

TEST_F(RecentWritesTest, ForgetsOnlyWhatIsAppliedReleasedAndDue) {
  for (int i = 0; i < 100; ++i) commit();
  const size_t all = recent_.generation_count();
  ASSERT_GT(all, 3u);
  const int64_t now = now_ * 100'000'000;
  recent_.trim(Timestamp{0}, now, kForgetAll, always);
  EXPECT_EQ(recent_.generation_count(), all) << "not applied";
  recent_.trim(Timestamp{now_}, now, kForgetAll, [](Timestamp) { return false; });
  EXPECT_EQ(recent_.generation_count(), all) << "a snapshot needs it";
  recent_.trim(Timestamp{now_}, now, {INT64_MAX, INT64_MAX, SIZE_MAX}, always);
  EXPECT_EQ(recent_.generation_count(), all) << "neither old nor much";
  recent_.trim(Timestamp{now_ / 2}, now, kForgetAll, always);
  EXPECT_LT(recent_.generation_count(), all);
  EXPECT_GT(recent_.complete_after(), Timestamp{0});
  EXPECT_LE(recent_.complete_after(), Timestamp{now_ / 2});
  ReadSet reads;
  reads.add_point(kIndex, "a", true);
  EXPECT_EQ(recent_.recent_hit(reads, Timestamp{0}).coverage, RecentWrites::Coverage::kOutOfRetention);
  EXPECT_EQ(recent_.oldest_hit(reads, Timestamp{0}, Timestamp{1}).coverage,
            RecentWrites::Coverage::kOutOfRetention);
  recent_.trim(Timestamp{now_}, now, kForgetAll, always);
  EXPECT_EQ(recent_.generation_count(), 1u) << "the newest one may still grow";
}

}  // namespace
}  // namespace hull
