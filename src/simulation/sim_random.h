// The randomness of a simulation: splitmix64, the same on every machine and library. Not thread-safe.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace hull::simulation {

class SimRandom {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In [0, n); n > 0. The bias of the remainder does not matter here.
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }
  // In [1, max], small values as likely as large ones.
  int64_t magnitude(int64_t max) {
    const double bits = std::log2(static_cast<double>(max)) * static_cast<double>(next() >> 11) * 0x1p-53;
    return static_cast<int64_t>(std::exp2(bits));
  }
  // An independent stream.
  SimRandom fork() { return SimRandom(next()); }

 private:
  uint64_t state_;
};

}  // namespace hull::simulation
