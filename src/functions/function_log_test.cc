#include "functions/function_log.h"

#include <gmock/gmock.h>

#include "base/digest.h"
#include "functions/code.h"

namespace hull {
namespace {

FunctionLogEntry entry(std::string name) {
  FunctionLogEntry e;
  e.identifier = std::move(name);
  LogLine line;
  line.level = "LOG";
  line.messages = {"'hi'", "3"};
  line.timestamp_ms = 1730000000000.5;
  e.log_lines.push_back(line);
  return e;
}

TEST(FunctionLogTest, CursorsIncreaseAndReadsStartAfterThem) {
  auto log = FunctionLog::create(100);
  for (int i = 0; i < 50; ++i) log->append(entry("f" + std::to_string(i)));
  auto all = log->read(0);
  ASSERT_EQ(all.entries.size(), 50u);
  for (size_t i = 1; i < all.entries.size(); ++i)
    EXPECT_GT(all.entries[i]->cursor, all.entries[i - 1]->cursor);
  EXPECT_EQ(log->read(all.entries[48]->cursor).entries.size(), 1u);
  EXPECT_TRUE(log->read(all.new_cursor).entries.empty());
  EXPECT_EQ(log->read(all.new_cursor).new_cursor, all.new_cursor);
}

TEST(FunctionLogTest, KeepsTheNewest) {
  auto log = FunctionLog::create(10);
  for (int i = 0; i < 30; ++i) log->append(entry("f" + std::to_string(i)));
  auto all = log->read(0);
  ASSERT_EQ(all.entries.size(), 10u);
  EXPECT_EQ(all.entries[0]->identifier, "f20");
}

TEST(FunctionLogTest, WakesWaitersOnceUnlessTheyLeft) {
  auto log = FunctionLog::create(10);
  int woken = 0, left = 0;
  auto stays = log->wait(0, [&] { ++woken; });
  log->wait(0, [&] { ++left; });  // the handle is gone at once
  log->append(entry("a"));
  log->append(entry("b"));
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(left, 0);
  auto late = log->wait(0, [&] { ++woken; });
  EXPECT_EQ(woken, 2);
}

TEST(FunctionLogTest, Json) {
  FunctionLogEntry e = entry("messages:list");
  e.error = "Uncaught Error: x\n";
  std::string structured, plain;
  e.append_json(structured, true);
  e.append_json(plain, false);
  EXPECT_THAT(
      structured,
      ::testing::HasSubstr(R"("logLines":[{"messages":["'hi'","3"],"level":"LOG","timestamp":1730000000000,)"
                           R"("isTruncated":false,"systemMetadata":null}])"));
  EXPECT_THAT(structured, ::testing::HasSubstr(R"("error":"Uncaught Error: x\n")"));
  EXPECT_THAT(plain, ::testing::HasSubstr(R"("logLines":["[LOG] 'hi' 3"])"));
}

TEST(CallTest, ClientTexts) {
  FunctionError error{"Uncaught Error: x\n    at f\n", std::nullopt};
  EXPECT_EQ(error.client_text("ab", false), "[Request ID: ab] Server Error\nUncaught Error: x\n    at f\n");
  EXPECT_EQ(error.client_text("ab", true), "[Request ID: ab] Server Error");
}

TEST(CodeTest, KeyFollowsContent) {
  Code::Parts parts;
  parts.modules["a.js"] = {"a.js", "hash", "isolate", "package", {}};
  parts.env["X"] = "1";
  auto one = Code::make(parts);
  parts.modules["a.js"].package_key = "another package with the same source";
  EXPECT_EQ(Code::make(parts)->key(), one->key());
  parts.env["X"] = "2";
  EXPECT_NE(Code::make(parts)->key(), one->key());
}

}  // namespace
}  // namespace hull
