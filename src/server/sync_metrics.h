// Counters and histograms of the sync websockets (operations.md §13.2), shared by all sessions. Thread-safe;
// counting is an atomic, a histogram takes a short lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/metrics.h"

namespace hull {

class SyncCounters {
  prometheus::Registry registry_;  // before the series it owns

 public:
  SyncCounters();
  metrics::Families collect() const;

  std::atomic<int64_t> websockets{0};
  std::atomic<uint64_t> messages_in{0}, messages_out{0}, closed{0}, server_errors{0};
  std::atomic<uint64_t> transitions{0}, empty_transitions{0}, query_failed{0}, deduplicated{0},
      auth_errors{0};

  prometheus::Histogram& transition_bytes;  // size of Transitions
  prometheus::Histogram& query_set_size;    // queries of a session after a change
  prometheus::Histogram& mutation_queue;    // from a mutation's arrival until it starts, seconds
  prometheus::Histogram& update_queries;    // from the start of a computation to its Transition, seconds

 private:
  prometheus::Histogram& histogram(std::string_view name, std::string help,
                                   const prometheus::Histogram::BucketBoundaries& buckets,
                                   const metrics::Labels& labels);
};

}  // namespace hull
