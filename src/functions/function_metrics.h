// Prometheus series about functions (operations.md §13.2): one set per kind of function under the names that
// boards know, and one per function (hull_function_*), at most 500 functions and "_other". Fed by the
// function log and the runners. Thread-safe; record() is called for every completed call and takes one short
// lock.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/metrics.h"
#include "functions/bounded_names.h"
#include "functions/function_log.h"
#include "functions/outstanding_calls.h"

namespace hull {

class FunctionMetrics {
 public:
  static constexpr size_t kMaxFunctions = 500;

  FunctionMetrics();
  ~FunctionMetrics();

  // A completed call, or an attempt that lost a conflict.
  void record(const FunctionLogEntry& completion);
  // A call has got a worker after so long.
  void started(UdfType type, OutstandingCalls::Runtime runtime, double waited_s);
  // A call was refused because none became free in time.
  void refused(UdfType type, OutstandingCalls::Runtime runtime);
  // From the submission of a commit to its outcome; `committed`: it was not refused and not in conflict.
  void commit_ended(bool committed, double seconds);
  // A mutation was answered after so many retries.
  void mutation_answered(bool success, double seconds, size_t retries);
  void worker_started(OutstandingCalls::Runtime runtime, double seconds);

  metrics::Families collect() const;

 private:
  struct Series;
  struct PerFunction;
  PerFunction& function_locked(const FunctionLogEntry& completion);

  prometheus::Registry registry_;
  std::unique_ptr<Series> series_;
  std::mutex mutex_;
  BoundedNames names_{kMaxFunctions};
  std::unordered_map<uint64_t, PerFunction> functions_;  // by number and kind
};

}  // namespace hull
