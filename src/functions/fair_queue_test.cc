#include "functions/fair_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace hull {
namespace {

PoolJob job(const std::string& function, int64_t mark = 0, const std::string& caller = "") {
  PoolJob made;
  made.function = function;
  made.caller = caller;
  made.queued_ns = mark;
  return made;
}

bool any(const PoolJob&) { return true; }

std::string order(FairQueue& queue) {
  std::string names;
  while (auto next = queue.pop(any)) names += next->function;
  return names;
}

TEST(FairQueue, CallsOfOneFunctionKeepTheirOrder) {
  FairQueue queue;
  for (int64_t i = 0; i < 5; ++i) queue.push(job("a", i));
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(queue.pop(any)->queued_ns, i);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.pop(any));
}

TEST(FairQueue, AFloodOfOneFunctionDoesNotDelayAnother) {
  FairQueue queue;
  for (int i = 0; i < 100; ++i) queue.push(job("f"));
  queue.push(job("a"));
  queue.push(job("b"));
  EXPECT_EQ(order(queue).substr(0, 4).find_first_of("ab"), 1u);
  for (int i = 0; i < 10; ++i) queue.push(job("f"));
  queue.push(job("a"));
  EXPECT_NE(order(queue).substr(0, 2).find('a'), std::string::npos);
}

TEST(FairQueue, CallersOfAFunctionTakeTurns) {
  FairQueue queue;
  for (int64_t i = 0; i < 100; ++i) queue.push(job("f", i, "heavy"));
  queue.push(job("f", 1000, "a"));
  queue.push(job("f", 1001, "a"));
  queue.push(job("f", 2000, "b"));
  std::vector<int64_t> marks;
  for (int i = 0; i < 6; ++i) marks.push_back(queue.pop(any)->queued_ns);
  EXPECT_EQ(marks, (std::vector<int64_t>{0, 1000, 2000, 1, 1001, 2}));
  // Who comes back takes his place behind those who wait.
  queue.push(job("f", 3000, "b"));
  EXPECT_EQ(queue.pop(any)->queued_ns, 3);
  EXPECT_EQ(queue.pop(any)->queued_ns, 3000);
  EXPECT_EQ(queue.size(), 96u);
}

TEST(FairQueue, ACallerWithManyFunctionsHasOneTurnInEach) {
  FairQueue queue;
  for (int i = 0; i < 100; ++i) {
    for (int f = 0; f < 10; ++f) queue.push(job("f" + std::to_string(f), i, "heavy"));
  }
  queue.push(job("f5", 7777, "light"));
  int before = 0;
  while (queue.pop(any)->queued_ns != 7777) ++before;
  EXPECT_LE(before, 20);
}

TEST(FairQueue, WhoUsesMoreTimeIsServedLessOften) {
  FairQueue queue;
  for (int i = 0; i < 30; ++i) {
    queue.push(job("slow"));
    queue.push(job("fast"));
  }
  std::string served;
  for (int i = 0; i < 22; ++i) {
    auto next = queue.pop(any);
    ASSERT_TRUE(next);
    served += next->function[0];
    queue.charge(next->function, next->function == "slow" ? 1.0 : 0.1);
  }
  // Ten calls of the one for each of the other.
  EXPECT_LE(std::count(served.begin(), served.end(), 's'), 3);
}

TEST(FairQueue, NobodyStarves) {
  FairQueue queue;
  queue.push(job("slow"));
  queue.charge(queue.pop(any)->function, 1.0);
  queue.push(job("slow"));
  int before = 0;
  while (true) {
    queue.push(job("fast"));
    auto next = queue.pop(any);
    queue.charge(next->function, 0.01);
    if (next->function == "slow") break;
    ASSERT_LT(++before, 200);
  }
  EXPECT_GT(before, 50);  // a second's worth of the others came first
}

TEST(FairQueue, SkipsWhatIsNotAdmittedButKeepsItsPlace) {
  FairQueue queue;
  queue.push(job("m"));
  queue.push(job("q"));
  auto queries = [](const PoolJob& next) { return next.function == "q"; };
  EXPECT_EQ(queue.pop(queries)->function, "q");
  EXPECT_FALSE(queue.pop(queries));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.pop(any)->function, "m");
}

TEST(FairQueue, KnowsTheFastByTheirHistory) {
  FairQueue queue;
  auto run = [&queue](const std::string& function, double seconds) {
    queue.push(job(function));
    queue.pop(any);
    queue.charge(function, seconds);
  };
  EXPECT_FALSE(queue.known_fast("a"));
  run("a", 0.002);
  EXPECT_TRUE(queue.known_fast("a"));
  run("a", 1);
  EXPECT_FALSE(queue.known_fast("a"));
  for (int i = 0; i < 8; ++i) run("a", 0.002);
  EXPECT_TRUE(queue.known_fast("a"));
}

TEST(FairQueue, IdleTimeIsNotSavedUp) {
  FairQueue queue;
  queue.push(job("late"));
  queue.pop(any);
  queue.charge("late", 0.1);
  for (int i = 0; i < 1000; ++i) {
    queue.push(job("busy"));
    queue.charge(queue.pop(any)->function, 0.1);
  }
  for (int i = 0; i < 10; ++i) {
    queue.push(job("late"));
    queue.push(job("busy"));
  }
  EXPECT_NE(order(queue).substr(0, 16).find("busy"), std::string::npos);
}

TEST(FairQueue, TakesAllWhenItEnds) {
  FairQueue queue;
  for (int i = 0; i < 3; ++i) queue.push(job("a", i, i == 1 ? "x" : "y"));
  queue.push(job("b"));
  EXPECT_EQ(queue.take_all().size(), 4u);
  EXPECT_TRUE(queue.empty());
  queue.push(job("a", 9, "x"));
  EXPECT_EQ(queue.pop(any)->queued_ns, 9);
}

}  // namespace
}  // namespace hull
