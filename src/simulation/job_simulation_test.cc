// The scheduler in a few hundred schedules with fixed seeds. A failure names the seed and how to repeat it.
#include "simulation/job_simulation.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace hull::simulation {
namespace {

class JobSimulation : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
};

constexpr int kSeedsPerTest = 100;

TEST_P(JobSimulation, EveryJobEndsAsItShould) {
  JobRunReport sum;
  for (int i = 0; i < kSeedsPerTest; ++i) {
    const uint64_t seed = static_cast<uint64_t>(GetParam()) * kSeedsPerTest + static_cast<uint64_t>(i) + 1;
    const JobRunReport report = run_job_simulation(seed);
    ASSERT_FALSE(report.failure) << "seed " << seed << ": " << *report.failure
                                 << "\nrepeat: scripts/simulate --jobs --seed " << seed;
    sum += report;
  }
  // The schedules must not become harmless unnoticed.
  EXPECT_GT(sum.mutations_done, 10u * kSeedsPerTest);
  EXPECT_GT(sum.actions_done, 4u * kSeedsPerTest);
  EXPECT_GT(sum.canceled, 2u * kSeedsPerTest);
  EXPECT_GT(sum.crashes, 1u * kSeedsPerTest);
  EXPECT_GT(sum.interrupted, 0u);
  EXPECT_GT(sum.retries, 0u);
  EXPECT_GT(sum.pauses, kSeedsPerTest / 2u);
  EXPECT_GT(sum.jumps, kSeedsPerTest / 2u);
  EXPECT_GT(sum.drains, kSeedsPerTest / 10u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, JobSimulation, ::testing::Range(0, 4));

TEST(JobSimulation, TheSameSeedGivesTheSameRun) {
  spdlog::set_level(spdlog::level::off);
  for (uint64_t seed : {1, 2, 3})
    EXPECT_EQ(run_job_simulation(seed).digest, run_job_simulation(seed).digest) << seed;
  spdlog::set_level(spdlog::level::info);
}

}  // namespace
}  // namespace hull::simulation
