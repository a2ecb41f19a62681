// Cron jobs in some hundred schedules with fixed seeds. A failure names the seed.
#include "simulation/cron_simulation.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace hull::simulation {
namespace {

class CronSimulationTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
};

constexpr int kSeedsPerTest = 50;

TEST_P(CronSimulationTest, EveryRunIsConcludedOnce) {
  CronReport sum;
  for (int i = 0; i < kSeedsPerTest; ++i) {
    const uint64_t seed = static_cast<uint64_t>(GetParam() * kSeedsPerTest + i + 1);
    const CronReport report = run_cron_simulation(seed);
    ASSERT_FALSE(report.failure) << "seed " << seed << ": " << *report.failure
                                 << "\nrepeat: scripts/simulate --crons --seed " << seed;
    sum += report;
  }
  // The schedules must not become harmless unnoticed.
  const CronCounts& counts = sum.counts;
  EXPECT_GT(counts.mutations, 20u * kSeedsPerTest);
  EXPECT_GT(counts.actions, 20u * kSeedsPerTest);
  EXPECT_GT(counts.failures, 2u * kSeedsPerTest);
  EXPECT_GT(counts.lost_actions, 0u);
  EXPECT_GT(counts.skipped, 5u * kSeedsPerTest);
  EXPECT_GT(counts.pushes, 5u * kSeedsPerTest);
  EXPECT_GT(sum.pauses, 1u * kSeedsPerTest);
  EXPECT_GT(sum.jumps, 1u * kSeedsPerTest);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CronSimulationTest, ::testing::Range(0, 4));

TEST(CronSimulation, TheSameSeedGivesTheSameRun) {
  spdlog::set_level(spdlog::level::off);
  for (uint64_t seed : {1, 2, 3})
    EXPECT_EQ(run_cron_simulation(seed).digest, run_cron_simulation(seed).digest);
  spdlog::set_level(spdlog::level::info);
}

}  // namespace
}  // namespace hull::simulation
