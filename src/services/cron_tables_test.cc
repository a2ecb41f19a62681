#include "services/cron_tables.h"

#include <gtest/gtest.h>

#include "value/json.h"

namespace hull {
namespace {

TEST(CronTablesTest, ResultsAreCutAt1000Bytes) {
  auto result = [](const std::string& text) {
    return to_json(*CronStatus::success(Value::string(text))->find("result"));
  };
  const std::string whole(998, 'x');  // with its quotes 1000
  EXPECT_EQ(result(whole), "{\"type\":\"default\",\"value\":" + json_string("\"" + whole + "\"") + "}");
  EXPECT_EQ(result(whole + "x"),
            "{\"truncated_log\":" + json_string("\"" + whole + "x") + ",\"type\":\"truncated\"}");
  // Not within a character.
  std::string wide(1, 'x');
  for (int i = 0; i < 500; ++i) wide += "\u00e9";
  const Value status = CronStatus::success(Value::string(wide));
  auto cut = status->find_path({"result", "truncated_log"});
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->as_string(), "\"" + wide.substr(0, 999));
  const Value status_within = CronStatus::success(Value::string("x" + wide));
  auto cut_within = status_within->find_path({"result", "truncated_log"});
  EXPECT_EQ(cut_within->as_string().size(), 999u);
}

TEST(CronTablesTest, NextRunsComeBackFromTheirRows) {
  CronNextRun run;
  run.cron_job = "job";
  run.next_ts = 5;
  EXPECT_EQ(
      to_json(run.row()),
      R"({"cronJobId":"job","nextTs":{"$integer":"BQAAAAAAAAA="},"prevTs":null,"state":{"type":"pending"}})");
  run.previous_ts = 4;
  run.running = {"r", "e"};
  auto again = CronNextRun::from_row(run.row());
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(equal(again->row(), run.row()));
  EXPECT_EQ(again->running->execution_id, "e");
  EXPECT_FALSE(CronNextRun::from_row(Value()).ok());
}

}  // namespace
}  // namespace hull
