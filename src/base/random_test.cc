#include "base/random.h"

#include <gtest/gtest.h>

#include <thread>

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

}  // namespace
}  // namespace hull
