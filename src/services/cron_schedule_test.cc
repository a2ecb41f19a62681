#include "services/cron_schedule.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/random.h"
#include "services/cron_specs.h"

namespace hull {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMinute = 60 * kSecond, kHour = 60 * kMinute;
constexpr int64_t kNow = 1'767'225'600 * kSecond;  // 2026-01-01 00:00, a Thursday

CronSchedule schedule(const std::string& json, double splay_s = 0) {
  auto specs = parse_crons(R"({"x":{"name":"jobs:run","args":[{}],"schedule":)" + json + "}}");
  EXPECT_TRUE(specs.ok()) << specs.error().message;
  auto parsed = CronSchedule::parse(specs->front().schedule, splay_s);
  EXPECT_TRUE(parsed.ok()) << parsed.error().message;
  return *std::move(parsed);
}

TEST(CronScheduleTest, IntervalsAreAnchored) {
  const auto every = schedule(R"({"type":"interval","seconds":10})");
  EXPECT_EQ(every.first(kNow + 3), kNow + 3);
  // However late the run was.
  EXPECT_EQ(every.after(kNow, kNow + 1).ts, kNow + 10 * kSecond);
  EXPECT_EQ(every.after(kNow, kNow + 9 * kSecond).ts, kNow + 10 * kSecond);
  EXPECT_EQ(every.after(kNow, kNow + 10 * kSecond).ts, kNow + 10 * kSecond);
  EXPECT_EQ(every.after(kNow, kNow + 10 * kSecond).skipped, 0);
  // A clock that was set back changes nothing.
  EXPECT_EQ(every.after(kNow, kNow - kHour).ts, kNow + 10 * kSecond);
  EXPECT_EQ(schedule(R"({"type":"interval","minutes":2})").after(kNow, kNow).ts, kNow + 2 * kMinute);
  EXPECT_EQ(schedule(R"({"type":"interval","hours":2})").after(kNow, kNow).ts, kNow + 2 * kHour);
}

TEST(CronScheduleTest, IntervalsLeaveOutWhatIsOver) {
  const auto every = schedule(R"({"type":"interval","seconds":10})");
  struct Row {
    int64_t late_ns, skipped, next_s;
  };
  for (const Row& row : {Row{10 * kSecond + 1, 1, 20}, Row{19 * kSecond, 1, 20}, Row{20 * kSecond, 1, 20},
                         Row{20 * kSecond + 1, 2, 30}, Row{kHour, 359, 3600}, Row{kHour + 1, 360, 3610}}) {
    const auto next = every.after(kNow, kNow + row.late_ns);
    EXPECT_EQ(next.skipped, row.skipped) << row.late_ns;
    EXPECT_EQ(next.first_skipped_ts, kNow + 10 * kSecond) << row.late_ns;
    EXPECT_EQ(next.ts, kNow + row.next_s * kSecond) << row.late_ns;
  }
  // Beyond the end of time.
  const auto rarely = schedule(R"({"type":"interval","seconds":9000000000})");
  EXPECT_EQ(rarely.after(kNow, kNow).ts, INT64_MAX);
}

TEST(CronScheduleTest, ClockSchedulesAreCronExpressions) {
  auto first = [](const std::string& json) { return schedule(json).first(kNow) - kNow; };
  EXPECT_EQ(first(R"({"type":"hourly","minuteUTC":0})"), kHour);  // strictly after
  EXPECT_EQ(first(R"({"type":"hourly","minuteUTC":7})"), 7 * kMinute);
  EXPECT_EQ(first(R"({"type":"daily","hourUTC":3,"minuteUTC":7})"), 3 * kHour + 7 * kMinute);
  EXPECT_EQ(first(R"({"type":"weekly","dayOfWeek":"sunday","hourUTC":3,"minuteUTC":7})"),
            3 * 24 * kHour + 3 * kHour + 7 * kMinute);
  EXPECT_EQ(first(R"({"type":"monthly","day":31,"hourUTC":0,"minuteUTC":1})"), 30 * 24 * kHour + kMinute);
  EXPECT_EQ(first(R"({"type":"cron","cron":"*/5 * * * *"})"), 5 * kMinute);

  const auto monthly = schedule(R"({"type":"monthly","day":31,"hourUTC":0,"minuteUTC":1})");
  const int64_t january = kNow + 30 * 24 * kHour + kMinute;
  EXPECT_EQ(monthly.after(january, january).ts - january, 59 * 24 * kHour);  // not in February
}

TEST(CronScheduleTest, ClockSchedulesTakeTheNextTimeFromNow) {
  const auto hourly = schedule(R"({"type":"hourly","minuteUTC":30})");
  const int64_t due = kNow + 30 * kMinute;
  EXPECT_EQ(hourly.after(due, due + kSecond).ts, due + kHour);
  EXPECT_EQ(hourly.after(due, due + 5 * kHour).ts, due + 6 * kHour);
  EXPECT_EQ(hourly.after(due, due + 5 * kHour).skipped, 0);
  // The clock was set back over the run: that minute does not come again.
  EXPECT_EQ(hourly.after(due, due - 3 * kHour).ts, due + kHour);
}

TEST(CronScheduleTest, ASplayedJobKeepsItsDelay) {
  const auto hourly = schedule(R"({"type":"cron","cron":"30 * * * *"})", 60);
  ScopedRandomSeed seed(1);
  std::set<int64_t> delays;
  for (int job = 0; job < 500; ++job) {
    const int64_t first = hourly.first(kNow), delay = first - (kNow + 30 * kMinute);
    ASSERT_EQ(delay % kSecond, 0);
    delays.insert(delay / kSecond);
    int64_t run = first;
    for (int i = 0; i < 5; ++i) {
      const int64_t next = hourly.after(run, run + 20 * kSecond).ts;
      ASSERT_EQ(next, run + kHour);
      run = next;
    }
  }
  EXPECT_EQ(*delays.begin(), 0);
  EXPECT_EQ(*delays.rbegin(), 59);
  EXPECT_GT(delays.size(), 50u);
  // Started within the delay of the minute before: that minute's run is still to come.
  const auto every = schedule(R"({"type":"cron","cron":"* * * * *"})", 60);
  EXPECT_EQ(every.after(kNow + 45 * kSecond, kNow + kMinute + 10 * kSecond).ts,
            kNow + kMinute + 45 * kSecond);
}

TEST(CronScheduleTest, WithoutMinuteTheHourIsSpread) {
  ScopedRandomSeed seed(2);
  for (double splay : {0.0, 60.0}) {
    const auto daily = schedule(R"({"type":"daily","hourUTC":5})", splay);
    std::set<int64_t> minutes;
    for (int job = 0; job < 500; ++job) {
      const int64_t first = daily.first(kNow) - kNow;
      ASSERT_GE(first, 5 * kHour);
      ASSERT_LT(first, 6 * kHour);
      minutes.insert(first / kMinute);
      ASSERT_EQ(daily.after(kNow + first, kNow + first).ts, kNow + first + 24 * kHour);
    }
    EXPECT_GT(minutes.size(), 50u);
  }
}

TEST(CronScheduleTest, NoSplay) {
  EXPECT_EQ(schedule(R"({"type":"daily","hourUTC":5,"minuteUTC":1})", 0).first(kNow),
            kNow + 5 * kHour + kMinute);
  // Nor one that an earlier setting has left.
  EXPECT_EQ(schedule(R"({"type":"cron","cron":"* * * * *"})", 0).after(kNow + 45 * kSecond, kNow).ts,
            kNow + kMinute);
}

}  // namespace
}  // namespace hull
