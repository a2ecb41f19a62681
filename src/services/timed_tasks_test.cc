#include "services/timed_tasks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <vector>

namespace hull {
namespace {

constexpr int64_t kMs = 1'000'000;

TEST(TimedTasks, RunsTasksInTheOrderOfTheirTimes) {
  TimedTasks tasks(Env::real(), "test");
  const int64_t now = Env::real().monotonic_nanos();
  std::promise<void> last;
  std::vector<int> order;
  tasks.inbox()->at(now + 60 * kMs, [&] { last.set_value(); });
  tasks.inbox()->at(now + 50 * kMs, [&] { order.push_back(2); });
  tasks.inbox()->post([&] { order.push_back(1); });
  ASSERT_EQ(last.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_GE(Env::real().monotonic_nanos(), now + 60 * kMs);
}

TEST(TimedTasks, PostedTasksKeepNoTimedOneWaiting) {
  std::atomic<bool> ran{false};
  std::promise<void> timed;
  std::function<void()> again;
  TimedTasks tasks(Env::real(), "test");
  again = [&] {
    if (!ran) tasks.inbox()->post(again);
  };
  tasks.inbox()->at(Env::real().monotonic_nanos() + 20 * kMs, [&] {
    ran = true;
    timed.set_value();
  });
  tasks.inbox()->post(again);
  EXPECT_EQ(timed.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  ran = true;
}

TEST(TimedTasks, NothingRunsAfterItsEnd) {
  std::atomic<bool> ran{false};
  auto tasks = std::make_unique<TimedTasks>(Env::real(), "test");
  auto inbox = tasks->inbox();
  inbox->at(Env::real().monotonic_nanos() + 3600'000 * kMs, [&] { ran = true; });
  tasks.reset();
  inbox->post([&] { ran = true; });
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace hull
