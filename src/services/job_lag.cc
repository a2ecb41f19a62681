#include "services/job_lag.h"

#include <algorithm>

namespace hull {
namespace {
constexpr int64_t kMinuteNs = 60'000'000'000;
constexpr double kMinuteS = 60;
}  // namespace

void JobLag::record(int64_t unix_ns, double seconds) {
  const int64_t minute = unix_ns / kMinuteNs;
  std::lock_guard lock(mutex_);
  if (minutes_.empty() || minutes_.back().first < minute) {
    minutes_.emplace_back(minute, seconds);
    if (minutes_.size() > kMinutes) minutes_.pop_front();
  } else {
    minutes_.back().second = std::max(minutes_.back().second, seconds);
  }
}

std::optional<double> JobLag::most(double start_s, double end_s) const {
  std::optional<double> most;
  std::lock_guard lock(mutex_);
  for (const auto& [minute, seconds] : minutes_) {
    const double begin = static_cast<double>(minute) * kMinuteS;
    if (begin + kMinuteS <= start_s || begin >= end_s) continue;
    most = std::max(most.value_or(0), seconds);
  }
  return most;
}

}  // namespace hull
