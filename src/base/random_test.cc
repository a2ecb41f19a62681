#include "base/random.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace hull {
namespace {

TEST(ScopedRandomSeed, RepeatsTheSequenceOfItsThread) {
  std::string first, second, other;
  {
    ScopedRandomSeed seed(7);
    first = random_bytes(13);
    first += random_hex(3);
    first += random_uuid();
  }
  {
    ScopedRandomSeed seed(7);
    second = random_bytes(13);
    {
      ScopedRandomSeed inner(8);
      random_u64();
    }
    std::thread([] { random_u64(); }).join();
    second += random_hex(3);
    second += random_uuid();
  }
  {
    ScopedRandomSeed seed(8);
    other = random_bytes(13);
    other += random_hex(3);
    other += random_uuid();
  }
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
  EXPECT_NE(random_u64(), random_u64());
}

TEST(Random, NothingIsGivenOutTwice) {
  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<std::thread> threads;
  constexpr size_t kThreads = 4, kEach = 2000;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (size_t i = 0; i < kEach; ++i) {
        std::string bytes = random_bytes(14 + i % 30);  // from the stock and past it
        std::lock_guard lock(mutex);
        seen.insert(bytes.substr(0, 14));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), kThreads * kEach);
}

}  // namespace
}  // namespace hull
