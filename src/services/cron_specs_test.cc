#include "services/cron_specs.h"

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

std::string whole_failure(std::string_view json) {
  auto result = parse_crons(json);
  if (result.ok()) return "";
  EXPECT_EQ(result.error().code, "InvalidCron");
  return result.error().message;
}

TEST(CronSpecsTest, RefusesWhatCannotBeAJob) {
  auto job = [](std::string_view identifier, std::string_view args) {
    return "{\"" + std::string(identifier) + R"(":{"name":"jobs:clean","args":)" + std::string(args) +
           R"(,"schedule":{"type":"hourly"}}})";
  };
  EXPECT_EQ(whole_failure(job("", "[{}]")), "");  // an empty identifier is one
  EXPECT_EQ(whole_failure(job(" ~", "[{}]")), "");
  for (const char* identifier : {"\\u0000", "a\\n", "\\u007f", "\u00e9"})
    EXPECT_TRUE(
        whole_failure(job(identifier, "[{}]")).starts_with("Cron identifiers must be printable ASCII"))
        << identifier;
  EXPECT_EQ(whole_failure(job("big", "[{\"a\":\"" + std::string((1 << 20) - 10, 'x') + "\"}]")),
            "Cron job args too large (1 MiB)");
  EXPECT_EQ(whole_failure(job("big", "[{\"a\":\"" + std::string((1 << 20) - 11, 'x') + "\"}]")), "");
  EXPECT_NE(whole_failure(job("x", "5")), "");
  EXPECT_EQ(failure(R"({"type":"weekly","dayOfWeek":"Monday","hourUTC":1})"),
            "dayOfWeek must be a day of the week in clean");
  EXPECT_EQ(failure(R"({"type":"daily"})"), "hourUTC must be 0-23 in clean");
  EXPECT_EQ(failure(R"({"type":"monthly","day":31.5,"hourUTC":1})"), "day of month must be 1-31 in clean");
  EXPECT_EQ(failure(R"({"type":"interval","seconds":-1})"), "Interval must be an integer greater than 0");
  EXPECT_EQ(failure(R"({"type":"interval","hours":9007199254740992})"),
            "Interval must be an integer greater than 0");
  EXPECT_EQ(failure(R"({"type":"cron","cron":"0 0 31 2 *"})"),
            "The cron spec \"0 0 31 2 *\" will never match any time");
}

TEST(CronSpecsTest, ComesBackFromItsRow) {
  auto specs = parse_crons(schedule(R"({"type":"monthly","day":31,"hourUTC":7,"minuteUTC":5})"));
  ASSERT_TRUE(specs.ok());
  auto again = CronSpec::from_row(specs->front().row());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->identifier, "clean");
  EXPECT_TRUE(equal(again->row(), specs->front().row()));
  EXPECT_FALSE(CronSpec::from_row(*parse_plain_json(R"({"name":"x"})")).ok());
}

}  // namespace
}  // namespace hull
