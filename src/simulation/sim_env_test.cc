#include "simulation/sim_env.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace hull::simulation {
namespace {

SimEnv::Options seeded(uint64_t seed) {
  SimEnv::Options options;
  options.seed = seed;
  return options;
}

// Three producers hand numbers to a consumer; the order in which they arrive depends on the schedule.
std::string queue_history(SimEnv& env) {
  std::string history;
  auto failure = env.run([&] {
    auto wake = env.make_event();
    std::vector<std::string> queue;
    size_t producing = 3;
    std::vector<std::unique_ptr<Thread>> threads;
    for (int p = 0; p < 3; ++p) {
      threads.push_back(env.start_thread("producer", [&, p] {
        for (int i = 0; i < 5; ++i) {
          queue.push_back(std::to_string(p) + std::to_string(i));
          wake->notify();
          env.pause("produced");
        }
        --producing;
        wake->notify();
      }));
    }
    threads.push_back(env.start_thread("consumer", [&] {
      while (true) {
        for (const auto& item : queue) history += item + " ";
        queue.clear();
        if (producing == 0) return;
        wake->wait();
      }
    }));
  });
  EXPECT_EQ(failure.value_or(""), "");
  return history;
}

TEST(SimEnv, TheSameSeedGivesTheSameRunAndOthersOthers) {
  std::set<std::string> histories;
  std::set<uint64_t> digests;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SimEnv first(seeded(seed)), second(seeded(seed));
    const std::string history = queue_history(first);
    EXPECT_EQ(history.size(), 15u * 3);
    EXPECT_EQ(history, queue_history(second));
    EXPECT_EQ(first.digest(), second.digest());
    histories.insert(history);
    digests.insert(first.digest());
  }
  EXPECT_GT(histories.size(), 40u);
  EXPECT_EQ(digests.size(), 50u);
}

TEST(SimEnv, TraceNamesFibersAndPoints) {
  std::string trace;
  SimEnv::Options options = seeded(3);
  options.trace = [&](std::string_view line) { trace += std::string(line) + "\n"; };
  SimEnv env(options);
  queue_history(env);
  EXPECT_NE(trace.find("producer: goes on from produced"), std::string::npos) << trace;
  EXPECT_NE(trace.find("consumer: goes on from event"), std::string::npos) << trace;
}

TEST(SimEnv, TimeJumpsToTheEarliestDeadline) {
  SimEnv env(seeded(1));
  std::vector<std::string> order;
  auto failure = env.run([&] {
    const int64_t start = env.monotonic_nanos();
    auto late = env.start_thread("late", [&] {
      env.sleep(3'600'000'000'000);
      order.push_back("late");
    });
    auto early = env.start_thread("early", [&] {
      auto event = env.make_event();
      EXPECT_FALSE(event->wait_until(env.monotonic_nanos() + 60'000'000'000));
      order.push_back("early");
      EXPECT_GE(env.monotonic_nanos() - start, 60'000'000'000);
      EXPECT_LT(env.monotonic_nanos() - start, 3'600'000'000'000);
    });
    early.reset();
    late.reset();
    EXPECT_GE(env.monotonic_nanos() - start, 3'600'000'000'000);
  });
  EXPECT_FALSE(failure);
  EXPECT_EQ(order, (std::vector<std::string>{"early", "late"}));
}

TEST(SimEnv, EventsRememberOneNotification) {
  SimEnv env(seeded(2));
  auto failure = env.run([&] {
    auto event = env.make_event();
    event->notify();
    event->notify();
    event->wait();
    EXPECT_FALSE(event->wait_until(env.monotonic_nanos() + 1000));
    event->notify();
    EXPECT_TRUE(event->wait_until(env.monotonic_nanos() - 1));
  });
  EXPECT_FALSE(failure);
}

TEST(SimEnv, TheWallClockJumpsAndTheOtherDoesNot) {
  SimEnv env(seeded(1));
  const int64_t wall = env.unix_nanos(), monotonic = env.monotonic_nanos();
  env.jump_wall_clock(-5'000'000'000);
  EXPECT_EQ(env.unix_nanos(), wall - 5'000'000'000);
  EXPECT_EQ(env.monotonic_nanos(), monotonic);
}

// A fiber held between two steps is overtaken by another one's many steps, for some seed.
TEST(SimEnv, HoldsOneFiberWhileOthersRun) {
  size_t most = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimEnv env(seeded(seed));
    bool held = false;
    size_t overtaken = 0;
    auto failure = env.run([&] {
      auto a = env.start_thread("a", [&] {
        held = true;
        env.pause("the point");
        held = false;
      });
      auto b = env.start_thread("b", [&] {
        for (int i = 0; i < 1000; ++i) {
          overtaken += held;
          env.pause("work");
        }
      });
    });
    EXPECT_FALSE(failure);
    most = std::max(most, overtaken);
  }
  EXPECT_GT(most, 500u);
}

TEST(SimEnv, ReportsADeadlockWithEveryFibersPlace) {
  SimEnv env(seeded(1));
  auto failure = env.run([&] {
    auto never = env.make_event();
    auto stuck = env.start_thread("stuck one", [event = never] { event->wait(); });
    auto fine = env.start_thread("fine one", [] {});
  });
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->find("deadlock"), std::string::npos);
  EXPECT_NE(failure->find("stuck one: waiting at event"), std::string::npos) << *failure;
  EXPECT_NE(failure->find("main: waiting at join"), std::string::npos) << *failure;
  EXPECT_EQ(failure->find("fine one"), std::string::npos) << *failure;
}

TEST(SimEnv, ReportsAnEndlessLoop) {
  SimEnv::Options options = seeded(1);
  options.max_steps = 1000;
  SimEnv env(options);
  auto failure = env.run([&] {
    while (true) env.pause("round and round");
  });
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->find("round and round"), std::string::npos);
}

// The rule about mutexes: held between pauses only, they are never contended.
TEST(SimEnv, MutexesWork) {
  SimEnv env(seeded(9));
  std::mutex mutex;
  size_t sum = 0;
  auto failure = env.run([&] {
    std::vector<std::unique_ptr<Thread>> threads;
    for (int t = 0; t < 4; ++t) {
      threads.push_back(env.start_thread("adder", [&] {
        for (int i = 0; i < 100; ++i) {
          {
            std::lock_guard lock(mutex);
            ++sum;
          }
          env.pause("added");
        }
      }));
    }
  });
  EXPECT_FALSE(failure);
  EXPECT_EQ(sum, 400u);
}

}  // namespace
}  // namespace hull::simulation
