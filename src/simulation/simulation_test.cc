// The whole engine in a few thousand schedules with fixed seeds. A failure names the seed and how to repeat
// it.
#include "simulation/simulation.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace hull::simulation {
namespace {

class SimulationTest : public ::testing::TestWithParam<int> {
 protected:
  // The engine complains, and rightly so, about the faults.
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
};

constexpr int kSeedsPerTest = 250;

TEST_P(SimulationTest, HistoriesAreThoseOfTheSerialModel) {
  RunReport sum;
  for (int i = 0; i < kSeedsPerTest; ++i) {
    const uint64_t seed = static_cast<uint64_t>(GetParam()) * kSeedsPerTest + static_cast<uint64_t>(i) + 1;
    const RunReport report = run_simulation({.seed = seed});
    ASSERT_FALSE(report.failure) << "seed " << seed << ": " << *report.failure
                                 << "\nrepeat: scripts/simulate --seed " << seed;
    sum += report;
  }
  // The schedules must not become harmless unnoticed.
  EXPECT_GT(sum.history.commits, 40u * kSeedsPerTest);
  EXPECT_GT(sum.history.conflicts, 3u * kSeedsPerTest);
  EXPECT_GT(sum.history.observations, 400u * kSeedsPerTest);
  EXPECT_GT(sum.history.claims_valid, 400u * kSeedsPerTest);
  EXPECT_GT(sum.history.in_doubt_found, 0u);
  EXPECT_GT(sum.power_cuts, 1u * kSeedsPerTest);
  EXPECT_GT(sum.read_only_times, kSeedsPerTest / 3u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SimulationTest, ::testing::Range(0, 10));

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  spdlog::set_level(spdlog::level::off);
  for (uint64_t seed : {1, 2, 3, 4}) {
    std::string first_trace, second_trace;
    const RunReport first = run_simulation(
        {.seed = seed, .trace = [&](std::string_view line) { first_trace += std::string(line) + "\n"; }});
    const RunReport second = run_simulation(
        {.seed = seed, .trace = [&](std::string_view line) { second_trace += std::string(line) + "\n"; }});
    EXPECT_EQ(first.digest, second.digest);
    EXPECT_EQ(first_trace, second_trace);
    EXPECT_EQ(first.summary(), second.summary());
  }
  spdlog::set_level(spdlog::level::info);
}

}  // namespace
}  // namespace hull::simulation
