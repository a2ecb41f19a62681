#include "base/time.h"

#include <ctime>

namespace hull {
namespace {

int64_t read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int64_t unix_nanos() { return read_clock(CLOCK_REALTIME); }

double unix_millis() {
  // Split before converting: nanoseconds since the epoch exceed the 53 bits of a double.
  int64_t ns = unix_nanos();
  return static_cast<double>(ns / 1'000'000) + static_cast<double>(ns % 1'000'000) / 1e6;
}

int64_t monotonic_nanos() { return read_clock(CLOCK_MONOTONIC); }

}  // namespace hull
