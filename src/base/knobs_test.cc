#include "base/knobs.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "base/log.h"
#include "base/result.h"

namespace hull {
namespace {

TEST(Knobs, ReadsTheEnvironmentAndKeepsDefaultsForNonsense) {
  setenv("TRANSACTION_MAX_READ_SIZE_ROWS", "12", 1);
  setenv("V8_ACTION_USER_TIMEOUT_SECS", "2.5", 1);
  setenv("MAX_PUSH_BYTES", "many", 1);
  setenv("UDF_CACHE_MAX_SIZE", "-1", 1);
  setenv("HTTP_SERVER_TIMEOUT_SECONDS", "nan", 1);
  Knobs knobs = Knobs::from_environment();
  EXPECT_EQ(knobs.max_documents_read, 12u);
  EXPECT_EQ(knobs.action_user_timeout_s, 2.5);
  EXPECT_EQ(knobs.max_push_bytes, Knobs().max_push_bytes);
  EXPECT_EQ(knobs.query_cache_bytes, Knobs().query_cache_bytes);
  EXPECT_EQ(knobs.http_timeout_s, Knobs().http_timeout_s);
  EXPECT_EQ(knobs.max_bytes_read, Knobs().max_bytes_read);
}

TEST(Log, OneJsonObjectPerLine) {
  setenv("LOG_FORMAT", "json", 1);
  setenv("RUST_LOG", "sqlite=trace,warn", 1);
  testing::internal::CaptureStdout();
  init_logging();
  spdlog::info("hidden");
  spdlog::warn("say \"hi\"\nnext={}", 1);
  std::string out = testing::internal::GetCapturedStdout();
  EXPECT_EQ(out.find("hidden"), std::string::npos);
  EXPECT_NE(out.find(R"("level":"WARN","target":"hull","fields":{"message":"say \"hi\"\u000anext=1"}})"),
            std::string::npos)
      << out;
}

TEST(Error, HidesInternalDetail) {
  Error error = Error::internal("disk /dev/x is gone");
  EXPECT_EQ(error.public_code(), "InternalServerError");
  EXPECT_EQ(error.public_message(), kInternalServerErrorText);
  EXPECT_EQ(http_status(error.kind), 500);
  EXPECT_TRUE(Error::bad_request("A", "b").is_deterministic());
  EXPECT_FALSE(Error::overloaded("A", "b").is_deterministic());
}

Result<int> half(int n) {
  if (n % 2 != 0) return Error::bad_request("Odd", "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  HULL_TRY(int once, half(n));
  HULL_CHECK_OK(half(once));
  return half(once);
}

TEST(Result, PropagatesTheFirstError) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().code, "Odd");
  EXPECT_EQ(quarter(5).error().code, "Odd");
}

}  // namespace
}  // namespace hull
