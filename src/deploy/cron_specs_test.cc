#include "deploy/cron_specs.h"

#include <gtest/gtest.h>

#include "value/json.h"

namespace hull {
namespace {

std::string schedule(std::string_view fields) {
  return R"({"clean":{"name":"jobs:clean","args":[{}],"schedule":)" + std::string(fields) + "}}";
}
std::string failure(std::string_view fields) {
  auto result = parse_crons(schedule(fields));
  if (result.ok()) return "";
  EXPECT_EQ(result.error().code, "InvalidCron");
  return result.error().message;
}
std::string expression(std::string_view text) {
  auto result = check_cron_expression(text);
  return result.ok() ? "" : result.error().message;
}

TEST(CronSpecsTest, KeepsWhatWasDeclared) {
  auto specs = parse_crons(R"({"b":{"name":"jobs:clean","args":[{"n":{"$integer":"AQAAAAAAAAA="}}],)"
                           R"("schedule":{"type":"weekly","dayOfWeek":"monday","hourUTC":7}}})");
  ASSERT_TRUE(specs.ok()) << specs.error().message;
  const CronSpec& spec = specs->front();
  EXPECT_EQ(spec.udf_path, "jobs.js:clean");
  EXPECT_EQ(spec.args_json, R"([{"n":{"$integer":"AQAAAAAAAAA="}}])");
  std::string json = spec.json();
  EXPECT_NE(json.find(R"("cronSchedule":{"dayOfWeek":1,"hourUTC":7,"minuteUTC":null,"type":"weekly"})"),
            std::string::npos)
      << json;
  auto again = CronSpec::from_analysis(*parse_plain_json(json));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(equal(again->row(), spec.row()));
  EXPECT_TRUE(spec.row()->find("cronSpec")->find("udfArgs")->is_bytes());
  EXPECT_EQ(spec.row()->find("cronSpec")->find("cronSchedule")->find("hourUTC")->as_int64(), 7);
}

TEST(CronSpecsTest, Schedules) {
  EXPECT_EQ(failure(R"({"type":"interval","minutes":5})"), "");
  EXPECT_EQ(failure(R"({"type":"interval"})"),
            "Exactly one of (seconds, minutes, hours) should be specified");
  EXPECT_EQ(failure(R"({"type":"interval","hours":1,"seconds":1})"),
            "Exactly one of (seconds, minutes, hours) should be specified");
  EXPECT_EQ(failure(R"({"type":"interval","seconds":0.5})"), "Interval must be an integer greater than 0");
  EXPECT_EQ(failure(R"({"type":"hourly","minuteUTC":60})"), "minuteUTC must be 0-59 in clean");
  EXPECT_EQ(failure(R"({"type":"hourly"})"), "");
  EXPECT_EQ(failure(R"({"type":"daily","hourUTC":24})"), "hourUTC must be 0-23 in clean");
  EXPECT_EQ(failure(R"({"type":"monthly","day":0,"hourUTC":1})"), "day of month must be 1-31 in clean");
  EXPECT_EQ(failure(R"({"type":"cron","cron":"* * * *"})"), "Failed to parse cron expression");
  EXPECT_EQ(parse_crons("x").error().message, "Invalid JSON");
  EXPECT_EQ(parse_crons(R"({"é":{}})").error().code, "InvalidCron");
}

TEST(CronSpecsTest, Expressions) {
  for (const char* good :
       {"* * * * *", "*/5 0-23/2 1,15 JAN-mar MON", "0 22-2 * * FRI-MON", "0 0 L * *", "0 0 L-3W * *",
        "0 0 15W * *", "0 0 * * 5L", "0 0 * * 2#3", "0\t0  29 2 *", "0 0 31 2 MON", "0 0 31 1,2 *"})
    EXPECT_EQ(expression(good), "") << good;
  for (const char* bad :
       {"", "* * * *", "* * * * * *", " * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
        "* * * * 7", "*/60 * * * *", "*,5 * * * *", "@daily", "0 0 l * *", "0 0 * * 2#6"})
    EXPECT_EQ(expression(bad), "Failed to parse cron expression") << bad;
  EXPECT_EQ(expression("0 0 31 2 *"), "The cron spec \"0 0 31 2 *\" will never match any time");
  EXPECT_EQ(expression("0 0 31 4,6 *"), "The cron spec \"0 0 31 4,6 *\" will never match any time");
}

}  // namespace
}  // namespace hull
