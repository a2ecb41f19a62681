// JobLag: how late the oldest due job was, minute by minute for a day (http-api.md §8.2). Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace hull {

class JobLag {
 public:
  static constexpr size_t kMinutes = 24 * 60;

  void record(int64_t unix_ns, double seconds);
  // The most in the minutes that touch [start, end) in Unix seconds; nullopt where nothing is known.
  std::optional<double> most(double start_s, double end_s) const;

 private:
  mutable std::mutex mutex_;
  std::deque<std::pair<int64_t, double>> minutes_;  // number since the epoch, ascending
};

}  // namespace hull
