// What the dashboard's charts show (http-api.md §8.2): counters per minute for a day, in memory.
//
// A cell is one function (or table) in one minute in which something happened. There are at most kMaxCells of
// them; when an app is so busy that they do not last for a day, the oldest minutes go first. At most 500
// functions and 500 tables have a series of their own. Times are Unix seconds. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "functions/bounded_names.h"
#include "functions/function_log.h"
#include "functions/outstanding_calls.h"

namespace hull {

class FunctionStatistics {
 public:
  static constexpr size_t kMaxFunctions = 500, kMaxTables = 500, kMaxCells = 100'000;
  static constexpr int64_t kMinutes = 24 * 60;

  // `now_ms` is the wall clock.
  explicit FunctionStatistics(std::function<double()> now_ms = unix_millis) : now_ms_(std::move(now_ms)) {}

  void record(const FunctionLogEntry& completion);
  // A commit of `source` invalidated `count` results that had read `table`.
  void record_invalidations(const std::string& source, const std::string& table, size_t count);
  void record_outstanding(const OutstandingCalls::Table& peaks);

  struct Window {
    double start_s = 0, end_s = 0;
    size_t buckets = 1;
  };
  struct Function {
    UdfType type = UdfType::kQuery;
    std::string identifier;  // as in the log: "dir/mod:fn" or "GET /path"
  };
  // One value per bucket; none where nothing is known.
  using Series = std::vector<std::optional<double>>;
  using NamedSeries = std::vector<std::pair<std::string, Series>>;
  enum class Rate { kInvocations, kErrors, kCacheHits, kCacheMisses, kSubscriptionInvalidations };
  enum class TableRate { kRowsRead, kRowsWritten };
  enum class Ranking { kCalls, kFailurePercentage, kCacheHitPercentage };

  Series rate(const Function& function, Rate rate, const Window& window) const;
  Series cache_hit_percentage(const Function& function, const Window& window) const;
  // In seconds, one series per percentile (0..100).
  std::vector<Series> latency_percentiles(const Function& function, const std::vector<double>& percentiles,
                                          const Window& window) const;
  Series table_rate(const std::string& table, TableRate rate, const Window& window) const;
  // The first `k` functions ("messages.js:list") and, if there are more, "_rest".
  NamedSeries top(Ranking ranking, size_t k, const Window& window) const;
  // "messages:send:tasks" and so on; of one function: "tasks".
  NamedSeries top_invalidations(size_t k, const std::optional<Function>& function,
                                const Window& window) const;
  Series outstanding(OutstandingCalls::Runtime runtime, UdfType type, bool running,
                     const Window& window) const;

 private:
  static constexpr size_t kLatencyBuckets = 32;
  struct Calls {
    uint32_t calls = 0, errors = 0, hits = 0, misses = 0;
    std::array<uint32_t, kLatencyBuckets> latency{};
    void add(const Calls& other);
  };
  struct Rows {
    uint64_t read = 0, written = 0;
  };
  struct Minute {
    int64_t number = 0;  // since the epoch
    std::unordered_map<uint64_t, Calls> functions;
    std::unordered_map<uint32_t, Rows> tables;
    std::unordered_map<uint64_t, uint64_t> invalidations;  // by source and table
    OutstandingCalls::Table outstanding{};
    size_t cells() const { return functions.size() + tables.size() + invalidations.size() + 1; }
  };

  static size_t latency_bucket(double seconds);
  static double percentile(const Calls& calls, double percent);
  static uint64_t key(uint32_t name, UdfType type) {
    return uint64_t{name} << 8 | static_cast<uint64_t>(type);
  }
  std::optional<uint64_t> find_locked(const Function& function) const;
  std::string chart_name_locked(uint64_t key) const;
  // That of now; drops what is too old or too much.
  Minute& minute_locked();
  // Calls `visit(bucket, minute)` for each minute that lies in the window.
  template <typename Visit>
  void each_locked(const Window& window, Visit visit) const;
  // A series of sums, 0 from the first recorded minute on.
  template <typename Count>
  Series sums_locked(const Window& window, Count count) const;
  // `value` of the calls of each bucket.
  template <typename Value>
  Series calls_locked(uint64_t key, const Window& window, Value value) const;

  const std::function<double()> now_ms_;
  mutable std::mutex mutex_;
  BoundedNames functions_{kMaxFunctions}, tables_{kMaxTables};
  std::deque<Minute> minutes_;
  size_t closed_cells_ = 0;  // of all minutes but the last
  std::optional<int64_t> first_minute_;
};

}  // namespace hull
