// How many calls wait and run at this moment, per runtime and kind of function. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/time.h"
#include "functions/call.h"

namespace hull {

class OutstandingCalls {
 public:
  enum class Runtime { kIsolate, kNode };
  static constexpr size_t kRuntimes = 2, kTypes = 4;

  struct Counts {
    int64_t running = 0, queued = 0;
  };
  using Table = std::array<std::array<Counts, kTypes>, kRuntimes>;

  Table now() const {
    return read([](const Gauge& gauge) { return gauge.value.load(); });
  }
  // The most there were since the last call of this function.
  Table take_peaks() {
    return read([](Gauge& gauge) { return gauge.peak.exchange(gauge.value.load()); });
  }

 private:
  friend class CallTicket;
  struct Gauge {
    std::atomic<int64_t> value{0}, peak{0};
    void raise() {
      const int64_t risen = value.fetch_add(1, std::memory_order_relaxed) + 1;
      int64_t seen = peak.load(std::memory_order_relaxed);
      while (seen < risen && !peak.compare_exchange_weak(seen, risen, std::memory_order_relaxed)) {
      }
    }
    void lower() { value.fetch_sub(1, std::memory_order_relaxed); }
  };
  struct Cell {
    Gauge running, queued;
  };

  template <typename Take>
  Table read(Take take) const {
    Table table;
    for (size_t runtime = 0; runtime < kRuntimes; ++runtime) {
      for (size_t type = 0; type < kTypes; ++type) {
        Cell& cell = cells_[runtime][type];
        table[runtime][type] = {take(cell.running), take(cell.queued)};
      }
    }
    return table;
  }

  mutable std::array<std::array<Cell, kTypes>, kRuntimes> cells_;
};

// One call on its way: waits from its construction, runs from start(), is gone with its destruction. Owned by
// one thread at a time.
class CallTicket {
 public:
  CallTicket(OutstandingCalls& calls, OutstandingCalls::Runtime runtime, UdfType type)
      : cell_(calls.cells_[static_cast<size_t>(runtime)][static_cast<size_t>(type)]) {
    cell_.queued.raise();
  }
  ~CallTicket() { (running_ ? cell_.running : cell_.queued).lower(); }
  CallTicket(const CallTicket&) = delete;

  // Returns how long the call has waited, in seconds.
  double start() {
    cell_.running.raise();
    cell_.queued.lower();
    running_ = true;
    return static_cast<double>(monotonic_nanos() - since_ns_) / 1e9;
  }

 private:
  OutstandingCalls::Cell& cell_;
  const int64_t since_ns_ = monotonic_nanos();
  bool running_ = false;
};

}  // namespace hull
