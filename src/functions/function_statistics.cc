#include "functions/function_statistics.h"

#include <algorithm>
#include <cmath>

namespace hull {
namespace {

constexpr double kFirstBound = 0.001, kGrowth = 1.5;  // bounds of the latency buckets, seconds

double upper_bound(size_t bucket) { return kFirstBound * std::pow(kGrowth, static_cast<double>(bucket)); }

std::optional<double> percentage(uint64_t part, uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void FunctionStatistics::Calls::add(const Calls& other) {
  calls += other.calls;
  errors += other.errors;
  hits += other.hits;
  misses += other.misses;
  for (size_t i = 0; i < latency.size(); ++i) latency[i] += other.latency[i];
}

size_t FunctionStatistics::latency_bucket(double seconds) {
  if (seconds <= kFirstBound) return 0;
  auto bucket = static_cast<size_t>(std::ceil(std::log(seconds / kFirstBound) / std::log(kGrowth)));
  return std::min(bucket, kLatencyBuckets - 1);
}

double FunctionStatistics::percentile(const Calls& calls, double percent) {
  const double wanted = std::max(1.0, std::ceil(percent / 100 * static_cast<double>(calls.calls)));
  double seen = 0;
  for (size_t i = 0; i < kLatencyBuckets; ++i) {
    const double here = calls.latency[i];
    if (here > 0 && seen + here >= wanted) {
      const double lower = i == 0 ? 0 : upper_bound(i - 1);
      return lower + (upper_bound(i) - lower) * (wanted - seen) / here;
    }
    seen += here;
  }
  return upper_bound(kLatencyBuckets - 1);
}

FunctionStatistics::Minute& FunctionStatistics::minute_locked() {
  const auto number = static_cast<int64_t>(now_ms_() / 60'000);
  if (minutes_.empty() || number > minutes_.back().number) {
    if (!minutes_.empty()) closed_cells_ += minutes_.back().cells();
    minutes_.emplace_back().number = number;
    if (!first_minute_) first_minute_ = number;
  }
  while (minutes_.size() > 1 && (minutes_.front().number <= number - kMinutes ||
                                 closed_cells_ + minutes_.back().cells() > kMaxCells)) {
    closed_cells_ -= minutes_.front().cells();
    minutes_.pop_front();
    first_minute_ = minutes_.front().number;
  }
  return minutes_.back();
}

void FunctionStatistics::record(const FunctionLogEntry& entry) {
  if (entry.occ && entry.will_retry) return;
  std::lock_guard lock(mutex_);
  Minute& minute = minute_locked();
  const uint32_t name =
      entry.names_a_function() ? functions_.add(entry.identifier) : functions_.find(entry.identifier);
  Calls& calls = minute.functions[key(name, entry.udf_type)];
  ++calls.calls;
  if (entry.error) ++calls.errors;
  if (entry.udf_type == UdfType::kQuery) ++(entry.cached_result ? calls.hits : calls.misses);
  ++calls.latency[latency_bucket(entry.execution_time_s)];
  for (const FunctionLogEntry::TableRows& table : entry.tables) {
    Rows& rows = minute.tables[tables_.add(table.name)];
    rows.read += table.read;
    rows.written += table.written;
  }
}

void FunctionStatistics::record_invalidations(const std::string& source, const std::string& table,
                                              size_t count) {
  std::lock_guard lock(mutex_);
  minute_locked().invalidations[uint64_t{functions_.add(source)} << 32 | tables_.add(table)] += count;
}

void FunctionStatistics::record_outstanding(const OutstandingCalls::Table& peaks) {
  std::lock_guard lock(mutex_);
  OutstandingCalls::Table& most = minute_locked().outstanding;
  for (size_t runtime = 0; runtime < peaks.size(); ++runtime) {
    for (size_t type = 0; type < peaks[runtime].size(); ++type) {
      most[runtime][type].running = std::max(most[runtime][type].running, peaks[runtime][type].running);
      most[runtime][type].queued = std::max(most[runtime][type].queued, peaks[runtime][type].queued);
    }
  }
}

std::optional<uint64_t> FunctionStatistics::find_locked(const Function& function) const {
  const uint32_t name = functions_.find(function.identifier);
  if (name == BoundedNames::kOther) return std::nullopt;
  return key(name, function.type);
}

std::string FunctionStatistics::chart_name_locked(uint64_t key) const {
  const std::string& identifier = functions_.name(static_cast<uint32_t>(key >> 8));
  if (static_cast<UdfType>(key & 0xff) == UdfType::kHttpAction) return identifier;
  auto path = FunctionPath::parse(identifier);
  return path.ok() && key >> 8 != BoundedNames::kOther ? path->canonical() : identifier;
}

template <typename Visit>
void FunctionStatistics::each_locked(const Window& window, Visit visit) const {
  const double width = (window.end_s - window.start_s) / static_cast<double>(window.buckets);
  for (const Minute& minute : minutes_) {
    // A minute counts where its middle lies; the present one where the middle of what has passed lies.
    const double start_s = static_cast<double>(minute.number) * 60;
    const double middle_s = start_s + std::clamp(now_ms_() / 1000 - start_s, 0.0, 60.0) / 2;
    if (middle_s < window.start_s || middle_s >= window.end_s || width <= 0) continue;
    visit(std::min(static_cast<size_t>((middle_s - window.start_s) / width), window.buckets - 1), minute);
  }
}

template <typename Count>
FunctionStatistics::Series FunctionStatistics::sums_locked(const Window& window, Count count) const {
  Series series(window.buckets);
  const double width = (window.end_s - window.start_s) / static_cast<double>(window.buckets);
  for (size_t i = 0; i < series.size() && first_minute_; ++i) {
    const double end_s = window.start_s + width * static_cast<double>(i + 1);
    const double start_s = end_s - width;
    if (end_s > static_cast<double>(*first_minute_) * 60 && start_s <= now_ms_() / 1000) series[i] = 0;
  }
  each_locked(window, [&](size_t bucket, const Minute& minute) {
    series[bucket] = series[bucket].value_or(0) + static_cast<double>(count(minute));
  });
  return series;
}

template <typename Value>
FunctionStatistics::Series FunctionStatistics::calls_locked(uint64_t key, const Window& window,
                                                            Value value) const {
  std::map<size_t, Calls> buckets;
  each_locked(window, [&](size_t bucket, const Minute& minute) {
    auto it = minute.functions.find(key);
    if (it != minute.functions.end()) buckets[bucket].add(it->second);
  });
  Series series(window.buckets);
  for (const auto& [bucket, calls] : buckets) series[bucket] = value(calls);
  return series;
}

FunctionStatistics::Series FunctionStatistics::rate(const Function& function, Rate rate,
                                                    const Window& window) const {
  std::lock_guard lock(mutex_);
  const std::optional<uint64_t> wanted = find_locked(function);
  return sums_locked(window, [&](const Minute& minute) -> uint64_t {
    if (!wanted) return 0;
    if (rate == Rate::kSubscriptionInvalidations) {
      uint64_t sum = 0;
      for (const auto& [pair, count] : minute.invalidations) {
        if (pair >> 32 == *wanted >> 8) sum += count;
      }
      return sum;
    }
    auto it = minute.functions.find(*wanted);
    if (it == minute.functions.end()) return 0;
    const Calls& calls = it->second;
    return rate == Rate::kInvocations ? calls.calls
           : rate == Rate::kErrors    ? calls.errors
           : rate == Rate::kCacheHits ? calls.hits
                                      : calls.misses;
  });
}

FunctionStatistics::Series FunctionStatistics::cache_hit_percentage(const Function& function,
                                                                    const Window& window) const {
  std::lock_guard lock(mutex_);
  const std::optional<uint64_t> wanted = find_locked(function);
  if (!wanted) return Series(window.buckets);
  return calls_locked(*wanted, window,
                      [](const Calls& calls) { return percentage(calls.hits, calls.hits + calls.misses); });
}

std::vector<FunctionStatistics::Series> FunctionStatistics::latency_percentiles(
    const Function& function, const std::vector<double>& percentiles, const Window& window) const {
  std::lock_guard lock(mutex_);
  const std::optional<uint64_t> wanted = find_locked(function);
  std::vector<Series> out;
  for (double percent : percentiles) {
    out.push_back(wanted ? calls_locked(*wanted, window,
                                        [percent](const Calls& calls) { return percentile(calls, percent); })
                         : Series(window.buckets));
  }
  return out;
}

FunctionStatistics::Series FunctionStatistics::table_rate(const std::string& table, TableRate rate,
                                                          const Window& window) const {
  std::lock_guard lock(mutex_);
  const uint32_t name = tables_.find(table);
  return sums_locked(window, [&](const Minute& minute) -> uint64_t {
    auto it = minute.tables.find(name);
    if (name == BoundedNames::kOther || it == minute.tables.end()) return 0;
    return rate == TableRate::kRowsRead ? it->second.read : it->second.written;
  });
}

FunctionStatistics::NamedSeries FunctionStatistics::top(Ranking ranking, size_t k,
                                                        const Window& window) const {
  std::lock_guard lock(mutex_);
  std::unordered_map<uint64_t, std::map<size_t, Calls>> functions;
  each_locked(window, [&](size_t bucket, const Minute& minute) {
    for (const auto& [key, calls] : minute.functions) {
      const bool query = static_cast<UdfType>(key & 0xff) == UdfType::kQuery;
      if (ranking == Ranking::kCacheHitPercentage && !query) continue;
      functions[key][bucket].add(calls);
    }
  });
  // The most failures, the most cache lookups, the most calls.
  std::vector<std::pair<uint64_t, uint64_t>> order;
  for (const auto& [key, buckets] : functions) {
    uint64_t weight = 0;
    for (const auto& [bucket, calls] : buckets)
      weight += ranking == Ranking::kFailurePercentage ? calls.errors : calls.calls;
    order.emplace_back(weight, key);
  }
  std::sort(order.begin(), order.end(), std::greater<>());
  auto series = [&](const std::map<size_t, Calls>& buckets) {
    Series out = ranking == Ranking::kCalls ? sums_locked(window, [](const Minute&) { return 0; })
                                            : Series(window.buckets);
    for (const auto& [bucket, calls] : buckets) {
      out[bucket] = ranking == Ranking::kCalls ? std::optional<double>(calls.calls)
                    : ranking == Ranking::kFailurePercentage
                        ? percentage(calls.errors, calls.calls)
                        : percentage(calls.hits, calls.hits + calls.misses);
    }
    return out;
  };
  NamedSeries out;
  std::map<size_t, Calls> rest;
  for (size_t i = 0; i < order.size(); ++i) {
    const auto& buckets = functions[order[i].second];
    if (i < k) {
      out.emplace_back(chart_name_locked(order[i].second), series(buckets));
    } else {
      for (const auto& [bucket, calls] : buckets) rest[bucket].add(calls);
    }
  }
  if (!rest.empty()) out.emplace_back("_rest", series(rest));
  return out;
}

FunctionStatistics::NamedSeries FunctionStatistics::top_invalidations(size_t k,
                                                                      const std::optional<Function>& function,
                                                                      const Window& window) const {
  std::lock_guard lock(mutex_);
  std::optional<uint32_t> only;
  if (function) {
    only = functions_.find(function->identifier);
    if (*only == BoundedNames::kOther) return {};
  }
  std::unordered_map<uint64_t, std::map<size_t, uint64_t>> pairs;
  each_locked(window, [&](size_t bucket, const Minute& minute) {
    for (const auto& [pair, count] : minute.invalidations) {
      if (!only || pair >> 32 == *only) pairs[pair][bucket] += count;
    }
  });
  std::vector<std::pair<uint64_t, uint64_t>> order;
  for (const auto& [pair, buckets] : pairs) {
    uint64_t sum = 0;
    for (const auto& [bucket, count] : buckets) sum += count;
    order.emplace_back(sum, pair);
  }
  std::sort(order.begin(), order.end(), std::greater<>());
  auto series = [&](const std::map<size_t, uint64_t>& buckets) {
    Series out = sums_locked(window, [](const Minute&) { return 0; });
    for (const auto& [bucket, count] : buckets) out[bucket] = static_cast<double>(count);
    return out;
  };
  NamedSeries out;
  std::map<size_t, uint64_t> rest;
  for (size_t i = 0; i < order.size(); ++i) {
    const uint64_t pair = order[i].second;
    if (i < k) {
      std::string name = tables_.name(static_cast<uint32_t>(pair));
      if (!only) name = functions_.name(static_cast<uint32_t>(pair >> 32)) + ":" + name;
      out.emplace_back(std::move(name), series(pairs[pair]));
    } else {
      for (const auto& [bucket, count] : pairs[pair]) rest[bucket] += count;
    }
  }
  if (!rest.empty()) out.emplace_back("_rest", series(rest));
  return out;
}

FunctionStatistics::Series FunctionStatistics::outstanding(OutstandingCalls::Runtime runtime, UdfType type,
                                                           bool running, const Window& window) const {
  std::lock_guard lock(mutex_);
  Series series(window.buckets);
  each_locked(window, [&](size_t bucket, const Minute& minute) {
    const auto& counts = minute.outstanding[static_cast<size_t>(runtime)][static_cast<size_t>(type)];
    const auto most = static_cast<double>(running ? counts.running : counts.queued);
    series[bucket] = std::max(series[bucket].value_or(0), most);
  });
  return series;
}

}  // namespace hull
