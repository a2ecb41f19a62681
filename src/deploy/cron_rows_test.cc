// What pushes make of the cron jobs, over a real engine.
#include "deploy/cron_rows.h"

#include "deploy/push_fixture.h"
#include "services/cron_tables.h"
#include "services/json_fields.h"

namespace hull {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 1'767'225'600 * kSecond;  // 2026-01-01 00:00

constexpr const char* kEverySecond = R"({"type":"interval","seconds":1})";
constexpr const char* kEveryMinute = R"({"type":"interval","minutes":1})";
constexpr const char* kEveryHour = R"({"type":"interval","hours":1})";
constexpr const char* kHourly = R"({"type":"hourly","minuteUTC":30})";

class CronRowsTest : public testing::PushTest {
 protected:
  struct Job {
    std::string name, schedule, function = "jobs:a", args = "[{}]";
  };
  // "added | updated | deleted"
  std::string push_crons(const std::vector<Job>& jobs, int64_t now_ns = kNow) {
    std::string json = "{";
    for (const Job& job : jobs)
      json += (json.size() > 1 ? "," : "") + json_string(job.name) +
              ":{\"name\":" + json_string(job.function) + ",\"args\":" + job.args +
              ",\"schedule\":" + job.schedule + "}";
    auto specs = parse_crons(json + "}");
    EXPECT_TRUE(specs.ok()) << specs.error().message;
    CronDiff diff;
    write([&](Transaction& tx) -> Result<void> {
      HULL_TRY(diff, write_crons(tx, *specs, now_ns, 0));
      return {};
    });
    std::string out;
    for (const auto* list : {&diff.added, &diff.updated, &diff.deleted}) {
      if (list != &diff.added) out += "| ";
      for (const auto& name : *list) out += name + " ";
    }
    return out;
  }
  DocumentPtr job(const std::string& name) {
    for (const auto& row : engine_->snapshot()->catalog()->system_rows("_cron_jobs"))
      if (json::text_or_empty(row->value, "name") == name) return row;
    return nullptr;
  }
  // Changes the next run of a job, as the runner would.
  void set_next(const std::string& name, const std::function<void(CronNextRun&)>& change) {
    write([&](Transaction& tx) -> Result<void> {
      HULL_TRY(DocumentPtr row, find_cron_next_run(tx, job(name)->id.text()));
      HULL_TRY(auto next, CronNextRun::from_row(row->value));
      change(next);
      return tx.system_replace(row->id, next.row());
    });
  }
  CronNextRun next(const std::string& name) {
    CronNextRun out;
    write([&](Transaction& tx) -> Result<void> {
      HULL_TRY(DocumentPtr row, find_cron_next_run(tx, job(name)->id.text()));
      HULL_TRY(out, CronNextRun::from_row(row->value));
      return {};
    });
    return out;
  }
  int64_t next_s(const std::string& name) { return (next(name).next_ts - kNow) / kSecond; }
  size_t rows(std::string_view table) {
    SnapshotPtr snapshot = engine_->snapshot();
    return snapshot
        ->scan(*snapshot->catalog()->table(table)->indexes.front(), Interval{"", std::nullopt}, Order::kAsc,
               100)
        ->size();
  }
  void log_run(const std::string& name, int64_t ts) {
    write([&](Transaction& tx) -> Result<void> {
      HULL_TRY(auto spec, CronSpec::from_row(job(name)->value));
      return add_cron_logs(tx, spec, {{ts, CronStatus::failure("x"), nullptr, 0}});
    });
  }
};

TEST_F(CronRowsTest, NewJobsGetTheirFirstRun) {
  EXPECT_EQ(push_crons({{"b", kEveryHour}, {"a", kHourly}}), "a b | | ");
  EXPECT_EQ(next_s("b"), 0);  // an interval starts at once
  EXPECT_EQ(next_s("a"), 1800);
  EXPECT_FALSE(next("b").previous_ts);
  EXPECT_EQ(next("b").cron_job, job("b")->id.text());
}

TEST_F(CronRowsTest, WhatIsUnchangedGoesOn) {
  push_crons({{"a", kEveryHour}});
  const DocumentPtr before = job("a");
  set_next("a", [](CronNextRun& run) { run.next_ts += 5 * kSecond; });
  EXPECT_EQ(push_crons({{"a", kEveryHour}}, kNow + kSecond), "| | ");
  EXPECT_EQ(job("a")->ts, before->ts);
  EXPECT_EQ(next_s("a"), 5);
}

TEST_F(CronRowsTest, AnotherFunctionOrArgumentsLeaveTheTimeAlone) {
  push_crons({{"a", kEveryHour}});
  set_next("a", [](CronNextRun& run) { run.next_ts += 1000 * kSecond; });
  EXPECT_EQ(push_crons({{"a", kEveryHour, "jobs:b"}}, kNow + kSecond), "| a | ");
  EXPECT_EQ(push_crons({{"a", kEveryHour, "jobs:b", R"([{"n":1}])"}}, kNow + kSecond), "| a | ");
  EXPECT_EQ(next_s("a"), 1000);
  EXPECT_EQ(CronSpec::from_row(job("a")->value)->udf_path, "jobs.js:b");
}

TEST_F(CronRowsTest, AnotherScheduleStartsFromNow) {
  push_crons({{"a", kEveryHour}, {"b", kHourly}});
  set_next("a", [](CronNextRun& run) {
    run.previous_ts = kNow;
    run.next_ts += 3600 * kSecond;
  });
  EXPECT_EQ(push_crons({{"a", kHourly}, {"b", kEveryHour}}, kNow + 60 * kSecond), "| a b | ");
  EXPECT_EQ(next_s("a"), 1800);
  EXPECT_EQ(next("a").previous_ts, kNow);
  EXPECT_EQ(next_s("b"), 60);
}

TEST_F(CronRowsTest, AHotJobKeepsItsPendingRun) {
  push_crons({{"a", kEverySecond}, {"b", kEveryMinute}});
  set_next("a", [](CronNextRun& run) { run.next_ts += 10 * kSecond; });
  // After next at 11 s, seen from -19 s: exactly 30 s.
  push_crons({{"a", kEveryHour}, {"b", kEveryMinute}}, kNow - 19 * kSecond);
  EXPECT_EQ(next_s("a"), 10);
  EXPECT_EQ(CronSpec::from_row(job("a")->value)->schedule->find("seconds")->as_int64(), 3600);
  // Every minute, the run after next at 60 s: 31 s away.
  push_crons({{"a", kEveryHour}, {"b", kEveryHour}}, kNow + 29 * kSecond);
  EXPECT_EQ(next_s("b"), 29);
}

TEST_F(CronRowsTest, AJobInProgressIsPendingAtItsNewTime) {
  push_crons({{"a", kEveryHour}});
  set_next("a", [](CronNextRun& run) { run.running = {"request", "execution"}; });
  push_crons({{"a", kHourly}}, kNow + kSecond);
  EXPECT_FALSE(next("a").running);
  EXPECT_EQ(next_s("a"), 1800);
}

TEST_F(CronRowsTest, RemovedJobsLeaveNothing) {
  push_crons({{"a", kEveryHour}, {"b", kEveryHour}});
  for (int i = 0; i < 3; ++i) log_run("a", kNow + i);
  log_run("b", kNow);
  EXPECT_EQ(push_crons({{"b", kEveryHour}, {"c", kEveryHour}}), "c | | a ");  // renamed
  EXPECT_EQ(rows("_cron_jobs"), 2u);
  EXPECT_EQ(rows("_cron_next_run"), 2u);
  EXPECT_EQ(rows("_cron_job_logs"), 1u);
  EXPECT_EQ(push_crons({}), "| | b c ");
  EXPECT_EQ(rows("_cron_jobs") + rows("_cron_next_run") + rows("_cron_job_logs"), 0u);
}

TEST_F(CronRowsTest, TheNewestLogsAreKept) {
  push_crons({{"a", kEveryHour}, {"ab", kEveryHour}});
  log_run("ab", kNow);
  for (int i = 0; i < 9; ++i) log_run("a", kNow + i);
  EXPECT_EQ(rows("_cron_job_logs"), kCronLogsKept + 1);
  write([&](Transaction& tx) -> Result<void> {
    HULL_TRY(DocumentPtr oldest, tx.system_find(kCronJobLogs, kCronLogIndex, {Value::string("a")}));
    EXPECT_EQ(oldest->value->find("ts")->as_int64(), kNow + 4);
    return {};
  });
}

}  // namespace
}  // namespace hull
