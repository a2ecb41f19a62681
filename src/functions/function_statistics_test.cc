#include "functions/function_statistics.h"

#include <gtest/gtest.h>

#include <numeric>

namespace hull {
namespace {

using Statistics = FunctionStatistics;

struct FunctionStatisticsTest : ::testing::Test {
  FunctionLogEntry entry(const std::string& name, UdfType type = UdfType::kQuery, double seconds = 0.01) {
    FunctionLogEntry e;
    e.identifier = name;
    e.udf_type = type;
    e.execution_time_s = seconds;
    e.user_execution_time_s = 0.001;
    return e;
  }
  // The `minutes` up to now, one bucket each.
  Statistics::Window last(size_t minutes) const {
    const double now_s = now_ms / 1000 + 1;
    return {now_s - 60.0 * static_cast<double>(minutes), now_s, minutes};
  }
  static double sum(const Statistics::Series& series) {
    return std::accumulate(series.begin(), series.end(), 0.0,
                           [](double total, const auto& value) { return total + value.value_or(0); });
  }

  double now_ms = 1'700'000'000'000;
  Statistics statistics{[this] { return now_ms; }};
  const Statistics::Function list{UdfType::kQuery, "messages:list"};
};

TEST_F(FunctionStatisticsTest, CountsPerMinuteAndKnowsWhatItDoesNotKnow) {
  statistics.record(entry("messages:list"));
  now_ms += 60'000;
  auto hit = entry("messages:list");
  hit.cached_result = true;
  statistics.record(hit);
  auto failed = entry("messages:list");
  failed.error = "Uncaught Error\n";
  statistics.record(failed);
  auto rate = statistics.rate(list, Statistics::Rate::kInvocations, last(4));
  EXPECT_EQ(rate[0], std::nullopt);  // before the first call
  EXPECT_EQ(sum(rate), 3);
  EXPECT_EQ(sum(statistics.rate(list, Statistics::Rate::kErrors, last(4))), 1);
  EXPECT_EQ(sum(statistics.rate(list, Statistics::Rate::kCacheMisses, last(4))), 2);
  EXPECT_EQ(
      sum(statistics.rate({UdfType::kMutation, "messages:list"}, Statistics::Rate::kInvocations, last(4))),
      0);
  auto hits = statistics.cache_hit_percentage(list, last(1));
  ASSERT_TRUE(hits[0]);
  EXPECT_NEAR(*hits[0], 100.0 / 3, 0.01);
}

TEST_F(FunctionStatisticsTest, PercentilesAreCloseToTheTruth) {
  for (int i = 1; i <= 100; ++i) statistics.record(entry("messages:list", UdfType::kQuery, i / 100.0));
  auto series = statistics.latency_percentiles(list, {50, 99}, last(1));
  EXPECT_NEAR(*series[0][0], 0.5, 0.1);
  EXPECT_NEAR(*series[1][0], 0.99, 0.3);  // buckets are half as wide as their bound
  EXPECT_EQ(statistics.latency_percentiles({UdfType::kQuery, "no:such"}, {50}, last(1))[0][0], std::nullopt);
}

TEST_F(FunctionStatisticsTest, RankingsHaveARest) {
  for (int i = 0; i < 5; ++i) {
    for (int calls = 0; calls <= i; ++calls) {
      auto e = entry("m:f" + std::to_string(i));
      if (i == 1) e.error = "Uncaught Error\n";
      statistics.record(e);
    }
  }
  auto calls = statistics.top(Statistics::Ranking::kCalls, 2, last(1));
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[0].first, "m.js:f4");
  EXPECT_EQ(*calls[0].second[0], 5);
  EXPECT_EQ(calls[2].first, "_rest");
  EXPECT_EQ(*calls[2].second[0], 1 + 2 + 3);
  auto failures = statistics.top(Statistics::Ranking::kFailurePercentage, 1, last(1));
  EXPECT_EQ(failures[0].first, "m.js:f1");
  EXPECT_EQ(*failures[0].second[0], 100);
  EXPECT_EQ(*failures[1].second[0], 0);
}

TEST_F(FunctionStatisticsTest, ADayAndABoundedNumberOfFunctions) {
  statistics.record(entry("messages:list"));
  now_ms += 24 * 60 * 60'000.0;
  statistics.record(entry("messages:other"));
  EXPECT_EQ(sum(statistics.rate(list, Statistics::Rate::kInvocations, last(24 * 60 + 5))), 0);
  for (size_t i = 0; i < Statistics::kMaxFunctions + 100; ++i)
    statistics.record(entry("m:f" + std::to_string(i)));
  EXPECT_EQ(statistics.top(Statistics::Ranking::kCalls, 10'000, last(1)).size(),
            Statistics::kMaxFunctions);  // one name is that of messages:list
  // What a client makes up does not take anybody's place.
  auto unknown = entry("made:up");
  unknown.user_execution_time_s = 0;
  unknown.error = "Could not find public function for 'made:up'.\n";
  Statistics fresh{[this] { return now_ms; }};
  fresh.record(unknown);
  EXPECT_EQ(fresh.top(Statistics::Ranking::kCalls, 5, last(1))[0].first, "_other");
}

TEST_F(FunctionStatisticsTest, TheOldestMinutesMakeRoom) {
  const size_t functions = 400;
  size_t minutes = 0;
  for (; minutes * functions < Statistics::kMaxCells + 20'000; ++minutes) {
    for (size_t i = 0; i < functions; ++i) statistics.record(entry("m:f" + std::to_string(i)));
    now_ms += 60'000;
  }
  const double kept =
      sum(statistics.rate({UdfType::kQuery, "m:f0"}, Statistics::Rate::kInvocations, last(1440)));
  EXPECT_LT(kept, static_cast<double>(minutes));
  EXPECT_NEAR(kept, static_cast<double>(Statistics::kMaxCells) / functions, 2);
}

TEST_F(FunctionStatisticsTest, TablesAndInvalidations) {
  auto e = entry("messages:send", UdfType::kMutation);
  e.tables = {{"messages", 3, 1}, {"users", 1, 0}};
  statistics.record(e);
  statistics.record_invalidations("messages:send", "messages", 7);
  statistics.record_invalidations("messages:edit", "messages", 2);
  EXPECT_EQ(sum(statistics.table_rate("messages", Statistics::TableRate::kRowsRead, last(1))), 3);
  EXPECT_EQ(sum(statistics.table_rate("messages", Statistics::TableRate::kRowsWritten, last(1))), 1);
  EXPECT_EQ(sum(statistics.table_rate("nothing", Statistics::TableRate::kRowsRead, last(1))), 0);
  auto pairs = statistics.top_invalidations(1, std::nullopt, last(1));
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].first, "messages:send:messages");
  EXPECT_EQ(*pairs[0].second[0], 7);
  auto of_one =
      statistics.top_invalidations(5, Statistics::Function{UdfType::kMutation, "messages:edit"}, last(1));
  ASSERT_EQ(of_one.size(), 1u);
  EXPECT_EQ(of_one[0].first, "messages");
}

TEST(OutstandingCallsTest, TicketsMoveFromWaitingToRunning) {
  using Runtime = OutstandingCalls::Runtime;
  OutstandingCalls calls;
  const auto query = [&calls] { return calls.now()[0][static_cast<size_t>(UdfType::kQuery)]; };
  {
    CallTicket first(calls, Runtime::kIsolate, UdfType::kQuery),
        second(calls, Runtime::kIsolate, UdfType::kQuery);
    EXPECT_EQ(query().queued, 2);
    first.start();
    EXPECT_EQ(query().queued, 1);
    EXPECT_EQ(query().running, 1);
  }
  EXPECT_EQ(query().queued + query().running, 0);
  EXPECT_EQ(calls.take_peaks()[0][0].queued, 2);
  EXPECT_EQ(calls.take_peaks()[0][0].queued, 0);
}

}  // namespace
}  // namespace hull
