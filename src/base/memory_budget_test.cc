#include "base/memory_budget.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/random.h"

namespace hull {
namespace {

class MemoryBudgetTest : public ::testing::Test {
 protected:
  ~MemoryBudgetTest() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text << "\n";
  }
  const std::string root_ = std::filesystem::temp_directory_path() / ("hull-budget-" + random_hex(8));
};

TEST_F(MemoryBudgetTest, FollowsTheSmallestLimitOfTheGroup) {
  write("/proc/self/cgroup", "0::/system.slice/hull.service");
  write("/sys/fs/cgroup/system.slice/memory.max", "300000000");
  write("/sys/fs/cgroup/system.slice/hull.service/memory.max", "max");
  EXPECT_EQ(available_memory(root_), 300000000u);
  write("/sys/fs/cgroup/system.slice/hull.service/memory.max", "200000000");
  EXPECT_EQ(available_memory(root_), 200000000u);
}

TEST_F(MemoryBudgetTest, ContainersAndVersionOne) {
  write("/proc/self/cgroup", "0::/somewhere/outside");
  write("/sys/fs/cgroup/memory.max", "134217728");
  EXPECT_EQ(available_memory(root_), 134217728u);
  write("/proc/self/cgroup", "4:cpu,memory:/docker/x\n3:pids:/docker/x");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "100000000");
  EXPECT_EQ(available_memory(root_), 100000000u);
}

TEST_F(MemoryBudgetTest, WithoutLimitsTheMachineCounts) {
  EXPECT_GT(available_memory(root_), size_t{64} << 20);
}

TEST(MemoryBudget, SharesAddUp) {
  for (size_t available : {size_t{1} << 20, size_t{1} << 30, size_t{1} << 40}) {
    MemoryBudget budget = MemoryBudget::for_available(available);
    EXPECT_GE(budget.total, size_t{64} << 20);
    EXPECT_LE(budget.total, size_t{400} << 20);
    EXPECT_EQ(budget.query_cache + budget.recent_writes + budget.unapplied + budget.page_cache, budget.total);
  }
}

}  // namespace
}  // namespace hull
