// Time: commit timestamps and clocks.
#pragma once

#include <compare>
#include <cstdint>

namespace hull {

// A commit timestamp: nanoseconds since the Unix epoch, also the logical clock (database.md §1). 0 is "before
// everything".
struct Timestamp {
  int64_t ns = 0;
  auto operator<=>(const Timestamp&) const = default;
  static constexpr Timestamp max() { return Timestamp{INT64_MAX}; }
};

int64_t unix_nanos();       // wall clock
double unix_millis();       // wall clock, fractional ms
int64_t monotonic_nanos();  // for durations only

}  // namespace hull
