// Numbers for GET /metrics in Prometheus text form (operations.md §13.2). Labels are bounded: endpoints are
// route templates, never raw paths. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "functions/runner.h"
#include "server/sync_transport.h"

namespace hull {

class Metrics {
 public:
  void record_http(std::string_view endpoint, std::string_view method, int status, double seconds);
  std::atomic<int64_t>& concurrent_requests() { return concurrent_requests_; }
  SyncCounters& sync() { return sync_; }

  // `runner` may be null while the server starts.
  std::string render(FunctionRunner* runner) const;

 private:
  static constexpr std::array<double, 12> kBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                      0.1,   0.25,   0.5,   1,    2.5,   10};
  struct Histogram {
    std::array<uint64_t, kBuckets.size()> counts{};  // per bucket, not cumulative
    uint64_t count = 0;
    double sum = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, Histogram> http_;
  std::atomic<int64_t> concurrent_requests_{0};
  SyncCounters sync_;
};

}  // namespace hull
