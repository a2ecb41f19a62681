#include "services/job_runner.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "functions/stopped_text.h"

namespace hull {
namespace {

TEST(JobBackoff, StaysBelowABoundThatDoubles) {
  int64_t most = 0;
  for (int64_t earlier = 0; earlier < 100; ++earlier) {
    const double bound_ms = earlier < 6 ? 500.0 * static_cast<double>(1 << earlier) : 15'000.0;
    for (int i = 0; i < 20; ++i) {
      const int64_t wait = job_backoff_ns(500, 15'000, earlier);
      EXPECT_GE(wait, 0);
      EXPECT_LT(static_cast<double>(wait), std::min(bound_ms, 15'000.0) * 1e6) << earlier;
      most = std::max(most, wait);
    }
  }
  EXPECT_GT(most, 10'000'000'000);
  EXPECT_GE(job_backoff_ns(1e300, 1e300, 2000), 0);
}

TEST(WasStopped, KnowsARefusalFromWhatAFunctionThrows) {
  auto failed = [](std::string text) {
    FunctionResult result;
    result.error = FunctionError{std::move(text), std::nullopt};
    return result;
  };
  const std::string text(kStoppedText);
  EXPECT_TRUE(was_stopped(failed(text + "\n")));
  EXPECT_FALSE(was_stopped(failed("Uncaught Error: " + text + "\n    at handler (x.ts:1:1)\n")));
  EXPECT_FALSE(was_stopped(FunctionResult{}));
}

}  // namespace
}  // namespace hull
